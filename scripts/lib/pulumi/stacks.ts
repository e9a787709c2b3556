import path from "node:path";
import {
  LocalWorkspace,
  type EngineEvent,
  type OpMap,
  type OutputMap,
  type Stack,
} from "@pulumi/pulumi/automation";
import { LOCAL, ROOT } from "../checkout";
import { CommandError } from "../errors";
import type { Output } from "../output";
import { throttled } from "../progress";

/** The folder of each kind of stack, with its `Pulumi.yaml`; `dockerTenant/project.ts` writes that of `docker`. */
const PROJECTS = {
  tenant: ROOT,
  platform: path.join(ROOT, "stacks/platform"),
  docker: path.join(LOCAL, "docker"),
} as const;
/** A kind of stack, or the folder of another project of tenants. */
export type Project = keyof typeof PROJECTS | { folder: string };

/** The policy pack. */
export const POLICIES = path.join(ROOT, "policies");

export interface Outcome {
  /** How many resources had which operation, such as `{ create: 40, same: 2 }`. */
  changes: OpMap;
  seconds: number;
  outputs: OutputMap;
  /** Warnings of the engine, the program and the policies, each once. */
  warnings: string[];
}

/** The engine failed or refused; each complaint is a sentence for the person who asked. */
export class EngineError extends CommandError {
  override name = "EngineError";
  constructor(readonly complaints: string[]) {
    super(complaints.join("\n"));
  }
}

/**
 * Opens a stack, and creates it in the backend if it does not exist. The environment names the backend, the passphrase
 * and the tools.
 */
export function openStack(project: Project, name: string): Promise<Stack> {
  return LocalWorkspace.createOrSelectStack({ stackName: name, workDir: folderOf(project) });
}

function folderOf(project: Project): string {
  return typeof project === "string" ? PROJECTS[project] : project.folder;
}

/**
 * `pulumi up` with the policy pack.
 * @param report is given what the engine does now
 * @param refresh whether to compare the state with reality first, so that what was removed by hand is made again
 */
export function up(
  project: Project,
  name: string,
  report: (doing: string) => void,
  refresh = false,
): Promise<Outcome> {
  return runWithEvents(project, name, report, async (stack, events) => {
    const { summary, outputs } = await stack.up({ ...events, ...packs(project), refresh });
    return { changes: summary.resourceChanges ?? {}, outputs };
  });
}

/** `pulumi preview` with the policy pack. */
export function preview(project: Project, name: string, report: (doing: string) => void): Promise<Outcome> {
  return runWithEvents(project, name, report, async (stack, events) => {
    const { changeSummary } = await stack.preview({ ...events, ...packs(project) });
    return { changes: changeSummary, outputs: {} };
  });
}

/** Deletes every resource of a stack, and the stack itself. */
export function destroy(project: Project, name: string, report: (doing: string) => void): Promise<Outcome> {
  return runWithEvents(project, name, report, async (stack, events) => {
    const { summary } = await stack.destroy({ ...events, remove: true });
    return { changes: summary.resourceChanges ?? {}, outputs: {} };
  });
}

/** The policies are about tenants; a platform has none. */
function packs(project: Project) {
  return project === "platform" ? {} : { policyPacks: [POLICIES] };
}

/** The values of a run's outputs. */
export function outputsOf<T>(outcome: Outcome | undefined): T {
  const all = Object.entries(outcome?.outputs ?? {});
  return Object.fromEntries(all.map(([name, { value }]) => [name, value as unknown])) as T;
}

/** What a run changed, and in what time. */
export function changesText({ changes, seconds }: Outcome): string {
  const counts = (["create", "update", "replace", "delete"] as const)
    .filter((op) => changes[op])
    .map((op) => `${changes[op]} ${op}d`);
  return `${counts.join(", ") || "no change"} in ${seconds.toFixed(0)} s`;
}

export function printWarnings(outcome: Outcome | undefined, output: Output): void {
  for (const warning of outcome?.warnings ?? []) output.warn(warning);
}

interface Events {
  onEvent: (event: EngineEvent) => void;
  color: "never";
}

async function runWithEvents(
  project: Project,
  name: string,
  report: (doing: string) => void,
  run: (stack: Stack, events: Events) => Promise<Omit<Outcome, "seconds" | "warnings">>,
): Promise<Outcome> {
  const complaints: string[] = [];
  const warnings = new Set<string>();
  const started = Date.now();
  let done = 0;
  const reportResource = throttled(report);
  const onEvent = (event: EngineEvent) => {
    const { diagnosticEvent, policyEvent, resourcePreEvent, resOutputsEvent } = event;
    // The progress of a resource that takes minutes.
    if (diagnosticEvent?.ephemeral) report(diagnosticEvent.message.trim());
    if (diagnosticEvent?.severity === "error") complaints.push(diagnosticEvent.message.trim());
    if (diagnosticEvent?.severity === "warning") warnings.add(diagnosticEvent.message.trim());
    if (policyEvent) {
      const complaint = `${policyEvent.policyName}: ${policyEvent.message.trim()}`;
      if (policyEvent.enforcementLevel === "mandatory") complaints.push(complaint);
      else warnings.add(complaint);
    }
    if (resOutputsEvent && resOutputsEvent.metadata.op !== "same") done++;
    if (resourcePreEvent && resourcePreEvent.metadata.op !== "same") {
      const { op, urn, type } = resourcePreEvent.metadata;
      reportResource(`${done} done; ${op} ${type} ${urn.split("::").at(-1)}`);
    }
  };
  try {
    const stack = await openStack(project, name);
    const result = await run(stack, { onEvent, color: "never" });
    return { ...result, seconds: (Date.now() - started) / 1000, warnings: [...warnings] };
  } catch (error) {
    // The engine ends every failed run with this line, which adds nothing.
    const own = complaints.filter((complaint) => !/^(preview|update) failed$/.test(complaint));
    throw new EngineError(own.length > 0 ? own : [(error as Error).message]);
  }
}
