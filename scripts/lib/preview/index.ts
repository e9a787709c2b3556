import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { ensureToolchain, useToolchain } from "../../../tools/toolchain";
import { ROOT, stackFileOf, tenants as tenantsOf } from "../checkout";
import { CommandError, UsageError } from "../errors";
import { issueExamples } from "../localIssuer";
import type { Output } from "../output";
import { previewEvents } from "../pulumi/previewEvents";
import { EngineError, openStack, up } from "../pulumi/stacks";
import { PLATFORM, preparePlatform } from "../rehearsal";
import { refuseUnknownTenant } from "../tenants";
import { markdownOf } from "./markdown";
import { reportOf, tenantReport, type Report, type TenantReport } from "./report";
import {
  badName,
  baseOf,
  changedSince,
  fileAt,
  fileNow,
  filesAt,
  forRehearsal,
  StackFileError,
  type Base,
  type Rehearsed,
} from "./stackFiles";
import { textOf } from "./text";
import { engineExitCode, verdictOf, type Verdict } from "./verdict";
import { Workspace } from "./workspace";

export interface PreviewRequest {
  /** Those that were named; none with `changedSince` is all that have changed. */
  tenants: string[];
  /** The commit that the stacks are brought to first. */
  changedSince?: string;
  /** The checkout whose stack files are previewed, with this one's programs, policies and keys. */
  from: string;
  /** More options of `pulumi preview`. */
  options: string[];
  format: "engine" | "json" | "markdown";
}

/** What the steps of one command share. */
interface Session {
  request: PreviewRequest;
  workspace: Workspace;
  output: Output;
}

/**
 * Previews tenants in the rehearsal.
 * @returns the exit code
 */
export async function previewTenants(given: PreviewRequest, output: Output): Promise<number> {
  const request = { ...given, from: path.resolve(given.from) };
  const { from, changedSince: ref, format } = request;
  for (const bad of request.tenants.flatMap((name) => badName(name) ?? [])) throw new UsageError(bad);
  const base = ref === undefined ? undefined : baseOf(from, ref);
  if (!base) for (const name of request.tenants) refuseUnknownTenant(name, tenantsOf(from));
  const workspace = new Workspace();
  try {
    const session = { request, workspace, output };
    const report = reportOf(base ? await changesSince(base, session) : await changesInPlace(session), base);
    print(report, format, output);
    return shownByEngine(request) ? engineExitCode(report.outcome, request.options) : report.exitCode;
  } finally {
    workspace.remove();
  }
}

/** Whether a person looks at the engine's own display, and nobody reads a report. */
function shownByEngine({ changedSince: ref, format }: PreviewRequest): boolean {
  return ref === undefined && format === "engine";
}

function print(report: Report, format: PreviewRequest["format"], output: Output): void {
  if (format === "json") output.result(report, "");
  else if (format === "markdown") output.print(markdownOf(report));
  // Without a base the engine has shown what there is to see.
  else if (report.base) output.print(textOf(report, output.colors));
}

/** Previews stack files on the state of the local rehearsal, such as `npm start` has left. */
async function changesInPlace({ request, workspace, output }: Session): Promise<TenantReport[]> {
  const { tenants, from, options, format } = request;
  useToolchain(await ensureToolchain({ quiet: format !== "engine" }), { providers: "rehearsal" });
  if (from === ROOT) await issueExamples();
  const platform = await openStack("platform", PLATFORM);
  if (Object.keys(await platform.outputs()).length === 0) {
    output.note(`Bringing up platform ${PLATFORM} first …`);
    await preparePlatform(() => undefined);
  }
  const reports: TenantReport[] = [];
  for (const tenant of tenants) {
    const text = String(fileNow(from, stackFileOf(tenant)) ?? "");
    const { config } = forRehearsal(stackFileOf(tenant), text);
    workspace.write(workspace.tenants, tenant, text);
    workspace.fill(tenant, path.join(from, "tenants", tenant));
    await workspace.open(workspace.tenants, tenant);
    const verdict = verdictOf(await previewEvents(workspace.tenants, tenant, options, format === "engine"));
    reports.push(tenantReport(tenant, verdict, { after: config }, []));
  }
  return reports;
}

/** Brings each stack to what it is at the base, and previews the change on it. */
async function changesSince(base: Base, session: Session): Promise<TenantReport[]> {
  const { request, workspace } = session;
  const { from, format } = request;
  const names = request.tenants.length > 0 ? request.tenants : changedSince(from, base);
  if (names.length === 0) return [];
  const toolchain = await ensureToolchain({ quiet: format !== "engine" });
  useToolchain(toolchain, { providers: "rehearsal", state: workspace.state });
  // The state is removed at the end, so no run has to be continued.
  process.env["PULUMI_SKIP_CHECKPOINTS"] = "true";
  if (from === ROOT) await issueExamples();
  const reports: TenantReport[] = [];
  for (const name of names) {
    const bad = badName(name);
    reports.push(bad ? withoutPlan(name, "refused", [bad], []) : await changeOf(name, base, session));
  }
  return reports;
}

