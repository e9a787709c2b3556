/** Data that DHIS2 does not look at before it migrates, and that make its migration fail. */
export interface MigrationCheck {
  /** The major with the migration that fails. */
  version: number;
  what: string;
  /** Where it says how to repair it. */
  see: string;
  /** `table.column` that have to be there; the tables had other names before. */
  needs: string[];
  /** Gives the number of rows in the way. */
  sql: string;
}

const notes = (version: number, anchor: string) =>
  `https://github.com/dhis2/dhis2-releases/blob/master/releases/2.${version}/migration-notes.md#${anchor}`;

/** As DHIS2's migration notes have them, in the tables' names since 41 and before. */
export const MIGRATION_CHECKS: readonly MigrationCheck[] = [
  ...["event", "programstageinstance"].map((table) => ({
    version: 42,
    what: "events without an organisation unit",
    see: notes(42, "null-organisation-unit"),
    needs: [`${table}.organisationunitid`],
    sql: `SELECT count(*) AS rows FROM public.${table} WHERE organisationunitid IS NULL`,
  })),
  ...["enrollment", "programinstance"].map((table) => ({
    version: 42,
    what: "enrollments without an organisation unit",
    see: notes(42, "null-organisation-unit"),
    needs: [`${table}.organisationunitid`, "program.type"],
    sql:
      `SELECT count(*) AS rows FROM public.${table} e JOIN public.program p USING (programid)` +
      " WHERE e.organisationunitid IS NULL AND p.type = 'WITH_REGISTRATION'",
  })),
  ...(
    [
      ["event", "occurreddate"],
      ["programstageinstance", "executiondate"],
    ] as const
  ).map(([table, column]) => ({
    version: 43,
    what: "single events without a date",
    see: notes(43, "null-occurred-date-for-single-events"),
    needs: [`${table}.${column}`, "programstage.programid", "program.type"],
    sql:
      `SELECT count(*) AS rows FROM public.${table} e JOIN public.programstage s USING (programstageid)` +
      ` JOIN public.program p ON p.programid = s.programid WHERE e.${column} IS NULL AND p.type = 'WITHOUT_REGISTRATION'`,
  })),
  {
    version: 43,
    what: "category option combos named default, but none has the UID HllvX50cXC0",
    see: notes(43, "enrollment-attribute-option-combo"),
    needs: ["categoryoptioncombo.name", "categoryoptioncombo.uid"],
    sql:
      "SELECT CASE WHEN count(*) > 1 AND count(*) FILTER (WHERE uid = 'HllvX50cXC0') = 0 THEN count(*) ELSE 0 END AS rows" +
      " FROM public.categoryoptioncombo WHERE name = 'default'",
  },
  ...["trackedentityattribute", "dataelement"].map((table) => ({
    version: 43,
    what: `rows of ${table} of the value type TRACKER_ASSOCIATE`,
    see: notes(43, "tracker-associate"),
    needs: [`${table}.valuetype`],
    sql: `SELECT count(*) AS rows FROM public.${table} WHERE valuetype = 'TRACKER_ASSOCIATE'`,
  })),
];

/** Those of an upgrade from one major to another. */
export function checksBetween(from: number, to: number): MigrationCheck[] {
  return MIGRATION_CHECKS.filter(({ version }) => version > from && version <= to);
}
