/** Whether a backup holds less than those before it: a backup of a database that has lost its rows is useless. */
import type { Manifest } from "./manifest";

/** What is compared of a backup. */
export type Contents = Pick<Manifest, "tables" | "leftOut" | "dump" | "files" | "dhis2">;

/** A table, or the file store, that has lost more than this share is reported. */
const SHARE = 0.2;
/** Fewer rows or files than this come and go in small tables. What is gone altogether is always reported. */
const FEW = 10;
/** The dump has headers and the like. */
const FEW_BYTES = 1 << 20;
/** DHIS2 empties these by itself: reservations and tokens that have expired. */
const SHORT_LIVED =
  /^public\.(?:reservedvalue|oauth2_authorization|oauth2_authorization_consent|oauth_access_token|oauth_code|oauth_refresh_token)$/;

const number = (value: number) => value.toLocaleString("en");
const muchLess = (now: number, before: number, few: number) =>
  before - now >= few && now < before * (1 - SHARE);

/** What a backup has none of, whatever was there before. */
export function nothingIn({ tables }: Contents): string[] {
  const rows = Object.values(tables);
  if (rows.length === 0) return ["the database has no tables"];
  return rows.every((count) => count === 0) ? ["the database has no rows"] : [];
}

/** What is gone since an earlier backup, or much less, in words. */
export function lostSince(before: Contents, now: Contents): string[] {
  const lost: string[] = [];
  // The migrations of another version of DHIS2 remove tables.
  const migrated = before.dhis2 !== now.dhis2;
  for (const [table, rows] of Object.entries(before.tables)) {
    const there = now.tables[table];
    if (rows === 0 || SHORT_LIVED.test(table)) continue;
    if (there === undefined) {
      if (!migrated && !now.leftOut?.includes(table))
        lost.push(`the table ${table} with ${number(rows)} rows is gone`);
    } else if (there === 0 || muchLess(there, rows, FEW))
      lost.push(`${table} has ${number(there)} rows, not ${number(rows)}`);
  }
  const { files } = now;
  if (before.files && before.files.files > 0) {
    if (!files) lost.push(`the file store with ${number(before.files.files)} files is not in the backup`);
    else if (files.files === 0 || muchLess(files.files, before.files.files, FEW))
      lost.push(`the file store has ${number(files.files)} files, not ${number(before.files.files)}`);
    else if (muchLess(files.bytes, before.files.bytes, 1))
      lost.push(`the file store has ${number(files.bytes)} bytes, not ${number(before.files.bytes)}`);
  }
  if (lost.length === 0 && muchLess(now.dump.bytes, before.dump.bytes, FEW_BYTES))
    lost.push(`the dump has ${number(now.dump.bytes)} bytes, not ${number(before.dump.bytes)}`);
  return lost;
}

/** What a restore has to leave out. Once a person has accepted that, it is not reported again. */
export function newlyUnrestorable(
  now: Pick<Manifest, "unrestorable">,
  earlier: Pick<Manifest, "unrestorable">[],
): string[] {
  const accepted = new Set(earlier.flatMap(({ unrestorable = [] }) => unrestorable.map(({ what }) => what)));
  return (now.unrestorable ?? [])
    .filter(({ what }) => !accepted.has(what))
    .map(({ what }) => `a restore leaves out ${what}`);
}

/** What of the file store could not be read. Once a person has accepted that, it is not reported again. */
export function newlyUnread(
  { filesLeftOut }: Pick<Manifest, "filesLeftOut">,
  earlier: Pick<Manifest, "filesLeftOut">[],
): string[] {
  if (!filesLeftOut) return [];
  const before = earlier.flatMap((each) => each.filesLeftOut ?? []);
  const accepted = new Set(before.flatMap(({ first }) => first.map(({ path }) => path)));
  const found = filesLeftOut.first.filter(({ path, data }) => data && !accepted.has(path));
  // The rest is not named, but counted.
  const rest = filesLeftOut.count - filesLeftOut.first.length;
  const more = rest > Math.max(0, ...before.map(({ count, first }) => count - first.length));
  return [
    ...found.map(({ path, reason }) => `the file store's ${path} is not in the backup: ${reason}`),
    ...(more ? [`${number(rest)} more files of the file store are not in the backup`] : []),
  ];
}

/** The first of many. */
export function inShort(lost: readonly string[]): string[] {
  const most = 5;
  return lost.length <= most ? [...lost] : [...lost.slice(0, most), `and ${lost.length - most} more`];
}
