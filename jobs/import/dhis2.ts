/** What a dump says of the DHIS2 that it is of. */

/** Flyway's own table, by `schema.name`. */
export function isMigrationTable(table: string): boolean {
  return /\.flyway_schema_history$/.test(table);
}

export interface Migration {
  /** `2.42.5`: the fifth migration of DHIS2 2.42. Repeatable ones have none. */
  version: string | undefined;
  succeeded: boolean;
}

/** The DHIS2 that has last run on the database, as `2.42`; undefined when no migration tells. */
export function dhis2Version(migrations: Migration[]): string | undefined {
  const newest = migrations
    .map(({ version }) => /^(\d+)\.(\d+)/.exec(version ?? ""))
    .filter((match) => match !== null)
    .map((match) => [Number(match[1]), Number(match[2])] as const)
    .sort(([a, b], [c, d]) => c - a || d - b)[0];
  return newest?.join(".");
}
