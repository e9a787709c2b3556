import { money } from "../cost/estimate";
import type { Amount, Part, Report, TenantReport } from "./report";
import { byDanger, countsText, doneText, OUTCOME_WORDS } from "./text";
import { OUTCOMES, type Change } from "./verdict";

/** What GitHub takes of a comment, in characters; GitLab takes more. */
const LONGEST = 65_536;
/** Lets a script find the comment that it has to replace. */
const MARKER = "<!-- dhistance preview -->";
/** Longer texts of programs and policies are cut. */
const LONGEST_MESSAGE = 2000;

/**
 * A report as the comment of a pull request. One that is too long loses details first, then tenants, beginning with
 * those that have the least to say.
 */
export function markdownOf(report: Report, longest = LONGEST): string {
  for (const details of [Infinity, 100, 20, 5, 0]) {
    const text = render(report, details);
    if (text.length <= longest) return text;
  }
  const tenants = [...report.tenants].sort((a, b) => severity(b) - severity(a));
  for (let shown = tenants.length - 1; shown > 0; shown = Math.floor(shown * 0.9)) {
    const left = `\n\n**${tenants.length - shown} of ${tenants.length} tenants are left out: a comment cannot be longer.** Run the command with \`--json\` to see them.`;
    const text = render({ ...report, tenants: tenants.slice(0, shown) }, 0) + left;
    if (text.length <= longest) return text;
  }
  return `${MARKER}\n## ${titleOf(report)}\n\n${tenants.length} tenants: too many for a comment. Run the command with \`--json\` to see them.`;
}

function severity({ outcome, parts }: TenantReport): number {
  return 2 * OUTCOMES.indexOf(outcome) + (dangerous(parts).length > 0 ? 1 : 0);
}

const titleOf = ({ outcome, tenants }: Report) =>
  `Preview: ${tenants.length === 0 ? "no tenant has changed" : OUTCOME_WORDS[outcome]}`;

function render(report: Report, details: number): string {
  const { base, tenants } = report;
  const compared = base
    ? `Compared with ${code(base.ref)}, commit ${base.commit.slice(0, 12)}, in a rehearsal.`
    : "";
  return [
    `${MARKER}\n## ${titleOf(report)}`,
    compared,
    tenants.length > 0 ? overview(tenants) : "",
    ...tenants.map((tenant) => section(tenant, details)),
  ]
    .filter(Boolean)
    .join("\n\n");
}

function overview(tenants: readonly TenantReport[]): string {
  const rows = tenants.map(({ tenant, outcome, parts, amount }) => {
    const changes = parts.flatMap((part) => part.changes);
    const good = outcome === "changed" || outcome === "unchanged";
    const counts = good ? countsText(changes) : "";
    return `| ${escape(tenant)} | ${good ? "✅" : "❌"} ${OUTCOME_WORDS[outcome]} | ${counts} | ${amount ? amountText(amount) : ""} |`;
  });
  return ["| tenant | result | resources | before → after |", "| --- | --- | --- | --- |", ...rows].join(
    "\n",
  );
}

function amountText({ unit, before, after }: Amount): string {
  const text = (value: number) => (Number.isInteger(value) ? String(value) : money(value));
  const [was, is] = [before, after].map((value) => (value === undefined ? "none" : text(value)));
  return `${was} → ${is} ${unit}`;
}

function section(report: TenantReport, details: number): string {
  const { tenant, outcome, refusals, violations, errors, warnings, notes, parts } = report;
  const good = outcome === "changed" || outcome === "unchanged";
  const danger = good ? dangerous(parts).slice(0, Math.max(details, 10)) : [];
  const body = [
    danger.map((change) => line(change, true)).join("\n"),
    block("Refused", refusals),
    block(
      "Policy violations",
      violations.map(({ policy, resource, message }) =>
        [policy, resource, message].filter(Boolean).join(": "),
      ),
    ),
    block("Failed", errors),
    ...notes.map((note) => `**${escape(note)}**`),
    block("Warnings", warnings),
    ...(good ? parts.map((part) => partText(part, details)) : []),
  ].filter(Boolean);
  return body.length > 0 ? [`### ${escape(tenant)}`, ...body].join("\n\n") : "";
}

/** Replacements and what loses data. */
function dangerous(parts: readonly Part[]): Change[] {
  return byDanger(parts.flatMap(({ changes }) => changes)).filter(
    ({ operation, losesData }) => losesData || operation === "replace",
  );
}

function partText({ server, changes }: Part, details: number): string {
  const title = `${server ? `Server ${server}` : "The tenant as a whole"}: ${countsText(changes)}`;
  if (details === 0) return title;
  const shown = byDanger(changes).slice(0, details);
  const left = changes.length - shown.length;
  return [
    `<details><summary>${title}</summary>\n`,
    ...shown.map((change) => line(change, false)),
    ...(left > 0 ? [`- and ${left} more`] : []),
    "\n</details>",
  ].join("\n");
}

function line(change: Change, bold: boolean): string {
  const { type, name, properties, operation } = change;
  const text = `${code(name)} (${code(type)}) is ${doneText(change)}`;
  const why = operation !== "delete" && properties.length > 0 ? `: ${properties.map(code).join(", ")}` : "";
  return bold ? `- **${text}**${why}` : `- ${text}${why}`;
}

/** Texts that quote a stack file stand as they are: a mention, an image or HTML in them is none. */
function block(title: string, texts: readonly string[]): string {
  if (texts.length === 0) return "";
  const all = texts
    .map((text) => `- ${text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)} …` : text}`)
    .join("\n");
  const longest = Math.max(2, ...(all.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = "`".repeat(longest + 1);
  return `**${title}**\n\n${fence}text\n${all}\n${fence}`;
}

const code = (text: string) => `\`${text.replace(/[`\s|]+/g, " ")}\``;

function escape(text: string): string {
  return text.replace(/[\\`*_{}[\]<>()#+!|~@]/g, (character) => `\\${character}`).replace(/\s+/g, " ");
}
