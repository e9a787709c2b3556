import { tenants } from "./checkout";
import { openStack, up, type Outcome } from "./engine";
import { issueExamples } from "./issuer";

/** The platform that the example tenants stand on. */
export const PLATFORM = "eu-west-1";

/**
 * What every rehearsal needs: the local issuer, the example entitlements, and a stack for each stack file, so that
 * plain `pulumi` finds them.
 * @returns the tenants whose entitlement was issued now
 */
export async function prepareTenants(): Promise<string[]> {
  const issued = await issueExamples();
  for (const tenant of tenants()) await openStack("tenant", tenant);
  return issued;
}

/** Brings the platform up to date. */
export function preparePlatform(report: (doing: string) => void): Promise<Outcome> {
  return up("platform", PLATFORM, report);
}
