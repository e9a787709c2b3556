import { closest } from "fastest-levenshtein";

/** Of zones with two names Node.js lists the older one only. */
const NEW_NAMES = [
  "Africa/Asmara",
  "Asia/Ho_Chi_Minh",
  "Asia/Kathmandu",
  "Asia/Kolkata",
  "Asia/Yangon",
  "Europe/Kyiv",
];
const ZONES = [...Intl.supportedValuesOf("timeZone"), ...NEW_NAMES, "UTC"];
const AREAS = /^(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Etc|Europe|Indian|Pacific)\/[A-Z]/;

/**
 * Why there is no such time zone, if there is none. Java, which DHIS2 runs in, takes UTC for a zone that it does not
 * know, also for one in other letters than the time zone database has.
 */
export function noSuchTimeZone(zone: string): string | undefined {
  if (ZONES.includes(zone) || isOtherName(zone)) return undefined;
  return `allowed: a time zone such as ${nearest(zone)}`;
}

/** Names that the database has beside those of `ZONES`, such as America/Buenos_Aires. */
function isOtherName(zone: string): boolean {
  const isInOtherCase = ZONES.some((known) => known.toLowerCase() === zone.toLowerCase());
  if (isInOtherCase || !AREAS.test(zone) || zone.split("/").some((part) => /^[A-Z]{2}(?!T)/.test(part)))
    return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** People write the city alone, or its country, or one letter wrong. */
function nearest(zone: string): string {
  const place = zone
    .slice(zone.lastIndexOf("/") + 1)
    .replaceAll(" ", "_")
    .toLowerCase();
  const sameCity = ZONES.find((known) => known.toLowerCase().split("/").at(-1) === place);
  return sameCity ?? closest(zone, ZONES);
}
