import { existsSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import {
  LocalWorkspace,
  type EngineEvent,
  type OpMap,
  type OutputMap,
  type Stack,
} from "@pulumi/pulumi/automation";
import pc from "picocolors";
import { LOCAL, ROOT } from "./checkout";

/** Where each kind of stack has its `Pulumi.yaml`; `docker` is made by `onDocker.ts`, of tenants for real. */
const PROJECTS = {
  tenant: ROOT,
  platform: path.join(ROOT, "stacks/platform"),
  docker: path.join(LOCAL, "docker"),
} as const;
/** A kind of stack, or the folder of a tenant's project of one's own. */
export type Project = keyof typeof PROJECTS | { folder: string };

/** The policy pack. */
export const POLICIES = path.join(ROOT, "policies");

export interface Outcome {
  /** How many resources had which operation, such as `{ create: 40, same: 2 }`. */
  changes: OpMap;
  seconds: number;
  outputs: OutputMap;
  /** What the engine, the program and the policies warned of, once each. */
  warnings: string[];
}

/** The engine did not do what it was asked; each complaint is a sentence for the person who asked. */
export class EngineError extends Error {
  override name = "EngineError";
  constructor(readonly complaints: string[]) {
    super(complaints.join("\n"));
  }
}

/**
 * Opens a stack, making it in the backend if it is not there yet. The backend, the passphrase and the tools come
 * from the environment.
 */
export function openStack(project: Project, name: string): Promise<Stack> {
  return LocalWorkspace.createOrSelectStack({ stackName: name, workDir: folderOf(project) });
}

function folderOf(project: Project): string {
  return typeof project === "string" ? PROJECTS[project] : project.folder;
}

/**
 * `pulumi up` with the policy pack; `report` is told what is being made while it goes on.
 * @param refresh whether what somebody removed by hand is found out first, to be made again
 */
export function up(
  project: Project,
  name: string,
  report: (doing: string) => void,
  refresh = false,
): Promise<Outcome> {
  return watched(project, name, report, async (stack, watch) => {
    const { summary, outputs } = await stack.up({ ...watch, ...packs(project), refresh });
    return { changes: summary.resourceChanges ?? {}, outputs };
  });
}

/** `pulumi preview` with the policy pack. */
export function preview(project: Project, name: string, report: (doing: string) => void): Promise<Outcome> {
  return watched(project, name, report, async (stack, watch) => {
    const { changeSummary } = await stack.preview({ ...watch, ...packs(project) });
    return { changes: changeSummary, outputs: {} };
  });
}

/** Takes away all that a stack has, and the stack itself. */
export function destroy(project: Project, name: string, report: (doing: string) => void): Promise<Outcome> {
  return watched(project, name, report, async (stack, watch) => {
    const { summary } = await stack.destroy({ ...watch, remove: true });
    return { changes: summary.resourceChanges ?? {}, outputs: {} };
  });
}

/**
 * What a run of this machine's that was cut off left: the engine goes on only once its lock is gone. One whose process
 * lives is left alone.
 * @param state the folder of the stacks' state
 */
export async function forgetDeadLocks(project: Project, name: string, state: string): Promise<void> {
  const folder = path.join(state, ".pulumi/locks/organization/dhistance", name);
  const locks = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".json")) : [];
  const holders = locks.map((file) => JSON.parse(readFileSync(path.join(folder, file), "utf8")) as Holder);
  if (holders.length === 0) return;
  const living = holders.find(({ pid, hostname: host }) => host !== hostname() || alive(pid));
  if (living) {
    throw new EngineError([
      `another run is at work on ${name} (${living.username}@${living.hostname}, process ${living.pid}): wait until it has ended`,
    ]);
  }
  await (await openStack(project, name)).cancel();
}

interface Holder {
  pid: number;
  username: string;
  hostname: string;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The quotas are the tenants'; a platform has none. */
function packs(project: Project) {
  return project === "platform" ? {} : { policyPacks: [POLICIES] };
}

/** The outputs of a run alone. */
export function valuesOf<T>(outcome: Outcome | undefined): T {
  const all = Object.entries(outcome?.outputs ?? {});
  return Object.fromEntries(all.map(([name, { value }]) => [name, value as unknown])) as T;
}

/** What a run has come to, for a person. */
export function changed({ changes, seconds }: Outcome): string {
  const counts = (["create", "update", "replace", "delete"] as const)
    .filter((op) => changes[op])
    .map((op) => `${changes[op]} ${op}d`);
  return `${counts.join(", ") || "no change"} in ${seconds.toFixed(0)} s`;
}

/** Shows what a run warned of, on standard error: standard output is for results. */
export function showWarnings(outcome: Outcome | undefined): void {
  // Of its own stream: a CI's log, which is not a terminal, gets plain lines.
  const { yellow } = pc.createColors(process.stderr.isTTY);
  for (const warning of outcome?.warnings ?? []) console.error(`${yellow("warning:")} ${warning}`);
}

interface Watch {
  onEvent: (event: EngineEvent) => void;
  color: "never";
}

async function watched(
  project: Project,
  name: string,
  report: (doing: string) => void,
  run: (stack: Stack, watch: Watch) => Promise<Omit<Outcome, "seconds" | "warnings">>,
): Promise<Outcome> {
  const complaints: string[] = [];
  const warnings = new Set<string>();
  const started = Date.now();
  let done = 0;
  let reported = 0;
  const interval = process.stdout.isTTY ? 100 : 3000;
  const onEvent = (event: EngineEvent) => {
    const { diagnosticEvent, policyEvent, resourcePreEvent, resOutputsEvent } = event;
    // A start that takes minutes tells how far it is.
    if (diagnosticEvent?.ephemeral) report(diagnosticEvent.message.trim());
    if (diagnosticEvent?.severity === "error") complaints.push(diagnosticEvent.message.trim());
    if (diagnosticEvent?.severity === "warning") warnings.add(diagnosticEvent.message.trim());
    if (policyEvent) {
      const said = `${policyEvent.policyName}: ${policyEvent.message.trim()}`;
      if (policyEvent.enforcementLevel === "mandatory") complaints.push(said);
      else warnings.add(said);
    }
    if (resOutputsEvent && resOutputsEvent.metadata.op !== "same") done++;
    if (resourcePreEvent && resourcePreEvent.metadata.op !== "same" && Date.now() - reported >= interval) {
      reported = Date.now();
      const { op, urn, type } = resourcePreEvent.metadata;
      report(`${done} done; ${op} ${type} ${urn.split("::").at(-1)}`);
    }
  };
  try {
    const stack = await openStack(project, name);
    const result = await run(stack, { onEvent, color: "never" });
    return { ...result, seconds: (Date.now() - started) / 1000, warnings: [...warnings] };
  } catch (error) {
    // The engine closes every failed run with a remark of its own, which says nothing more.
    const own = complaints.filter((complaint) => !/^(preview|update) failed$/.test(complaint));
    throw new EngineError(own.length > 0 ? own : [(error as Error).message]);
  }
}
