import { EntitlementError, expiryNotice, verifyEvenExpired, type Entitlement } from "../../plans/entitlement";
import { loadIssuers, resolveEntitlement } from "../../plans/issuers";
import { SIZES, type Size } from "../../plans/plans";
import { serversWithinPlan, sizeWithinPlan, stackIsTenant } from "../../plans/quota";
import { SpecError, unknownKeys } from "../config";
import { notAllowed } from "./allowed";
import { awsNameProblems } from "./awsNames";
import { FileRefused, TenantFiles } from "./files";
import { asInFile, oldNameWarnings, withNewNames } from "./oldNames";
import { encryptedIn, plainSecrets, type InFile } from "./secrets";
import { isOnDocker, parseTenant, warningsOf, type Tenant } from "./spec";

/** A tenant's stack as its file and its entitlement ask for it, found to be in order. */
export interface Request {
  spec: Tenant;
  /** It may have expired: nothing may be added under it then (`servers.ts`). */
  entitlement: Entitlement;
  /** The entitlement as it was signed. */
  token: string;
  /** The files of this machine that the spec may name. */
  files: TenantFiles;
  /** What speaks against the spec that is not wrong, each with its path. */
  warnings: string[];
}

export interface Given {
  stack: string;
  /** Of the stack's configuration. */
  keys: readonly string[];
  /** Values of `dhistance:entitlement` and `dhistance:tenant`. */
  entitlement: unknown;
  tenant: unknown;
  /** How `dhistance:tenant` stands in the stack's file. */
  file: InFile;
  /** The folder with Pulumi.yaml, in whose `tenants/<tenant>` the files are that the stack file names. */
  project: string;
}

/**
 * Judges what a stack asks for, all of it at once: its spec, its entitlement, and the one against the other.
 * @throws SpecError with every problem
 */
export async function readRequest(given: Given): Promise<Request> {
  const problems = unknownKeys(given.keys, ["dhistance:entitlement", "dhistance:tenant"]);
  const file = { ...given.file, value: withNewNames(given.file.value) };
  let spec: Tenant | undefined;
  try {
    spec = parseTenant(given.tenant ?? {}, encryptedIn(file.value));
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    problems.push(...error.problems);
  }
  const files = new TenantFiles(given.project, given.stack);
  let granted: Pick<Request, "token" | "entitlement"> | undefined;
  try {
    const token = resolveEntitlement(given.entitlement, (file) => files.read(file));
    granted = { token, entitlement: await verifyEvenExpired(token, loadIssuers()) };
  } catch (error) {
    if (error instanceof FileRefused) problems.push(`dhistance:entitlement.file: ${error.message}`);
    else if (error instanceof EntitlementError) problems.push(`dhistance:entitlement: ${error.message}`);
    else throw error;
  }
  // Of a spec with faults too, so that nobody has to mend it twice.
  if (granted) problems.push(...quotaProblems(granted.entitlement, given));
  const plain = plainSecrets(withNewNames(given.tenant), file);
  problems.push(...plain.map((problem) => asInFile(given.tenant, problem)));
  if (spec && granted && !isOnDocker(spec))
    problems.push(...awsNameProblems(granted.entitlement.tenant, spec.servers));
  if (spec) {
    problems.push(...dumpProblems(spec, files));
    problems.push(...notAllowed(given.stack, spec).map((problem) => asInFile(given.tenant, problem)));
  }
  if (!spec || !granted || problems.length > 0) throw new SpecError(problems);
  const warnings = [...oldNameWarnings(given.tenant), ...warningsOf(spec)];
  const notice = expiryNotice(granted.entitlement);
  if (notice) warnings.push(`dhistance:entitlement: ${notice}`);
  return { spec, ...granted, files, warnings };
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

function dumpProblems(spec: Tenant, files: TenantFiles): string[] {
  return spec.servers.flatMap(({ import: data }, index) => {
    if (!data || data.dump.startsWith("s3://")) return [];
    try {
      files.find(data.dump);
      return [];
    } catch (error) {
      if (!(error instanceof FileRefused)) throw error;
      return [`servers[${index}].import.dump: ${JSON.stringify(data.dump)}; ${error.message}`];
    }
  });
}
