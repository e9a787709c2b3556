import { expect, it } from "vitest";
import { backupsAt } from "../../components/BackupVault/locations";
import { RETENTION } from "../../plans/retention";
import { givenUpNotices, refuseComingBack, regionsGivenUp, type BackupsBefore } from "./givenUp";

const NOW = new Date("2026-11-30T12:00:00Z");
const BEFORE: BackupsBefore = {
  backups: [
    ...backupsAt({ type: "region", region: "eu-west-1", home: true }, RETENTION.premium),
    ...backupsAt({ type: "region", region: "eu-central-1", home: false }, RETENTION.premium),
  ],
};
const GIVEN_UP = { region: "eu-central-1", vault: "dhistance-moh", until: "2027-01-04" };

it("names a region that is given up, with the day on which its last backup expires", () => {
  const found = regionsGivenUp("moh", BEFORE, ["eu-west-1", "eu-west-3"], NOW);
  expect(found).toEqual([GIVEN_UP]);
  expect(givenUpNotices(found, BEFORE)).toEqual([
    expect.stringMatching(/eu-central-1 is given up\. Its vault dhistance-moh .* expires on 2027-01-04/),
  ]);
});

it("remembers it at the next update, without a notice, until the region is used again", () => {
  const before = { backups: BEFORE.backups?.slice(0, 1) ?? [], regionsGivenUp: [GIVEN_UP] };
  const found = regionsGivenUp("moh", before, ["eu-west-1", "eu-west-3"], NOW);
  expect(found).toEqual([GIVEN_UP]);
  expect(givenUpNotices(found, before)).toEqual([]);
  expect(regionsGivenUp("moh", before, ["eu-west-1", "eu-central-1"], NOW)).toEqual([]);
});

it("names none where nothing is given up", () => {
  expect(regionsGivenUp("moh", BEFORE, ["eu-west-1", "eu-central-1"], NOW)).toEqual([]);
  expect(regionsGivenUp("moh", {}, ["eu-west-1"], NOW)).toEqual([]);
});

it("refuses a region whose former vault still has backups", () => {
  const locations = [{ onPremises: {} }, { region: "eu-central-1" }];
  expect(refuseComingBack(locations, { regionsGivenUp: [GIVEN_UP] }, NOW)).toEqual([
    expect.stringMatching(
      /^backups\.locations\[1\]\.region: "eu-central-1"; the vault dhistance-moh .*2027-01-04/,
    ),
  ]);
  expect(refuseComingBack(locations, { regionsGivenUp: [GIVEN_UP] }, new Date("2027-01-05"))).toEqual([]);
  expect(refuseComingBack(locations, {}, NOW)).toEqual([]);
});
