import type { EngineEvent } from "@pulumi/pulumi/automation";
import type { PreviewRun } from "../pulumi/previewEvents";

/** What an engine's run of `pulumi preview` says about a stack, read from its events. */

export const OUTCOMES = ["unchanged", "changed", "violation", "refused", "failed"] as const;
/** From the best to the worst. */
export type Outcome = (typeof OUTCOMES)[number];

/** 7 is what `pulumi preview --expect-no-changes` ends with. */
export const OUTCOME_EXIT_CODES: Readonly<Record<Outcome, number>> = {
  unchanged: 0,
  failed: 1,
  changed: 7,
  refused: 8,
  violation: 9,
};

/** As `pulumi preview` ends with these options: changes do not count as a failure unless they were excluded. */
export function engineExitCode(outcome: Outcome, options: readonly string[]): number {
  const excluded = options.some((option) => /^--expect-no-changes(=true)?$/.test(option));
  return outcome === "changed" && !excluded ? 0 : OUTCOME_EXIT_CODES[outcome];
}

/** Of the engine: changes, with `--expect-no-changes`. */
const NO_FAILURE = 7;

export type Operation = "create" | "update" | "replace" | "delete";

export interface Change {
  operation: Operation;
  type: string;
  name: string;
  /** The properties that change, or that a replacement comes from. */
  properties: string[];
  /** Whether data goes with it. */
  losesData: boolean;
}

export interface Violation {
  policy: string;
  resource?: string;
  message: string;
}

export interface Verdict {
  outcome: Outcome;
  /** Why the program, or a record of what is in place, refuses the stack file. */
  refusals: string[];
  /** Of mandatory policies. */
  violations: Violation[];
  /** Any other failure. */
  errors: string[];
  warnings: string[];
  changes: Change[];
  /** How many resources stay as they are. */
  unchanged: number;
}

/** Their data is not anywhere else, or only in backups. */
const HOLDS_DATA = new Set([
  "aws:backup/vault:Vault",
  "aws:efs/fileSystem:FileSystem",
  "aws:kms/key:Key",
  "aws:rds/cluster:Cluster",
  "aws:rds/instance:Instance",
  "aws:s3/bucket:Bucket",
  "docker:index/volume:Volume",
]);

/** Of records in the state (`components/doOnce.ts`), and of the engine itself. */
const REFUSED_BY_HOOK = /hook "[^"]+-(?:refuse|refuse-first|verify)" failed: ([\s\S]*)/;
const REFUSED_BY_PROGRAM = /^Stack "[^"]*" was refused: /;
const PROTECTED = /cannot be deleted\s+because it is protected/;
/** What the engine adds to any failed run. */
const FOLLOWS = /^(?:preview failed|update failed|.*context canceled)$/;
/** The policy that repeats a refusal, for the engine's own display. */
const REPEATS = "program-accepts";

export function verdictOf({ code, events, said }: PreviewRun): Verdict {
  const [refusals, errors, warnings] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const violations = new Map<string, Violation>();
  for (const { diagnosticEvent, policyEvent } of events) {
    if (policyEvent) {
      const { policyName: policy, resourceUrn, enforcementLevel } = policyEvent;
      const message = policyEvent.message.trim();
      const resource = resourceUrn && nameOf(resourceUrn);
      if (enforcementLevel !== "mandatory") warnings.add(`${policy}: ${message}`);
      else if (policy !== REPEATS)
        violations.set(message, { policy, ...(resource && { resource }), message });
    }
    const message = diagnosticEvent?.message.trim();
    if (!diagnosticEvent || diagnosticEvent.ephemeral || !message) continue;
    if (diagnosticEvent.severity === "warning") warnings.add(message);
    if (diagnosticEvent.severity !== "error" || FOLLOWS.test(message)) continue;
    const why = refusalIn(message);
    if (why) for (const each of why) refusals.add(each);
    else errors.add(message);
  }
  const { changes, unchanged } = changesIn(events);
  const succeeded = code === 0 || code === NO_FAILURE;
  const found = { refusals: [...refusals], violations: [...violations.values()], errors: [...errors] };
  if (!succeeded && Object.values(found).every(({ length }) => length === 0))
    found.errors.push(said.trim() || "the engine ended without saying why");
  // After a violation the engine lists the policy's failure among its errors, too.
  const outcome: Outcome =
    found.refusals.length > 0
      ? "refused"
      : found.violations.length > 0
        ? "violation"
        : !succeeded
          ? "failed"
          : changes.length > 0
            ? "changed"
            : "unchanged";
  return { outcome, ...found, warnings: [...warnings], changes, unchanged };
}

/** The reasons in an error, if it is a refusal. */
function refusalIn(message: string): string[] | undefined {
  if (REFUSED_BY_PROGRAM.test(message))
    return message
      .split("\n")
      .slice(1)
      .map((line) => line.replace(/^- /, ""));
  const [, why] = REFUSED_BY_HOOK.exec(message) ?? [];
  if (why) return [why.trim()];
  return PROTECTED.test(message)
    ? [message.replace(/^Preview failed: /, "").replace(/\s+/g, " ")]
    : undefined;
}

/** A replacement is several steps, which may be far apart. */
function changesIn(events: readonly EngineEvent[]): { changes: Change[]; unchanged: number } {
  const steps = new Map<string, { operations: Set<string>; type: string; properties: Set<string> }>();
  for (const { resourcePreEvent } of events) {
    if (!resourcePreEvent) continue;
    const { urn, op, type, keys, diffs } = resourcePreEvent.metadata;
    // Of the engine alone.
    if (type.startsWith("pulumi:providers:")) continue;
    const step = steps.get(urn) ?? { operations: new Set<string>(), type, properties: new Set<string>() };
    step.operations.add(op);
    for (const property of keys?.length ? keys : (diffs ?? [])) step.properties.add(property);
    steps.set(urn, step);
  }
  const changes: Change[] = [];
  let unchanged = 0;
  for (const [urn, { operations, type, properties }] of steps) {
    const operation = operationOf(operations);
    if (!operation && operations.has("same")) unchanged++;
    if (!operation) continue;
    changes.push({
      operation,
      type,
      name: nameOf(urn),
      properties: [...properties].sort(),
      losesData: HOLDS_DATA.has(type) && (operation === "replace" || operation === "delete"),
    });
  }
  return { changes, unchanged };
}

function operationOf(operations: ReadonlySet<string>): Operation | undefined {
  const has = (...names: string[]) => names.some((name) => operations.has(name));
  if (has("replace", "create-replacement", "delete-replaced")) return "replace";
  return (["create", "update", "delete"] as const).find((name) => has(name));
}

function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}
