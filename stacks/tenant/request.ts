import { existsSync } from "node:fs";
import path from "node:path";
import { EntitlementError, verifyEntitlement, type Entitlement } from "../../plans/entitlement";
import { loadIssuers, resolveEntitlement } from "../../plans/issuers";
import { SIZES, type Size } from "../../plans/plans";
import { serversWithinPlan, sizeWithinPlan, stackIsTenant } from "../../plans/quota";
import { SpecError } from "../config";
import { parseTenant, type Tenant } from "./spec";

/** A tenant's stack as its file and its entitlement ask for it, found to be in order. */
export interface Request {
  spec: Tenant;
  entitlement: Entitlement;
  /** The entitlement as it was signed. */
  token: string;
}

export interface Given {
  stack: string;
  /** Values of `dhistance:entitlement` and `dhistance:tenant`. */
  entitlement: unknown;
  tenant: unknown;
  /** Whether something in `dhistance:tenant` is encrypted in the stack's file. */
  holdsSecret: boolean;
  /** What paths of dumps are relative to. */
  root: string;
}

/**
 * Judges what a stack asks for, all of it at once: its spec, its entitlement, and the one against the other.
 * @throws SpecError with every problem
 */
export async function readRequest(given: Given): Promise<Request> {
  const problems: string[] = [];
  let spec: Tenant | undefined;
  try {
    spec = parseTenant(given.tenant ?? {});
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    problems.push(...error.problems);
  }
  let granted: Omit<Request, "spec"> | undefined;
  try {
    const token = resolveEntitlement(given.entitlement);
    granted = { token, entitlement: await verifyEntitlement(token, loadIssuers()) };
  } catch (error) {
    if (!(error instanceof EntitlementError)) throw error;
    problems.push(`dhistance:entitlement: ${error.message}`);
  }
  // Of a spec with faults too, so that nobody has to mend it twice.
  if (granted) problems.push(...quotaProblems(granted.entitlement, given));
  if (spec) problems.push(...importProblems(spec, given));
  if (!spec || !granted || problems.length > 0) throw new SpecError(problems);
  return { spec, ...granted };
}

function quotaProblems(entitlement: Entitlement, { stack, tenant }: Given): string[] {
  const servers = serversIn(tenant);
  const problems = [
    at("dhistance:entitlement", stackIsTenant(entitlement.tenant, stack)),
    at(
      "servers",
      serversWithinPlan(
        entitlement,
        servers.map(({ name }) => name),
      ),
    ),
    ...servers.map(({ name, size }, index) =>
      size ? at(`servers[${index}].size`, sizeWithinPlan(entitlement.plan, name, size)) : undefined,
    ),
  ];
  return problems.filter((problem) => problem !== undefined);
}

function at(path: string, complaint: string | undefined): string | undefined {
  return complaint && `${path}: ${complaint}`;
}

/** The servers of a spec that need not be right: as many as there are, under the names they have. */
function serversIn(tenant: unknown): { name: string; size: Size | undefined }[] {
  const servers = (tenant as { servers?: unknown } | undefined)?.servers;
  if (!Array.isArray(servers)) return [];
  return (servers as unknown[]).map((server, index) => {
    const { name, size } = (server ?? {}) as { name?: unknown; size?: unknown };
    return {
      name: typeof name === "string" ? name : `servers[${index}]`,
      size: SIZES.find((known) => known === size),
    };
  });
}

function importProblems(spec: Tenant, { holdsSecret, root }: Given): string[] {
  return spec.servers.flatMap((server, index) => {
    const found: string[] = [];
    const where = `servers[${index}].import`;
    if (server.import?.encryptionPassword && !holdsSecret) {
      found.push(
        `${where}.encryptionPassword: [secret]; stands in the stack's file as plain text; allowed: an encrypted ` +
          `value. Take it out, and set it with: pulumi config set --secret --path ` +
          `'dhistance:tenant.${where}.encryptionPassword'`,
      );
    }
    const dump = server.import?.dump;
    if (dump && !dump.startsWith("s3://") && !existsSync(path.resolve(root, dump))) {
      found.push(
        `${where}.dump: ${JSON.stringify(dump)}; there is no such file; allowed: a file, or s3://bucket/key`,
      );
    }
    return found;
  });
}
