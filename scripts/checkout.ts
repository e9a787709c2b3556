import { readdirSync } from "node:fs";
import path from "node:path";

/** The checkout's root. */
export const ROOT = path.resolve(__dirname, "..");

/** What a checkout keeps for itself and git ignores: rehearsal state, the local issuer, example entitlements. */
export const LOCAL = path.join(ROOT, ".dhistance");

/** The tenants that have a stack file, sorted. */
export function tenants(): string[] {
  return readdirSync(ROOT)
    .flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? [])
    .sort();
}
