/** Extensions: which a dump may ask for, and what of theirs it may bring. */
import { splitName } from "./tree";

export type ExtensionRule =
  /** The import makes it itself, in every database. */
  | "ours"
  /** The dump's own: PostgreSQL trusts it to the database's owner. */
  | "trusted"
  /** Monitoring, maintenance, geocoding: DHIS2 does without. */
  | "left-out"
  /** Reaches other servers, files, or runs code outside of SQL. */
  | "dangerous"
  | "unknown";

const rules: [Exclude<ExtensionRule, "unknown">, RegExp][] = [
  ["ours", /^(plpgsql|postgis|btree_gin|pg_trgm)$/],
  [
    "trusted",
    /^(btree_gist|citext|cube|fuzzystrmatch|hstore|intarray|isn|lo|ltree|pgcrypto|seg|tablefunc|tsm_system_rows|tsm_system_time|unaccent|uuid-ossp)$/,
  ],
  [
    "left-out",
    /^(address_standardizer(_data_us)?|amcheck|auto_explain|azure|google_\w+|hypopg|pageinspect|pg_buffercache|pg_cron|pg_freespacemap|pg_hint_plan|pg_partman|pg_prewarm|pg_repack|pg_stat_kcache|pg_stat_monitor|pg_squeeze|pg_stat_statements|pg_visibility|pgaadauth|pg_walinspect|pg_wait_sampling|pgaudit|pgrowlocks|pgstattuple|plpgsql_check|postgis_raster|postgis_sfcgal|postgis_tiger_geocoder|postgis_topology|rds_tools|sslinfo|system_stats|timescaledb_toolkit)$/,
  ],
  [
    "dangerous",
    /^(adminpack|dblink|file_fdw|.*_fdw|pl(?!pgsql).*|.*plpython.*|.*plperl.*|http|aws_.*|azure_.*)$/,
  ],
];

export function extensionRule(name: string): ExtensionRule {
  return rules.find(([, pattern]) => pattern.test(name))?.[0] ?? "unknown";
}

/** Names of those that may be asked for, for messages. */
export const offered =
  "postgis, btree_gin, pg_trgm, btree_gist, citext, hstore, pgcrypto, unaccent, uuid-ossp";

/** Schemas that PostGIS's own extensions fill. */
const schemas: Record<string, string> = {
  topology: "postgis_topology",
  tiger: "postgis_tiger_geocoder",
  tiger_data: "postgis_tiger_geocoder",
};

export function extensionOfSchema(schema: string): string | undefined {
  return schemas[schema];
}

/** The extension that a `schema.table` is made by, if the dump only brings its rows. */
export function extensionOf(object: string): string | undefined {
  const [schema, name] = splitName(object);
  if (name === "spatial_ref_sys") return "postgis";
  if (name && /^us_(gaz|lex|rules)$/.test(name)) return "address_standardizer_data_us";
  return schemas[schema ?? ""];
}
