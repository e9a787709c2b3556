import { describe, expect, it, test } from "vitest";
import { missingTables } from "./dhis2Tables";
import { dhis2Version, isMigrationTable, newestMigration, startProblem, uncheckedRelease } from "./dhis2";

test("the migrations' table", () => {
  expect(isMigrationTable("public.flyway_schema_history")).toBe(true);
  expect(isMigrationTable("public.flyway_schema_history_old")).toBe(false);
  expect(isMigrationTable("warehouse.flyway_schema_history")).toBe(false);
});

test("DHIS2's own tables are known for the releases of a major, and only for these", () => {
  const none = new Set<string>();
  for (const newest of [undefined, "2.40.34", "2.42.20", "2.44.1"])
    expect(missingTables(none, newest)).toEqual([]);
  for (const newest of ["2.41.46", "2.42.52", "2.43.64", "2.43.99"]) {
    const missing = missingTables(none, newest);
    expect(missing).toContain("userinfo");
    expect(missing.includes("singleevent")).toBe(newest.startsWith("2.43."));
    const all = missing.map((name) => `public.${name}`);
    expect(missingTables(new Set(all), newest)).toEqual([]);
    expect(missingTables(new Set(all.slice(1)), newest)).toEqual(missing.slice(0, 1));
  }
});

describe("the version of DHIS2", () => {
  const of = (...versions: (string | undefined)[]) =>
    dhis2Version(versions.map((version) => ({ version, succeeded: true })));

  test("is that of the newest migration, by number", () => {
    expect(of("2.30.0", "2.9.50", "2.42.5", "2.41.99")).toBe("2.42");
    expect(of("2.100.1", "2.99.1")).toBe("2.100");
    expect(of("3.1", "2.99.1")).toBe("3.1");
  });

  test("is unknown without migrations that have one", () => {
    expect(of()).toBeUndefined();
    expect(of(undefined, "baseline")).toBeUndefined();
  });
});

describe("a DHIS2 that would not start on the dump is not given it:", () => {
  const dumpOf = (...versions: string[]) => versions.map((version) => ({ version, succeeded: true }));

  it("the newest migration counts by number, in whatever order they ran", () => {
    expect(newestMigration(dumpOf("2.42.9", "2.42.52", "2.41.59", "2.42.10"))).toBe("2.42.52");
  });

  it.each([
    ["2.42.52", "42.4.1", "2.42.47"],
    ["2.42.52", "2.42.4.1", "2.42.47"],
    ["2.42.52", "42.4.1-20260506T100000Z", "2.42.47"],
    ["2.42.52", "42.4", "2.42.47"],
    ["2.43.64", "43.0.1", "2.43.56"],
    ["2.41.59", "41.8.2", "2.41.56"],
    ["2.41.59", "41.0.0", "2.41.46"],
    ["2.42.99", "42.5.2", "2.42.52"],
  ])("migration %s with DHIS2 %s", (migration, server, known) => {
    const problem = startProblem(dumpOf("2.42.9", migration).slice(1), server);
    for (const name of [migration, server, known]) expect(problem).toContain(name);
    expect(problem).toContain("would not start");
  });

  it.each([
    ["2.42.52", "42.5.2"],
    ["2.42.52", "42.5.0"],
    ["2.42.52", "42.5"],
    ["2.42.52", "42"],
    ["2.42.47", "42.1.0"],
    ["2.42.47", "42.5.2"],
    // Another major's own numbers are another series: DHIS2 42 has never heard of 2.41.59, and upgrades it.
    ["2.41.59", "42.0.0"],
    ["2.42.53", "42.6.0"],
  ])("but migration %s with DHIS2 %s is taken", (migration, server) => {
    expect(startProblem(dumpOf(migration), server)).toBeUndefined();
  });

  it("what cannot be compared is said", () => {
    expect(uncheckedRelease(dumpOf("2.42.54"), "42.6.0")).toMatch(
      /^Not compared: DHIS2 42\.6\.0 .*newest: 42\.5\.2/,
    );
    expect(uncheckedRelease(dumpOf("2.42.52"), "42.6.0")).toBeUndefined();
    expect(uncheckedRelease(dumpOf("2.42.52"), "42.5.2")).toBeUndefined();
    expect(uncheckedRelease(dumpOf("2.42.52"), "43.9.0")).toBeUndefined();
  });
});
