import fc from "fast-check";
import { expect, it } from "vitest";
import { inShort, lostSince, newlyUnread, nothingIn, type Contents } from "./shrink";

const contents = (tables: Record<string, number>, more: Partial<Contents> = {}): Contents => ({
  ...{ tables, leftOut: [], dump: { files: 1, bytes: 50_000_000 }, dhis2: "2.42" },
  ...more,
});
const before = contents(
  { "public.datavalue": 1000, "public.organisationunit": 30, "public.reservedvalue": 90, "public.empty": 0 },
  { files: { files: 100, bytes: 1_000_000 } },
);
const now = (tables: Record<string, number>, more: Partial<Contents> = {}) => ({
  ...{ ...before, tables: { ...before.tables, ...tables } },
  ...more,
});

it.each<[string, Contents, string[]]>([
  ["the same", before, []],
  ["more", now({ "public.datavalue": 2000, "public.new": 1 }), []],
  ["a fifth less", now({ "public.datavalue": 800 }), []],
  ["more than a fifth less", now({ "public.datavalue": 799 }), ["public.datavalue has 799 rows, not 1,000"]],
  ["a few rows of a small table", now({ "public.organisationunit": 23 }), []],
  ["a table emptied", now({ "public.organisationunit": 0 }), ["public.organisationunit has 0 rows, not 30"]],
  ["reservations that have expired", now({ "public.reservedvalue": 0 }), []],
  [
    "a table dropped",
    contents({ "public.datavalue": 1000 }, { files: before.files }),
    ["the table public.organisationunit with 30 rows is gone"],
  ],
  [
    "a table that the migrations of another version removed",
    contents({ "public.datavalue": 1000 }, { files: before.files, dhis2: "2.43" }),
    [],
  ],
  ["no file store", contents(before.tables), ["the file store with 100 files is not in the backup"]],
  ["an empty one", now({}, { files: { files: 0, bytes: 0 } }), ["the file store has 0 files, not 100"]],
  ["files cut", now({}, { files: { files: 100, bytes: 9 } }), ["the file store has 9 bytes, not 1,000,000"]],
  ["values blanked", now({}, { dump: { files: 1, bytes: 9 } }), ["the dump has 9 bytes, not 50,000,000"]],
])("%s", (_, later, lost) => {
  expect(lostSince(before, later)).toEqual(lost);
});

it("a database without tables or rows is none", () => {
  expect(nothingIn(contents({}))).toEqual(["the database has no tables"]);
  expect(nothingIn(contents({ "public.datavalue": 0 }))).toEqual(["the database has no rows"]);
  expect(nothingIn(before)).toEqual([]);
});

it("whatever the tables are, one that is emptied is named, and one that grows is not", () => {
  const tables = fc.dictionary(fc.string(), fc.integer({ min: 1, max: 1e9 }), { minKeys: 1, maxKeys: 20 });
  fc.assert(
    fc.property(tables, fc.nat(), (rows, index) => {
      const names = Object.keys(rows);
      const name = names[index % names.length] ?? "";
      const grown = Object.fromEntries(names.map((each) => [each, (rows[each] ?? 0) + 1]));
      expect(lostSince(contents(rows), contents(grown))).toEqual([]);
      const [only, ...others] = lostSince(contents(rows), contents({ ...grown, [name]: 0 }));
      expect(only).toContain(`${name} has 0 rows, not `);
      expect(others).toEqual([]);
    }),
  );
});

it("of many losses the first are said", () => {
  expect(inShort(["a", "b", "c", "d", "e", "f", "g"])).toEqual(["a", "b", "c", "d", "e", "and 2 more"]);
});

it("reports files that cannot be read once more when there are more than those that are named", () => {
  const filesLeftOut = (count: number) => ({
    filesLeftOut: { count, first: [{ path: "a", reason: "permission denied", data: true }] },
  });
  expect(newlyUnread(filesLeftOut(3), [filesLeftOut(3)])).toEqual([]);
  expect(newlyUnread(filesLeftOut(4), [filesLeftOut(3)])).toEqual([
    "3 more files of the file store are not in the backup",
  ]);
  expect(newlyUnread(filesLeftOut(1), [{}])).toEqual([
    "the file store's a is not in the backup: permission denied",
  ]);
});
