/** Where things are in the container. What lies beside the cluster survives it; what is in /tmp ends with the container. */
import { dirname, join } from "node:path";

const given = "/var/lib/postgresql/given";
const cluster = process.env["PGDATA"] ?? "/var/lib/postgresql/data/cluster";
const data = dirname(cluster);

export const PATHS = {
  /** The live cluster, and the volume that it is in. */
  cluster,
  data,
  wal: join(cluster, "pg_wal"),
  archiveStatus: join(cluster, "pg_wal/archive_status"),
  /** A restored cluster that is not live yet. */
  restored: `${cluster}.restored`,
  /** The previous cluster, kept after a restore until somebody confirms it. */
  previous: `${cluster}.before`,
  /** The cluster as `upgrade keep` has kept it. */
  beforeUpgrade: `${cluster}.upgrade`,
  /** The repository `disk`. */
  disk: "/var/lib/pgbackrest",
  /** Metrics, in a volume that monitoring reads. */
  metrics: "/var/lib/copies",
  /** The alarms of the last round, and those of the round that runs. */
  alarms: "/tmp/alarms",
  alarmsNow: "/tmp/alarms.now",
  /** The alarms of the last look between the rounds. */
  watched: "/tmp/watched",
  /** Touched when both repositories exist, and when a round has ended. */
  created: "/tmp/created",
  round: "/tmp/round",
  /** pgBackRest's private key, as it was given and as pgBackRest accepts it. */
  givenKey: join(given, "copies.key"),
  /** The password of PostgreSQL's administrator. */
  givenPassword: join(given, "administrator-password"),
  key: "/tmp/copies.key",
} as const;

/** pgbackrest-push leaves this file where WAL for the repository was dropped. */
export const gapOf = (repository: string) => join(data, `log-gap.${repository}`);
/** The gap that the full backup under way closes: WAL that is dropped meanwhile is a gap of its own. */
export const closingGapOf = (repository: string) => `${gapOf(repository)}.closing`;
/** What the last verify of a repository found, until another one finds nothing. */
export const damagedOf = (repository: string) => join(data, `damaged.${repository}`);
/** A third copy of the repository's archive.info and backup.info, encrypted as they are there. */
export const knownOf = (repository: string) => join(data, `known.${repository}`);
