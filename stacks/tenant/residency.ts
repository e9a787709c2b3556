import { closest } from "fastest-levenshtein";
import { countryOf, isRegion, regionsIn } from "../regions";

/** Where a tenant's data may be, by the law of its country: countries, and regions of AWS. */

/** A place that holds a tenant's data. */
export interface Place {
  path: (string | number)[];
  /** AWS's name of it; a region is in a country that we know. */
  region?: string;
  /** What the stack file says of any other place. */
  country?: string | undefined;
}

/** Countries are those of ISO 3166 that JavaScript's own table has. */
const NAMES = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });
/** Codes that have a name there and are not countries. */
const NOT_COUNTRIES = new Set(["EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"]);

/** Why there is no such country, if there is none. */
export function noSuchCountry(code: string): string | undefined {
  const isCode = /^[A-Z]{2}$/.test(code) && NAMES.of(code) !== undefined && !NOT_COUNTRIES.has(code);
  if (!isCode) return "allowed: a country's two letters of ISO 3166, such as ZA";
  // Some that have no such country any more, and UK, stand for another.
  const [, today] = Intl.getCanonicalLocales(`und-${code}`)[0]?.split("-") ?? [];
  return today === code ? undefined : `allowed: a country's two letters of ISO 3166, such as ${today}`;
}

/** Why this is neither a country nor a region, if it is neither. */
export function noSuchResidency(entry: string): string | undefined {
  if (isRegion(entry) || noSuchCountry(entry) === undefined) return undefined;
  const hint = /^[a-z]{2}-/.test(entry) ? `, such as ${closest(entry, regionsIn())}` : ", such as af-south-1";
  return `allowed: a country's two letters of ISO 3166, such as ZA, or a region of AWS${hint}`;
}

/**
 * What lies outside the residency, or in a country that the stack file does not say.
 * @param residency countries and regions; nothing where data may be anywhere
 */
export function residencyProblems(
  residency: readonly string[] | undefined,
  places: readonly Place[],
): { path: Place["path"]; message: string }[] {
  // What is allowed is not known until that is right.
  if (residency?.some(noSuchResidency)) return [];
  return places.flatMap(({ path, region, country }) => {
    const at = (message: string, ...rest: string[]) => [{ path: [...path, ...rest], message }];
    if (!residency) return country ? at("only with residency; add residency, or remove it", "country") : [];
    if (region !== undefined)
      return isInside(residency, region)
        ? []
        : at(
            `is in ${countryOf(region) ?? "an unknown country"}, outside the residency; ${allowed(residency)}`,
            "region",
          );
    if (country === undefined)
      return at("residency asks in which country this is, such as country: ZA", "country");
    return countriesOf(residency).has(country)
      ? []
      : at(`outside the residency; ${allowed(residency)}`, "country");
  });
}

/** Whether another region than this one could hold backups. */
export function hasOtherRegion(residency: readonly string[], home: string): boolean {
  return residency
    .flatMap((entry) => (isRegion(entry) ? [entry] : regionsIn(entry)))
    .some((region) => region !== home);
}

function isInside(residency: readonly string[], region: string): boolean {
  const country = countryOf(region);
  return residency.includes(region) || (country !== undefined && residency.includes(country));
}

/** A host in the country of a region that is allowed is allowed, too. */
function countriesOf(residency: readonly string[]): Set<string> {
  return new Set(residency.map((entry) => countryOf(entry) ?? entry));
}

function allowed(residency: readonly string[]): string {
  return `allowed: ${residency.join(", ")}`;
}
