import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { readConfiguration } from "./configuration";
import { keptDrill, type Drill } from "./drill";
import { BackupLocation } from "./location";
import { withNewNames } from "./oldNames";

const folder = mkdtempSync(join(tmpdir(), "old-names-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: unknown): string => {
  writeFileSync(join(folder, name), JSON.stringify(content));
  return join(folder, name);
};

describe("what the former version wrote is read", () => {
  const configuration = {
    ...{ servers: ["hmis"], source: "s3:https://s3.example.org/bucket/moh", retentionDays: 90 },
    ...{ cloudPasswordFile: "/run/cloud", localPasswordFile: "/run/local" },
  };
  it("the configuration of an agent", () => {
    const former = file("former.json", { ...configuration, copies: "/copies", told: "/var/lib/copies" });
    const today = file("today.json", { ...configuration, backups: "/copies", reports: "/var/lib/copies" });
    expect(readConfiguration(former)).toEqual(readConfiguration(today));
    expect(readConfiguration(former)).toMatchObject({ backups: "/copies", reports: "/var/lib/copies" });
  });

  it("but not beside the new name, which of the two counts is not known", () => {
    const both = file("both.json", { ...configuration, copies: "/copies", backups: "/backups" });
    expect(() => readConfiguration(both)).toThrow(/copies/);
  });

  it("the figures of a drill", async () => {
    const figures: Omit<Drill, "location"> = {
      ...{ snapshot: "0a", server: "hmis", of: "2026-11-01T00:00:00Z", at: "2026-11-02T00:00:00Z" },
      ...{ rpoSeconds: 3600, rtoSeconds: 60, seconds: { fetch: 20, load: 30, compare: 10 } },
      ...{ rows: 1, tables: 1, bytes: 1, files: 1, verified: true },
    };
    const kept = file("drill.json", { copy: "/copies/hmis", ...figures });
    const location = new BackupLocation(
      folder,
      { passwordFile: "", cache: folder },
      new AbortController().signal,
    );
    expect(await keptDrill(location, kept)).toEqual({ location: "/copies/hmis", ...figures });
  });
});

it("keeps every value, and changes no other key", () => {
  const names = { old: "new" };
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom("old", "new", "other", "__proto__"), fc.jsonValue()),
      (value) => {
        const renamed = withNewNames(value, names) as Record<string, unknown>;
        expect(Object.values(renamed)).toEqual(Object.values(value));
        const expected = Object.keys(value).map((key) =>
          key === "old" && !Object.hasOwn(value, "new") ? "new" : key,
        );
        expect(Object.keys(renamed)).toEqual(expected);
        expect(withNewNames(renamed, names)).toEqual(renamed);
      },
    ),
  );
  for (const other of [null, 1, "old", ["old"], undefined]) expect(withNewNames(other, names)).toBe(other);
});
