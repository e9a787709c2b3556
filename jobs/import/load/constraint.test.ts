import { loadModule } from "libpg-query";
import { beforeAll, describe, expect, it } from "vitest";
import { addedConstraint, keyAsIndex, quoteName } from "./constraint";

beforeAll(loadModule);

const split = (sql: string) => {
  const constraint = addedConstraint(sql);
  return constraint && keyAsIndex('public."odd ""t"""', constraint);
};

describe("a key as an index", () => {
  it("primary keys and unique constraints in their plain form", () => {
    expect(
      split('ALTER TABLE ONLY public."odd ""t""" ADD CONSTRAINT t_pkey PRIMARY KEY (a, "B ""c")'),
    ).toEqual([
      'CREATE UNIQUE INDEX "t_pkey" ON "public"."odd ""t""" ("a", "B ""c")',
      'ALTER TABLE "public"."odd ""t""" ADD CONSTRAINT "t_pkey" PRIMARY KEY USING INDEX "t_pkey"',
    ]);
    expect(split("ALTER TABLE t ADD CONSTRAINT u UNIQUE (a)")?.[1]).toMatch(/UNIQUE USING INDEX "u"$/);
  });

  it.each([
    "ALTER TABLE t ADD CONSTRAINT u UNIQUE (a) DEFERRABLE",
    "ALTER TABLE t ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (a)",
    "ALTER TABLE t ADD CONSTRAINT u UNIQUE (a) INCLUDE (b)",
    "ALTER TABLE t ADD CONSTRAINT u UNIQUE (a) WITH (fillfactor = 70)",
    "ALTER TABLE t ADD CONSTRAINT e EXCLUDE USING gist (a WITH =)",
    "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES b (a)",
    "ALTER TABLE t ADD CONSTRAINT u UNIQUE USING INDEX u",
    "ALTER TABLE t ADD UNIQUE (a)",
    "ALTER TABLE t ADD CONSTRAINT u UNIQUE (a), ALTER a SET NOT NULL",
    "CREATE INDEX i ON t (a)",
  ])("every other form stays as it is: %s", (sql) => expect(split(sql)).toBeUndefined());

  it("names with dots and quotes", () => {
    expect(quoteName('public."a.b"')).toBe('"public"."a.b"');
    expect(quoteName('"s.t"."u""v"')).toBe('"s.t"."u""v"');
    expect(quoteName("my schema.a b")).toBe('"my schema"."a b"');
  });
});
