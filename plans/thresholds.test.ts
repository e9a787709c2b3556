import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { PLANS } from "./plans";
import { RETENTION, type Retention } from "./retention";
import {
  CERTIFICATE_DAYS,
  CLOCK_SECONDS,
  DRILL_HOURS,
  LEAST_DISK,
  LEAST_MEMORY,
  POINT_IN_TIME_HOURS,
  PORTABLE_HOURS,
  SILENT_SECONDS,
} from "./thresholds";

const read = (file: string) => readFileSync(path.join(__dirname, "..", file), "utf8");

/** The conditions of images/monitoring/rules.yml, by the names of their alarms. */
const rules = parse(read("images/monitoring/rules.yml")) as {
  groups: { rules: { alert: string; expr: string }[] }[];
};
const conditions = new Map(
  rules.groups.flatMap((group) => group.rules.map(({ alert, expr }) => [alert, expr] as const)),
);

describe("the monitoring page alarms", () => {
  it.each([
    ["BackupsSilent", `time() - dhistance_backups_seen_timestamp_seconds > ${SILENT_SECONDS}`],
    [
      "BackupOverdue",
      `time() - max by (server, location) (dhistance_backups_newest_timestamp_seconds <= time()) > ${POINT_IN_TIME_HOURS} * 3600`,
    ],
    [
      "BackupFromFuture",
      `max by (server, location) (dhistance_backups_newest_timestamp_seconds) - time() > ${CLOCK_SECONDS}`,
    ],
    ["PortableOverdue", `time() - dhistance_portable_newest_timestamp_seconds > ${PORTABLE_HOURS} * 3600`],
    ["DrillOverdue", `time() - dhistance_drill_timestamp_seconds > ${DRILL_HOURS / 24} * 86400`],
    ["DiskFull", `node_filesystem_avail_bytes / node_filesystem_size_bytes < ${LEAST_DISK}`],
    ["MemoryFull", `node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < ${LEAST_MEMORY}`],
  ])("%s as plans/thresholds.ts has it", (alarm, condition) => {
    expect(conditions.get(alarm)).toBe(condition);
  });

  it.each(Object.entries(CERTIFICATE_DAYS))("CertificateEnds, of a %s one at %d days", (kind, days) => {
    expect(conditions.get("CertificateEnds")).toContain(
      `(probe_ssl_earliest_cert_expiry{certificates="${kind}"} - time() < ${days} * 86400)`,
    );
  });

  it("by no other number", () => {
    const numbers = [...conditions.values()].join(" ").match(/(?<=[<>] )[\d.]+/g) ?? [];
    const known = [
      ...[
        CLOCK_SECONDS,
        SILENT_SECONDS,
        POINT_IN_TIME_HOURS,
        PORTABLE_HOURS,
        DRILL_HOURS / 24,
        LEAST_DISK,
        LEAST_MEMORY,
      ],
      ...Object.values(CERTIFICATE_DAYS),
    ];
    expect(numbers.map(Number).sort()).toEqual(known.sort());
  });
});

describe("the docs", () => {
  const days = (kind: keyof Retention) => PLANS.map((plan) => RETENTION[plan][kind]).join(", ");
  it.each([
    ["docs/docker/backups.md", `${days("pointInTime")} days |`],
    ["docs/docker/backups.md", `${days("portable")} days |`],
    [
      "docs/docker/backups.md",
      `for ${days("portable")} days in the bucket (${PLANS.join(", ")}), and for ${days("onPremises")} days on the disk`,
    ],
    [
      "docs/docker/backups.md",
      `overdue after ${PORTABLE_HOURS} hours, a drill after ${DRILL_HOURS / 24} days`,
    ],
    ["docs/alarms.md", `older than ${PORTABLE_HOURS} hours`],
    ["docs/alarms.md", `for more than ${DRILL_HOURS / 24} days`],
    ["docs/recovery/measurements.md", `at most ${PORTABLE_HOURS} hours`],
  ])("%s says: %s", (file, text) => {
    expect(read(file).replace(/\s+/g, " ")).toContain(text);
  });
});
