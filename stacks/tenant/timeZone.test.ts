import { expect, it } from "vitest";
import { noSuchTimeZone } from "./timeZone";

it.each([
  "UTC",
  "Africa/Maputo",
  "Asia/Kolkata",
  "Asia/Calcutta",
  "Europe/Kyiv",
  "America/Port-au-Prince",
  "Etc/GMT+3",
])("knows %s", (zone) => {
  expect(noSuchTimeZone(zone)).toBeUndefined();
});

it.each([
  ["Africa/Maputo2", "Africa/Maputo"],
  ["africa/maputo", "Africa/Maputo"],
  ["Asia/kolkata", "Asia/Kolkata"],
  ["Asia/Kolkata2", "Asia/Kolkata"],
  ["Maputo", "Africa/Maputo"],
  ["Africa/Dar es Salaam", "Africa/Dar_es_Salaam"],
  ["+02:00", "UTC"],
  ["utc", "UTC"],
  ["Africa/Maputo -Dx=y", "Africa/Maputo"],
  ["", "UTC"],
])("does not know %j, and names %s", (zone, instead) => {
  expect(noSuchTimeZone(zone)).toBe(`allowed: a time zone such as ${instead}`);
});
