import { PLAIN, type Colors } from "../output";
import type { Report, TenantReport } from "./report";
import type { Change, Operation, Outcome } from "./verdict";

/** A report for a terminal, and the words that it shares with the one for a pull request. */

export const OUTCOME_WORDS: Readonly<Record<Outcome, string>> = {
  unchanged: "no change",
  changed: "changes",
  refused: "refused",
  violation: "violates a policy",
  failed: "failed",
};

const DONE: Readonly<Record<Operation, string>> = {
  delete: "deleted",
  replace: "replaced",
  update: "changed",
  create: "created",
};
/** What destroys comes first. */
export const OPERATIONS = Object.keys(DONE) as Operation[];

/** Such as `1 deleted, 2 created`. */
export function countsText(changes: readonly Change[]): string {
  const counts = OPERATIONS.map((operation) => {
    const count = changes.filter((change) => change.operation === operation).length;
    return count > 0 ? `${count} ${DONE[operation]}` : "";
  });
  return counts.filter(Boolean).join(", ") || "no change";
}

/** Data losses and replacements first, then deletions, changes, creations. */
export function byDanger(changes: readonly Change[]): Change[] {
  const rank = ({ losesData, operation }: Change) =>
    (losesData ? 0 : 10) + (operation === "replace" ? 0 : 1 + OPERATIONS.indexOf(operation));
  return [...changes].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

export function doneText({ operation, losesData }: Change): string {
  return `${DONE[operation]}${losesData ? ", its data is lost" : ""}`;
}

export function textOf({ base, tenants }: Report, colors: Colors = PLAIN): string {
  const since = base ? ` since ${base.ref} (${base.commit.slice(0, 12)})` : "";
  if (tenants.length === 0) return `No tenant has changed${since}.`;
  return tenants.map((tenant) => tenantText(tenant, colors)).join("\n\n");
}

function tenantText(report: TenantReport, { bold, red, yellow }: Colors): string {
  const { tenant, outcome, refusals, violations, errors, warnings, notes, parts, amount } = report;
  const good = outcome === "changed" || outcome === "unchanged";
  return [
    `${bold(tenant)}: ${good ? OUTCOME_WORDS[outcome] : red(OUTCOME_WORDS[outcome])}`,
    ...[...refusals, ...violations.map(({ policy, message }) => `${policy}: ${message}`), ...errors].map(
      (each) => red(`  - ${each}`),
    ),
    ...[...notes, ...warnings].map((each) => yellow(`  ! ${each}`)),
    ...(good
      ? parts.flatMap(({ server, changes }) => [
          `  ${server ? `server ${server}` : "tenant"}: ${countsText(changes)}`,
          ...byDanger(changes)
            .filter(({ operation }) => operation === "delete" || operation === "replace")
            .map((change) => red(`    ${change.type} ${change.name} is ${doneText(change)}`)),
        ])
      : []),
    ...(amount ? [`  ${amount.unit}: ${amount.before ?? "none"} → ${amount.after ?? "none"}`] : []),
  ].join("\n");
}