async function changeOf(tenant: string, base: Base, session: Session): Promise<TenantReport> {
  const { request, workspace, output } = session;
  const { from, options } = request;
  const file = stackFileOf(tenant);
  const notes: string[] = [];
  let before: Rehearsed | undefined;
  let after: Rehearsed | undefined;
  try {
    before = rehearsed(file, fileAt(from, base.commit, file));
  } catch (error) {
    if (!(error instanceof StackFileError)) throw error;
    notes.push(`The stack file at ${base.ref} cannot be used: ${error.message}`);
  }
  try {
    after = rehearsed(file, fileNow(from, file));
  } catch (error) {
    if (!(error instanceof StackFileError)) throw error;
    return withoutPlan(tenant, "refused", [error.message], notes);
  }
  if (!after) {
    if (!before) throw new UsageError(`tenant "${tenant}" has no stack file ${file}, now or at ${base.ref}.`);
    notes.push(
      "The stack file is removed. That deletes nothing: end the tenant first (docs/operating/ending.md).",
    );
    return withoutPlan(tenant, "changed", [], notes);
  }
  await bringPlatformsUp([before, after], base, session);
  if (before) {
    const why = await bringToBase(tenant, before, base, session);
    if (why) notes.push(`At ${base.ref} the tenant is refused, so this is compared with nothing: ${why}`);
  } else notes.push("The tenant is new.");
  output.note(`${tenant}: previewing the change …`);
  workspace.write(workspace.tenants, tenant, after.text);
  workspace.fill(tenant, path.join(from, "tenants", tenant));
  await workspace.open(workspace.tenants, tenant, after.placeholders);
  const verdict = verdictOf(await previewEvents(workspace.tenants, tenant, options, false));
  const configurations = { ...(before && { before: before.config }), after: after.config };
  return tenantReport(tenant, verdict, configurations, notes);
}

const rehearsed = (file: string, content: Buffer | undefined) =>
  content && forRehearsal(file, String(content));

/** Of a tenant that the engine is not asked about. */
function withoutPlan(
  tenant: string,
  outcome: Verdict["outcome"],
  refusals: string[],
  notes: string[],
): TenantReport {
  const nothing = { violations: [], errors: [], warnings: [], changes: [], unchanged: 0 };
  return tenantReport(tenant, { outcome, refusals, ...nothing }, {}, notes);
}

/** @returns why it cannot be brought up */
async function bringToBase(
  tenant: string,
  before: Rehearsed,
  base: Base,
  { request, workspace, output }: Session,
): Promise<string | undefined> {
  output.note(`${tenant}: rehearsing it as it is at ${base.ref} …`);
  const folder = `tenants/${tenant}`;
  const then = [...filesAt(request.from, base.commit, folder)].map(
    ([name, content]) => [path.relative(folder, name), content] as const,
  );
  workspace.write(workspace.tenants, tenant, before.text);
  workspace.fill(tenant, path.join(request.from, folder), new Map(then));
  await workspace.open(workspace.tenants, tenant, before.placeholders);
  try {
    await up({ folder: workspace.tenants }, tenant, () => undefined);
    return undefined;
  } catch (error) {
    if (error instanceof EngineError) return error.message;
    throw error;
  }
}

/** Brings up the platforms that have a stack file: of the base, else of this checkout. The program refuses any other. */
async function bringPlatformsUp(
  stackFiles: readonly (Rehearsed | undefined)[],
  base: Base,
  { request, workspace, output }: Session,
): Promise<void> {
  for (const name of new Set(stackFiles.flatMap((each) => platformOf(each?.config)))) {
    if (existsSync(path.join(workspace.platforms, `Pulumi.${name}.yaml`))) continue;
    const file = `stacks/platform/Pulumi.${name}.yaml`;
    const own = path.join(ROOT, file);
    const text = fileAt(request.from, base.commit, file) ?? (existsSync(own) ? readFileSync(own) : undefined);
    if (!text) continue;
    output.note(`Bringing up platform ${name} …`);
    try {
      const platform = forRehearsal(file, String(text));
      workspace.write(workspace.platforms, name, platform.text);
      await workspace.open(workspace.platforms, name, platform.placeholders);
      await up({ folder: workspace.platforms }, name, () => undefined);
    } catch (error) {
      const why = (error as Error).message;
      throw new CommandError(`platform ${name} cannot be rehearsed: ${why}`, 1, { cause: error });
    }
  }
}

/** The platform that a configuration names; it need not be valid. */
function platformOf(config: Record<string, unknown> | undefined): string[] {
  const { target } = (config?.["dhistance:tenant"] ?? {}) as { target?: { aws?: Record<string, unknown> } };
  const name = target?.aws?.["platform"] ?? target?.aws?.["region"];
  return typeof name === "string" && /^[a-z][a-z0-9-]*$/.test(name) ? [name] : [];
}
