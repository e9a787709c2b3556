import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { Customers } from "./customers";
import { toolchain } from "./pulumi";
import { ROOT, type Draft } from "./tenants";

/**
 * The examples of docs/operating/ci, from a pull request to its comment. Their scripts are run as they stand; only what
 * reaches a network is replaced: `gh`, `curl`, and `npm`, which gets this checkout's packages.
 */
const EXAMPLES = path.join(ROOT, "docs/operating/ci");
const OWN = ["node_modules", ".git", ".dhistance", "dist", "coverage"];
const git = (folder: string, ...args: string[]) =>
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", "-C", folder, ...args], {
    encoding: "utf8",
  }).trim();

let home: string;
let customers: Customers;
let release: { repository: string; commit: string };
let base: string;

beforeAll(async () => {
  await toolchain();
  home = realpathSync(mkdtempSync(path.join(tmpdir(), "ci-")));
  release = publish(path.join(home, "release"));
  customers = await Customers.of(["moh-one"]);
  customers.write("moh-one");
  customers.commit("as it is");
  base = customers.git("rev-parse", "HEAD");
  customers.git("checkout", "-qb", "change");
  mkdirSync(path.join(home, "bin"));
  const program = (name: string, script: string) => {
    writeFileSync(path.join(home, "bin", name), `#!/bin/bash\n${script}\n`);
    chmodSync(path.join(home, "bin", name), 0o755);
  };
  const packages = JSON.stringify(path.join(ROOT, "node_modules"));
  program("npm", `cd "$2" && ln -s ${packages} node_modules`);
  // They keep how they were called, and the comment that they were given; COMMENT and NOTES are those that there are already.
  const keep = `printf '%s\\n' "$*" >> calls; for word in "$@"; do case "$word" in body[=@]*) cp "\${word##*@}" comment;; esac; done`;
  program("gh", `${keep}; case "$*" in *--paginate*) printf '%s\\n' $COMMENT;; esac`);
  program(
    "curl",
    `cat > config; ${keep}; case "$*" in
      */user) echo '{"id": 7}';;
      *per_page*) printf '%s' "$NOTES";;
    esac`,
  );
});
afterAll(() => {
  customers.remove();
  rmSync(home, { recursive: true });
});

/** This checkout as a repository with one release. */
function publish(repository: string): { repository: string; commit: string } {
  cpSync(ROOT, repository, { recursive: true, filter: (file) => !OWN.includes(path.basename(file)) });
  git(repository, "init", "-q");
  git(repository, "add", "-A");
  git(repository, "commit", "-qm", "release");
  return { repository, commit: git(repository, "rev-parse", "HEAD") };
}

interface Ran {
  code: number | null;
  /** All that it printed. */
  said: string;
  comment: string;
  /** How `gh` or `curl` were called. */
  calls: string;
  folder: string;
}

/** Runs scripts one after another in an empty folder with the branch's checkout, until one fails. */
function runIn(folder: string, scripts: string[], env: Record<string, string>): Ran {
  let [code, said]: [number | null, string] = [0, ""];
  for (const script of scripts) {
    const { DHISTANCE_ISSUERS: _, ...inherited } = process.env;
    const { status, stdout, stderr } = spawnSync("bash", ["-eo", "pipefail", "-c", script], {
      cwd: folder,
      env: { ...inherited, ...env, PATH: `${path.join(home, "bin")}:${process.env["PATH"] ?? ""}` },
      encoding: "utf8",
    });
    [code, said] = [status, said + stdout + stderr];
    if (code !== 0) break;
  }
  const read = (name: string) => {
    const file = path.join(folder, name);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  };
  return { code, said, comment: read("comment"), calls: read("calls"), folder };
}

