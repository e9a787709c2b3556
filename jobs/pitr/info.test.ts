import { describe, expect, it } from "vitest";
import { newestOfEachType } from "./info";
import { parseInfo } from "./parseInfo";

/** As pgBackRest 2.55 writes it. */
const backup = (label: string, type: string, stop: number, more: object = {}) => ({
  archive: { start: "000000010000000000000003", stop: "000000010000000000000004" },
  backrest: { format: 5, version: "2.55.1" },
  database: { id: 1, "repo-key": 1 },
  error: false,
  info: { delta: 31_000_000, repository: { delta: 4_000_000 }, size: 31_000_000 },
  label,
  prior: null,
  reference: null,
  timestamp: { start: stop - 5, stop },
  type,
  ...more,
});
const stanza = (backups: object[], more: object = {}) =>
  JSON.stringify([
    {
      archive: [],
      backup: backups,
      cipher: "aes-256-cbc",
      db: [{ id: 1, "repo-key": 1, "system-id": 0, version: "17" }],
      name: "dhis2",
      repo: [{ cipher: "aes-256-cbc", key: 1, status: { code: 0, message: "ok" } }],
      status: { code: 0, message: "ok" },
      ...more,
    },
  ]);

describe("pgbackrest info", () => {
  it("lists backups, the newest first; of the same second, the later in the list", () => {
    const { backups, status } = parseInfo(
      stanza([backup("A", "full", 100), backup("C", "incr", 300), backup("B", "diff", 300)]),
    );
    expect(backups.map(({ label }) => label)).toEqual(["B", "C", "A"]);
    expect(status).toEqual({ code: 0, message: "ok" });
    expect(backups[2]).toEqual({
      label: "A",
      type: "full",
      stop: 100,
      size: 31_000_000,
      added: 4_000_000,
      firstSegment: "000000010000000000000003",
      hasDamagedPages: false,
    });
  });

  it("keeps all digits of a cluster's identifier, which is larger than JavaScript's numbers", () => {
    const text = stanza([]).replace('"system-id":0', '"system-id":7577919234982347009');
    expect(parseInfo(text).systems).toEqual(["7577919234982347009"]);
  });

  it("knows a backup of damaged pages, and one that misses its WAL", () => {
    const [damaged] = parseInfo(
      stanza([backup("A", "full", 1, { error: true, archive: { start: null, stop: null } })]),
    ).backups;
    expect(damaged).toMatchObject({ hasDamagedPages: true, firstSegment: undefined });
  });

  it("knows a repository that does not exist, and one whose info files cannot be read", () => {
    const missing = { code: 1, message: "missing stanza path" };
    expect(parseInfo(stanza([], { db: [], repo: [{ key: 1, status: missing }] }))).toEqual({
      status: missing,
      unreadable: false,
      systems: [],
      backups: [],
    });
    const message = "[FormatError] unable to load info file '/backup/dhis2/backup.info'\nmore";
    const unreadable = parseInfo(stanza([], { repo: [{ key: 1, status: { code: 99, message } }] }));
    expect(unreadable).toMatchObject({ unreadable: true, status: { code: 99, message } });
  });

  it("knows unreadable info files by a message that has bytes of them in it", () => {
    const message = "unable to load info file: missing '=' at line 2: GARBAGE";
    const text = stanza([], { repo: [{ key: 1, status: { code: 99, message } }] });
    const { unreadable, status } = parseInfo(text.replace("GARBAGE", "\x00\x01\r\t\x1f\x7f\ufffd"));
    expect({ unreadable, code: status?.code }).toEqual({ unreadable: true, code: 99 });
  });

  it.each([
    ["is empty", ""],
    ["has another form", '[{"backup":[{"label":"A"}]}]'],
    ["has a type of backup that does not exist", stanza([backup("A", "half", 1)])],
  ])("refuses an answer that %s", (_, text) => {
    expect(() => parseInfo(text)).toThrow(/^pgbackrest info: /);
  });
});

it("finds the newest backup of each type", () => {
  const { backups } = parseInfo(
    stanza([backup("A", "full", 1), backup("B", "full", 2), backup("C", "incr", 3)]),
  );
  expect(newestOfEachType(backups).map(({ label }) => label)).toEqual(["B", "C"]);
});
