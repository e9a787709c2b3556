/**
 * AWS's public regions by the country that they are in (ISO 3166), November 2026: the SDK's own list, which the test
 * compares, and docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html. Not those of other partitions (China,
 * GovCloud, the European Sovereign Cloud): our policies name ARNs that begin with arn:aws.
 */
const COUNTRIES: Readonly<Record<string, string>> = {
  AE: "me-central-1",
  AU: "ap-southeast-2 ap-southeast-4",
  BH: "me-south-1",
  BR: "sa-east-1",
  CA: "ca-central-1 ca-west-1",
  CH: "eu-central-2",
  DE: "eu-central-1",
  ES: "eu-south-2",
  FR: "eu-west-3",
  GB: "eu-west-2",
  HK: "ap-east-1",
  ID: "ap-southeast-3",
  IE: "eu-west-1",
  IL: "il-central-1",
  IN: "ap-south-1 ap-south-2",
  IT: "eu-south-1",
  JP: "ap-northeast-1 ap-northeast-3",
  KR: "ap-northeast-2",
  MX: "mx-central-1",
  MY: "ap-southeast-5",
  NZ: "ap-southeast-6",
  SE: "eu-north-1",
  SG: "ap-southeast-1",
  TH: "ap-southeast-7",
  TW: "ap-east-2",
  US: "us-east-1 us-east-2 us-west-1 us-west-2",
  ZA: "af-south-1",
};
const REGIONS = new Map(
  Object.entries(COUNTRIES).flatMap(([country, regions]) =>
    regions.split(" ").map((region): [string, string] => [region, country]),
  ),
);

/** The rehearsal's own region (tools/rehearsal/aws/functions.ts). */
const REHEARSAL_REGION = "zz-rehearsal-1";

/** Whether there is a region that DHIStance can run in. */
export function isRegion(region: string): boolean {
  return REGIONS.has(region) || region === REHEARSAL_REGION;
}

/** The country that a region is in; nothing for one that is not there. */
export function countryOf(region: string): string | undefined {
  return REGIONS.get(region);
}

/** The regions of a country, or all. */
export function regionsIn(country?: string): string[] {
  return [...REGIONS].filter(([, its]) => country === undefined || its === country).map(([region]) => region);
}
