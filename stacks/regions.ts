/**
 * AWS's public regions, November 2026 (the SDK's own list, which the test compares). Not those of other partitions (China,
 * GovCloud, the European Sovereign Cloud): our policies name ARNs that begin with arn:aws.
 */
const REGIONS = new Set([
  ...["af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3"],
  ...["ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4"],
  ...["ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1"],
  ...["eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2"],
  ...["eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1"],
  ...["mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2"],
]);

/** The rehearsal's own region (tools/rehearsal/aws/functions.ts). */
const REHEARSAL_REGION = "zz-rehearsal-1";

/** Whether there is a region that DHIStance can run in. */
export function isRegion(region: string): boolean {
  return REGIONS.has(region) || region === REHEARSAL_REGION;
}
