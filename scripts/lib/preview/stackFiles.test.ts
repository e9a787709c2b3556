import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { badName, baseOf, changedSince, fileAt, fileNow, filesAt, forRehearsal } from "./stackFiles";

let checkout: string;
beforeEach(() => {
  checkout = realpathSync(mkdtempSync(path.join(tmpdir(), "stack-files-")));
  git("init", "-q", "-b", "main");
  put("tenants/Pulumi.moh-a.yaml", "config: {}\n");
  put("tenants/Pulumi.moh-b.yaml", "config: {}\n");
  put("tenants/moh-b/ca.pem", "old");
  commit();
});
afterEach(() => {
  rmSync(checkout, { recursive: true });
});

function git(...args: string[]): void {
  const who = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
  execFileSync("git", [...who, "-C", checkout, ...args], { stdio: "pipe" });
}
function put(file: string, content: string): void {
  mkdirSync(path.dirname(path.join(checkout, file)), { recursive: true });
  writeFileSync(path.join(checkout, file), content);
}
function commit(): void {
  git("add", "-A", "-f");
  git("commit", "-qm", "c");
}

describe("the tenants that have changed since a commit", () => {
  it("are those with another stack file or another file, committed or not, new or removed", () => {
    git("checkout", "-qb", "change");
    put("tenants/Pulumi.moh-new.yaml", "config: {}\n");
    put("tenants/moh-b/ca.pem", "new");
    put("tenants/not-a-tenant/x", "");
    put("README.md", "");
    commit();
    rmSync(path.join(checkout, "tenants/Pulumi.moh-a.yaml"));
    put("tenants/Pulumi.moh-later.yaml", "config: {}\n");
    expect(changedSince(checkout, baseOf(checkout, "main"))).toEqual([
      "moh-a",
      "moh-b",
      "moh-later",
      "moh-new",
    ]);
  });

  it("are not those that the other branch has changed meanwhile", () => {
    git("checkout", "-qb", "change");
    put("tenants/Pulumi.moh-a.yaml", "config: { a: b }\n");
    commit();
    git("checkout", "-q", "main");
    put("tenants/Pulumi.moh-b.yaml", "config: { a: b }\n");
    commit();
    git("checkout", "-q", "change");
    const base = baseOf(checkout, "main");
    expect(changedSince(checkout, base)).toEqual(["moh-a"]);
    expect(String(fileAt(checkout, base.commit, "tenants/Pulumi.moh-a.yaml"))).toBe("config: {}\n");
  });

  it("cannot be found without that commit, without its history, and outside a checkout", () => {
    expect(() => baseOf(checkout, "nowhere")).toThrow(/--changed-since nowhere: there is no such commit/);
    expect(() => baseOf(checkout, "--output=x")).toThrow(/there is no such commit/);
    git("checkout", "-q", "--orphan", "other");
    git("commit", "-qm", "o");
    expect(() => baseOf(checkout, "main")).toThrow(/no commit in common with HEAD.*--unshallow/);
    expect(() => baseOf(tmpdir(), "main")).toThrow(/is not a git checkout; name one with --from/);
  });
});

describe("a file of a stranger", () => {
  it("is read neither through a link, its own or its folder's, nor from a device, nor when it is large", () => {
    symlinkSync("/etc/passwd", path.join(checkout, "tenants/Pulumi.moh-link.yaml"));
    symlinkSync("/dev/zero", path.join(checkout, "tenants/Pulumi.moh-zero.yaml"));
    symlinkSync("tenants", path.join(checkout, "elsewhere"));
    mkdirSync(path.join(checkout, "tenants/Pulumi.moh-folder.yaml"));
    put("tenants/Pulumi.moh-large.yaml", "#".repeat(1024 * 1024 + 1));
    for (const name of ["link", "zero", "folder", "large"])
      expect(() => fileNow(checkout, `tenants/Pulumi.moh-${name}.yaml`)).toThrow(
        /is not read; allowed: a regular file/,
      );
    expect(() => fileNow(checkout, "elsewhere/Pulumi.moh-a.yaml")).toThrow(/is not read/);
    expect(fileNow(checkout, "tenants/Pulumi.moh-none.yaml")).toBeUndefined();
  });

  it("is not read from a commit if it was a link there", () => {
    symlinkSync("/etc/passwd", path.join(checkout, "tenants/moh-b/key.pem"));
    commit();
    expect([...filesAt(checkout, "HEAD", "tenants/moh-b").keys()]).toEqual(["tenants/moh-b/ca.pem"]);
  });

  it("belongs to no tenant if its name is none", () => {
    for (const name of ["--cwd", "Moh", "a", "x y", "../moh"])
      expect(badName(name)).toMatch(/is not a tenant's id/);
    expect(badName("moh-premium")).toBeUndefined();
  });
});

describe("a stack file for a rehearsal", () => {
  it("has something else for each encrypted value, and no key to decrypt with", () => {
    const file = (value: string) => `
encryptionsalt: v1:x
secretsprovider: awskms://alias/x
environment: [production]
config:
  dhistance:tenant: { servers: [{ name: a, import: { encryptionPassword: { secure: "${value}" } } }] }`;
    const [one, other] = [forRehearsal("f", file("v1:abc")), forRehearsal("f", file("v1:def"))];
    expect([...one.placeholders.keys()]).toEqual(["dhistance:tenant.servers[0].import.encryptionPassword"]);
    expect(Object.keys(JSON.parse(one.text) as object)).toEqual(["config"]);
    expect(one.text).not.toContain("v1:");
    expect([...one.placeholders.values()]).not.toEqual([...other.placeholders.values()]);
    expect(forRehearsal("f", file("v1:abc"))).toEqual(one);
  });

  it.each([
    ["a: [", /^f is not YAML: /],
    ["config: []", /its key config has to be a mapping/],
    ["config: text", /its key config has to be a mapping/],
    [
      // Each line names the one before nine times: a file of some lines would fill the memory.
      [
        "a: &a [x]",
        ...["b", "c", "d", "e", "f", "g"].map(
          (c, at) => `${c}: &${c} [${`*${["a", "b", "c", "d", "e", "f"][at]},`.repeat(9)}]`,
        ),
      ].join("\n"),
      /^f is not read: /,
    ],
  ])("is refused: %s", (text, message) => {
    expect(() => forRehearsal("f", text)).toThrow(message);
  });

  it("may be empty", () => {
    expect(forRehearsal("f", "").config).toEqual({});
  });
});
