import { describe, expect, test } from "vitest";
import { dhis2Version, isMigrationTable } from "./dhis2";

test("the migrations' table", () => {
  expect(isMigrationTable("public.flyway_schema_history")).toBe(true);
  expect(isMigrationTable("public.flyway_schema_history_old")).toBe(false);
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
