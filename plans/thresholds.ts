/**
 * From when on something is wrong: what alarms, health checks and the monitoring page go by.
 * images/monitoring/rules.yml and the docs name these numbers again; `thresholds.test.ts` holds them to this file.
 */

/**
 * Backups for point-in-time recovery: oldest that the newest may be, and longest that no round may have ended. One is made
 * every day at least, and takes its time. Hours.
 */
export const POINT_IN_TIME_HOURS = 26;
/** Portable backups: oldest that the newest may be. One is made every day; the export and the pull take their time. Hours. */
export const PORTABLE_HOURS = 30;
/** A backup may be of the future by so much: clocks of two machines differ. Seconds. */
export const CLOCK_SECONDS = 60;
/** A drill is made when the last good one is so old: a little less than a week, so that one run a day makes one a week. */
export const DRILL_EVERY_HOURS = 6.5 * 24;
/** Oldest that the last good drill may be: a week, and a day to try again. Hours. */
export const DRILL_HOURS = 8 * 24;

/** Docker checks the health of a backup container every ten seconds, and each check writes a metric. Seconds. */
export const SILENT_SECONDS = 120;
/**
 * Days that are left of a certificate. Caddy renews when a third of its life is left: of 7 days with the tenant's own CA, of
 * 90 with Let's Encrypt. A person has to renew one that was given.
 */
export const CERTIFICATE_DAYS = { private: 1, acme: 20, given: 30 } as const;
/** Least of the disk and of the memory that may be left, as a part of it. */
export const LEAST_DISK = 0.1;
export const LEAST_MEMORY = 0.05;
