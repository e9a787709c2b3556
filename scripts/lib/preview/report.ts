import { totalMemoryGiB } from "../../../stacks/tenant/hostRequirements";
import { undecrypted } from "../../../stacks/tenant/secrets";
import { isOnDocker, parseTenant, type Tenant } from "../../../stacks/tenant/spec";
import { estimate, PRICES, total } from "../cost/estimate";
import { OUTCOME_EXIT_CODES, OUTCOMES, type Change, type Outcome, type Verdict } from "./verdict";

/** The part of a plan that belongs to one server, or without a name to the tenant as a whole. */
export interface Part {
  server?: string;
  changes: Change[];
}

/** A month's cost on AWS, or the memory on the Docker host; absent where the stack file is not valid or there is none. */
export interface Amount {
  unit: string;
  before?: number;
  after?: number;
}

export interface TenantReport extends Omit<Verdict, "changes"> {
  tenant: string;
  /** What the reader should know of how it was previewed. */
  notes: string[];
  parts: Part[];
  amount?: Amount;
}

export interface Report {
  /** What it was compared with; absent for the state of the local rehearsal. */
  base?: { ref: string; commit: string };
  outcome: Outcome;
  exitCode: number;
  tenants: TenantReport[];
}

/** Configuration of a stack, before and after; undefined where there is no stack file. */
export interface Configurations {
  before?: Record<string, unknown>;
  after?: Record<string, unknown>;
}

export function tenantReport(
  tenant: string,
  { changes, ...verdict }: Verdict,
  { before, after }: Configurations,
  notes: string[],
): TenantReport {
  const [was, is] = [specOf(before), specOf(after)];
  const servers = new Set([was, is].flatMap((spec) => spec?.servers.map(({ name }) => name) ?? []));
  const amount = amountOf(was, is);
  return {
    tenant,
    ...verdict,
    notes,
    parts: partsOf(tenant, [...servers], changes),
    ...(amount && { amount }),
  };
}

export function reportOf(tenants: TenantReport[], base: Report["base"]): Report {
  const worst = Math.max(0, ...tenants.map(({ outcome }) => OUTCOMES.indexOf(outcome)));
  const outcome = OUTCOMES[worst] ?? "failed";
  return { ...(base && { base }), outcome, exitCode: OUTCOME_EXIT_CODES[outcome], tenants };
}

/** The changes by server, by the beginning of their names (`<tenant>-<server>-…`); those of the tenant come last. */
function partsOf(tenant: string, servers: readonly string[], changes: readonly Change[]): Part[] {
  const byLength = [...servers].sort((a, b) => b.length - a.length);
  const ownerOf = ({ name }: Change) =>
    byLength.find((server) => `${name}-`.startsWith(`${tenant}-${server}-`));
  const parts: Part[] = servers.map((server) => ({
    server,
    changes: changes.filter((change) => ownerOf(change) === server),
  }));
  parts.push({ changes: changes.filter((change) => ownerOf(change) === undefined) });
  return parts.filter((part) => part.changes.length > 0);
}

function specOf(config: Record<string, unknown> | undefined): Tenant | undefined {
  try {
    return config && parseTenant(undecrypted(config["dhistance:tenant"] ?? {}));
  } catch {
    return undefined;
  }
}

function amountOf(before: Tenant | undefined, after: Tenant | undefined): Amount | undefined {
  const known = after ?? before;
  if (!known) return undefined;
  const unit = unitOf(known);
  const amount = (spec: Tenant | undefined) => (spec && unitOf(spec) === unit ? valueOf(spec) : undefined);
  const [was, is] = [amount(before), amount(after)];
  return { unit, ...(was !== undefined && { before: was }), ...(is !== undefined && { after: is }) };
}

const unitOf = (spec: Tenant) => (isOnDocker(spec) ? "GiB of memory" : `${PRICES.currency} a month`);

function valueOf(spec: Tenant): number {
  return isOnDocker(spec) ? totalMemoryGiB(spec) : Math.round(total(estimate(spec)) * 100) / 100;
}
