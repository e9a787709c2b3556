/** What of a dump is DHIS2's own: its version, and the tables that it can make anew. */

/**
 * Analytics and resource tables: `analytics`, `analytics_*` (in them `analytics_rs_*`, resource tables since v41) and
 * `_*` (resource tables before). Not `analyticsperiodboundary`, which people enter. Only their data are left out: views
 * may depend on the tables. `table` is `schema.name`.
 */
export function isAnalyticsTable(table: string): boolean {
  return /^(?:analytics$|analytics_|_)/.test(table.slice(table.indexOf(".") + 1));
}

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
