import { describe, expect, it } from "vitest";
import {
  distinct,
  findingText,
  healingStep,
  infoStep,
  missingSegments,
  parseFindings,
  verifyFindings,
  type Finding,
} from "./findings";

const SHA = "0123456789abcdef0123456789abcdef01234567";
const segment = (number: number) =>
  `0000000100000000000000${number.toString(16).toUpperCase().padStart(2, "0")}`;
const file = (number: number) => `17-1/0000000100000000/${segment(number)}-${SHA}.zst`;
const FULL = "20261129-010000F";
const DIFF = "20261129-010000F_20261129-020000D";

describe("what verify reports", () => {
  const found = (line: string, listed = [FULL, DIFF], present = listed) =>
    verifyFindings(`2026-11-29 10:00:00.000 P01 DETAIL: ${line}`, listed, new Set(present)).map(findingText);

  it.each([
    [`invalid checksum '${file(3)}'`, [`wal ${file(3)}`]],
    [`invalid size '${file(3)}'`, [`wal ${file(3)}`]],
    [`file missing '${file(3)}'`, [`wal ${file(3)}`]],
    [`backup: ${DIFF}, status: invalid, total files checked: 20`, [`backup ${DIFF}`]],
    [`backup: ${DIFF}, status: valid, total files checked: 20`, []],
    [`manifest missing for '${FULL}'`, [`backup ${FULL}`]],
    [
      `backup '${FULL}' manifest.copy does not match manifest`,
      [`manifest ${FULL} backup.manifest backup.manifest.copy`],
    ],
    [
      `/backup/dhis2/${FULL}/backup.manifest is missing or unusable`,
      [`manifest ${FULL} backup.manifest.copy backup.manifest`],
    ],
    // A backup that was interrupted: it is not listed.
    ["manifest missing for '20261129-050000F'", []],
    ["no archive exist in the repo", []],
  ])("%s", (line, expected) => {
    expect(found(line)).toEqual(expected);
  });

  it("says nothing of a backup whose folder is gone, which is looked for", () => {
    expect(found("", [FULL, DIFF], [FULL])).toEqual([`backup ${DIFF}`]);
  });

  it("is written down once each and in order, and read again", () => {
    const findings: Finding[] = [
      { kind: "wal", file: file(3) },
      { kind: "manifest", label: FULL, intact: "backup.manifest", damaged: "backup.manifest.copy" },
      { kind: "wal", file: file(3) },
      { kind: "info" },
      { kind: "backup", label: DIFF },
    ];
    const once = distinct(findings);
    expect(once.map(({ kind }) => kind)).toEqual(["backup", "info", "manifest", "wal"]);
    expect(parseFindings(`\n${once.map(findingText).join("\n")}\n`)).toEqual(once);
  });

  it("was written down with other words by the script before, and something else is ignored", () => {
    expect(parseFindings(`log ${file(3)}\nset ${FULL}\nmanifest ${FULL}\nsomething else\n\n`)).toEqual([
      { kind: "wal", file: file(3) },
      { kind: "backup", label: FULL },
    ]);
  });
});

describe("WAL that is missing in between", () => {
  const missing = (
    own: number[],
    other: number[],
    firstSegments: (string | undefined)[],
    waiting: number[] = [],
  ) =>
    missingSegments({
      own: own.map(file),
      other: other.map(file),
      firstSegments,
      isWaiting: (name) => waiting.map(segment).includes(name),
    }).map((finding) => finding.file);

  it("is what the other repository has, from the first backup to the last segment that is here", () => {
    expect(missing([2, 5, 7], [1, 2, 3, 5, 6, 7, 8], [segment(4), segment(3)])).toEqual([file(3), file(6)]);
  });

  it("has not arrived yet if PostgreSQL still has to hand it over", () => {
    expect(missing([2, 5], [3, 4], [segment(2)], [4])).toEqual([file(3)]);
  });

  it("is not known without a backup, or with one that names no WAL", () => {
    expect(missing([2, 5], [3], [])).toEqual([]);
    expect(missing([2, 5], [3], [segment(2), undefined])).toEqual([]);
  });

  it("is found whatever the compression, for the checksum is not part of the segment's name", () => {
    const own = [file(2), file(3).replace(SHA, "f".repeat(40)).replace(".zst", ""), file(4)];
    const args = { own, other: [file(3)], firstSegments: [segment(2)], isWaiting: () => false };
    expect(missingSegments(args)).toEqual([]);
  });
});

describe("damaged backups", () => {
  const full = (label: string, stop: number) => ({ label, stop });
  const step = (damaged: string[], fulls: ReturnType<typeof full>[], attempt = 1) =>
    healingStep({ damaged, fulls, verifiedAt: 100, attempt });

  it("are removed when a newer full backup was verified", () => {
    expect(step(["A"], [full("B", 99), full("A", 50)])).toEqual({ step: "remove", intact: "B" });
  });

  it("stay until the newer full backup is verified", () => {
    expect(step(["A"], [full("B", 100), full("A", 50)])).toEqual({ step: "verify" });
  });

  it("stay until there is a newer full backup, which is made", () => {
    expect(step(["A"], [full("A", 50), full("0", 10)])).toEqual({ step: "backUp" });
    expect(step(["A"], [])).toEqual({ step: "backUp" });
  });

  it("stay when three full backups in a row are damaged, or were made in vain", () => {
    expect(step(["A", "B", "C"], [full("C", 3), full("B", 2), full("A", 1)])).toEqual({
      step: "giveUp",
      damagedInRow: 3,
    });
    expect(step(["A"], [full("A", 1)], 3)).toEqual({ step: "giveUp", damagedInRow: 1 });
  });

  it("are ignored where none is damaged", () => {
    expect(step([], [full("A", 1)])).toEqual({ step: "nothing" });
  });
});

describe("archive.info and backup.info", () => {
  it.each([
    ["intact", { main: "a", copy: "a", known: "a", mainUsable: true, knownUsable: true }],
    ["remember", { main: "b", copy: "b", known: "a", mainUsable: true, knownUsable: true }],
    ["remember", { main: "b", copy: "b", known: "", mainUsable: true, knownUsable: false }],
    ["fromMain", { main: "a", copy: "", known: "a", mainUsable: true, knownUsable: true }],
    ["fromCopy", { main: "x", copy: "a", known: "a", mainUsable: true, knownUsable: true }],
    ["fromKnown", { main: "", copy: "", known: "a", mainUsable: false, knownUsable: true }],
    ["wait", { main: "b", copy: "", known: "a", mainUsable: true, knownUsable: true }],
    // A wrong passphrase reads neither.
    ["unreadable", { main: "", copy: "", known: "", mainUsable: false, knownUsable: false }],
    ["unreadable", { main: "x", copy: "y", known: "", mainUsable: true, knownUsable: false }],
  ] as const)("%s: %o", (expected, args) => {
    expect(infoStep(args)).toBe(expected);
  });
});
