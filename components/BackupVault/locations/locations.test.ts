import { expect, it } from "vitest";
import { RETENTION } from "../../../plans/retention";
import { backupsAt, type Location } from ".";

it.each<[location: Location, where: string, kept: Record<string, number>]>([
  [
    { type: "region", region: "eu-west-1", home: true },
    "eu-west-1",
    { pointInTime: 14, snapshot: 35, portable: 35 },
  ],
  [
    { type: "region", region: "eu-central-1", home: false },
    "eu-central-1",
    { pointInTime: 14, snapshot: 35 },
  ],
  [
    { type: "onPremises", host: "ssh://backup@office", path: "/srv/dhis2" },
    "ssh://backup@office:/srv/dhis2",
    { portable: 180 },
  ],
  [{ type: "disk" }, "a volume of the host", { pointInTime: 14, portable: 180 }],
  [{ type: "disk", path: "/srv/backups" }, "/srv/backups", { pointInTime: 14, portable: 180 }],
  [
    { type: "s3", host: "s3.example.org", bucket: "moh" },
    "s3://moh at s3.example.org",
    { pointInTime: 35, portable: 35 },
  ],
])("keeps the backups of a premium plan in %j", (location, where, kept) => {
  const backups = backupsAt(location, RETENTION.premium);
  expect(Object.fromEntries(backups.map(({ kind, retentionDays }) => [kind, retentionDays]))).toEqual(kept);
  for (const backup of backups) expect(backup).toMatchObject({ location, where });
});
