import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { newestRelease, noSuchRelease, releaseOf, startsOn, releaseWarnings } from "./releases";

describe("the table of DHIS2's releases", () => {
  it("knows each release's newest migration, whichever build of it is meant", () => {
    expect(releaseOf("42.5.2")?.newestMigration).toBe("2.42.52");
    expect(releaseOf("42.5.2-20260826T150401Z")?.newestMigration).toBe("2.42.52");
    expect(releaseOf("42.99.99")).toBeUndefined();
    expect(newestRelease("41.0.0")?.version).toBe("41.9.1");
  });

  it.each(["42.99.99", "42.4.2", "43.0.2", "41.5.10", "42.6.10", "42.3.2-20260826T150401Z"])(
    "does not let a server wait for an image that does not exist: %s",
    (version) => {
      expect(noSuchRelease(version)).toContain("DHIS2 has no such release; allowed: a release of DHIS2 4");
    },
  );

  it.each(["42.5.3", "42.6.0", "43.2.1", "41.10.0"])(
    "takes a release made after the table: %s",
    (version) => {
      expect(noSuchRelease(version)).toBeUndefined();
      expect(releaseWarnings(version)).toEqual([
        expect.stringMatching(/is newer than this release of DHIStance knows .* check that it exists/),
      ]);
    },
  );

  it("warns of every published advisory, naming the release that fixes it", () => {
    expect(releaseWarnings("43.0.0")).toEqual([
      "DHIS2 43.0.0 has the security advisory GHSA-pwmg-mvjw-4m23 (SQL injection); fixed in 43.0.1; use 43.1.0.",
      "DHIS2 43.0.0 has the security advisory GHSA-6785-hj47-c27h (reflected cross-site scripting); fixed in 43.0.1; use 43.1.0.",
      "DHIS2 43.0.0 has the security advisory GHSA-3fr2-wvqx-cmr5 (unsafe Java deserialization); fixed in 43.0.1; use 43.1.0.",
    ]);
    // An advisory that does not say that it concerns a major is not said to.
    expect(releaseWarnings("41.8.1")).toEqual([expect.stringContaining("fixed in 41.8.2")]);
  });

  it("warns of a release that deletes files", () => {
    const defect = /known defect DHIS2-21427 \(a housekeeping job deletes images .*fixed in 42\.4\.1/;
    expect(releaseWarnings("42.4.0")).toContainEqual(expect.stringMatching(defect));
    expect(releaseWarnings("42.3.1")).not.toContainEqual(expect.stringMatching(defect));
    expect(releaseWarnings("42.4.1")).not.toContainEqual(expect.stringMatching(defect));
  });

  it("warns of a major whose support has ended", () => {
    expect(releaseWarnings("40.12.0")).toEqual([
      "DHIS2 40 is no longer supported by the DHIS2 project; upgrade to 43.1.0.",
    ]);
  });

  it.each(["41.9.1", "42.5.2", "43.1.0", "42.5.2-20260826T150401Z"])("has nothing against %s", (version) => {
    expect(noSuchRelease(version)).toBeUndefined();
    expect(releaseWarnings(version)).toEqual([]);
  });
});

/** Every file that a person copies from, and what tests bring up. */
const ROOT = path.resolve(__dirname, "..");
const FOLDERS = [
  "",
  "docs",
  "docs/docker",
  "docs/operating",
  "tenants",
  "stacks/platform",
  "test/engine",
  "test/docker",
  "test/emulator",
  "components/testing",
];
const FILES = FOLDERS.flatMap((folder) =>
  readdirSync(path.join(ROOT, folder))
    .filter((file) => /\.(yaml|md|ts)$/.test(file) && file !== "CHANGELOG.md")
    .map((file) => path.join(folder, file)),
);

it("no example runs a version with a known fault, whose users would copy it", () => {
  const found = FILES.flatMap((file) =>
    [...readFileSync(path.join(ROOT, file), "utf8").matchAll(/dhis2"?: *"?(\d+\.\d+\.\d+)/g)].map(
      ([, version = ""]) => ({ file, version }),
    ),
  );
  expect(found.length).toBeGreaterThan(10);
  for (const { file, version } of found.filter(({ version }) => Number(version.split(".")[0]) >= 40))
    expect({ file, version, problems: [noSuchRelease(version), ...releaseWarnings(version)] }).toEqual({
      file,
      version,
      problems: [undefined],
    });
});

it("knows whether a version starts on a database, by the newest migration in it", () => {
  const of42 = ["2.31.1", "2.42.9", "2.42.52"];
  expect(startsOn("42.5.2", of42)).toBe(true);
  expect(startsOn("42.5.2-20260826T150401Z", of42)).toBe(true);
  expect(startsOn("43.1.0", of42)).toBe(true);
  expect(startsOn("42.4.0", of42)).toBe(false);
  expect(startsOn("42.5.2", [...of42, "2.43.1"])).toBe(false);
  expect(startsOn("42.99.0", of42)).toBe(false);
  expect(startsOn("42.5.2", [])).toBe(false);
});