function onGitHub(comment = "", since = base): Ran {
  const { jobs } = parse(readFileSync(path.join(EXAMPLES, "github-actions.yml"), "utf8")) as Draft;
  const folder = mkdtempSync(path.join(home, "github-"));
  // As actions/checkout does it, with what its step asks for.
  const [checkout, ...steps] = jobs.preview.steps as Draft[];
  expect(checkout.with).toMatchObject({ "fetch-depth": 0, "persist-credentials": false });
  customers.git("clone", "-q", "--branch", "change", ".", path.join(folder, checkout.with.path as string));
  const values: Record<string, string> = {
    "github.event.pull_request.base.sha": since,
    "github.event.pull_request.number": "12",
    "vars.DHISTANCE_ISSUERS": readFileSync(customers.issuers, "utf8"),
    "github.token": "of-github",
  };
  const resolved = (env: Record<string, unknown> = {}) =>
    Object.fromEntries(
      Object.entries(env).map(([name, value]) => [
        name,
        String(value).replace(
          /\$\{\{ (\S+) \}\}/g,
          (_, expression: string) => values[expression] ?? "unknown",
        ),
      ]),
    );
  const env = {
    ...resolved(jobs.preview.env as Record<string, unknown>),
    ...resolved((steps.find(({ env }) => env) as Draft).env as Record<string, unknown>),
    DHISTANCE_REPOSITORY: release.repository,
    DHISTANCE_RELEASE: release.commit,
    RUNNER_TEMP: folder,
    GITHUB_STEP_SUMMARY: path.join(folder, "summary"),
    GITHUB_REPOSITORY: "moh/customers",
    COMMENT: comment,
  };
  return runIn(
    folder,
    steps.map(({ run }) => run as string),
    env,
  );
}

const note = (id: string, author: number) => ({
  id: Number(id),
  author: { id: author },
  body: "<!-- dhistance preview -->",
});

function onGitLab(comment = "", since = base): Ran {
  const { preview } = parse(readFileSync(path.join(EXAMPLES, "gitlab-ci.yml"), "utf8")) as Draft;
  const folder = mkdtempSync(path.join(home, "gitlab-"));
  customers.git("clone", "-q", "--branch", "change", ".", path.join(folder, "project"));
  const env = {
    ...(preview.variables as Record<string, string>),
    DHISTANCE_REPOSITORY: release.repository,
    DHISTANCE_RELEASE: release.commit,
    ISSUERS: customers.issuers,
    COMMENT_TOKEN: "of-gitlab",
    CI_BUILDS_DIR: folder,
    CI_PROJECT_DIR: path.join(folder, "project"),
    CI_MERGE_REQUEST_DIFF_BASE_SHA: since,
    CI_API_V4_URL: "https://gitlab.example.org/api/v4",
    CI_PROJECT_ID: "3",
    CI_MERGE_REQUEST_IID: "12",
    // The first is somebody else's.
    NOTES: JSON.stringify([note("1", 8), ...(comment ? [note(comment, 7)] : [])]),
  };
  // GitLab runs all lines in one shell.
  return runIn(folder, [(preview.script as string[]).join("\n")], env);
}

describe.each([
  ["github-actions.yml", onGitHub],
  ["gitlab-ci.yml", onGitLab],
])("P37: %s", (_, run) => {
  beforeEach(() => {
    customers.reset(base);
  });

  it("comments on a change, and passes", () => {
    customers.specs["moh-one"].servers[0].size = "medium";
    customers.write("moh-one");
    customers.commit("a larger server");
    const { code, said, comment, calls } = run();
    expect(code, said).toBe(0);
    expect(comment).toMatch(/^<!-- dhistance preview -->\n## Preview: changes\n/);
    expect(comment).toMatch(/\| moh-one \| ✅ changes \| .* GiB of memory \|/);
    expect(calls).toMatch(/POST .*(issues|merge_requests)\/12\/(comments|notes)/);
    expect(calls).not.toMatch(/of-git(hub|lab)/);
  });

  it("replaces its comment by a refusal, and fails, whatever else the pull request brings along", () => {
    customers.specs["moh-one"].servers.pop();
    customers.write("moh-one");
    // Keys, programs, policies and packages are the release's.
    const mark = path.join(home, "was-run");
    const hostile = `require("fs").writeFileSync(${JSON.stringify(mark)}, "")`;
    for (const file of ["policies/index.js", "stacks/tenant/index.js"]) customers.put(file, hostile);
    customers.put("Pulumi.yaml", "name: x\nruntime: nodejs\nmain: stacks/tenant\n");
    customers.put(".dhistance/issuers.json", "{}");
    customers.put("package.json", JSON.stringify({ scripts: { preinstall: `touch ${mark}` } }));
    customers.commit("fewer servers");
    const { code, said, comment, calls } = run("345");
    expect(code, said).toBe(8);
    expect(comment).toContain('server "training" is no longer in the stack file');
    expect(calls).toMatch(/(PATCH .*comments|PUT .*notes)\/345/);
    expect(existsSync(mark)).toBe(false);
  });

  it("comments and fails when nothing can be previewed", () => {
    customers.put("README.md", "");
    customers.commit("x");
    const { code, comment } = run("", "0".repeat(40));
    expect(code).toBe(2);
    expect(comment).toMatch(/## Preview: failed with exit code 2/);
  });
});
