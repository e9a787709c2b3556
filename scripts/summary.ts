import pc from "picocolors";
import type { Plan } from "../plans/plans";

/** A tenant stack's outputs, as `stacks/tenant` exports them. */
export interface TenantOutputs {
  tenant: {
    id: string;
    displayName: string;
    plan: Plan;
    servers: { used: number; allowed: number };
    entitledUntil: string;
  };
  servers: Record<
    string,
    { url: string; dhis2: string; size: string; database: string; files: string; logs: string }
  >;
  copies: { where: string; kind: string; retentionDays: number }[];
  contacts: Record<string, string>;
}

/** What exists of a tenant, for a person. */
export function describeTenant({ tenant, servers, copies, contacts }: TenantOutputs): string {
  return [
    `${pc.bold(tenant.displayName)} ${pc.dim(`(${tenant.id})`)}`,
    `  ${tenant.plan} plan, ${tenant.servers.used} of ${tenant.servers.allowed} servers, until ${tenant.entitledUntil.slice(0, 10)}`,
    "",
    pc.bold("Servers"),
    ...table(
      Object.entries(servers).map(([name, { url, dhis2, size }]) => [
        name,
        pc.cyan(url),
        `DHIS2 ${dhis2}`,
        size,
      ]),
    ),
    ...Object.entries(servers).flatMap(([name, { database, files, logs }]) => [
      "",
      `  ${name}`,
      ...table([
        ["  database", database],
        ["  files", files],
        ["  logs", logs],
      ]),
    ]),
    "",
    pc.bold("Copies"),
    ...table(copies.map(({ where, kind, retentionDays }) => [where, kind, `kept ${retentionDays} days`])),
    "",
    pc.bold("Contacts"),
    ...table(Object.entries(contacts)),
  ].join("\n");
}

/** What to type next. */
export function describeNext(tenant: string, tenants: string[]): string {
  const other = tenants.find((name) => name !== tenant) ?? tenant;
  return [
    pc.bold("Next"),
    ...table([
      [`npm start -- --tenant ${other}`, "another tenant"],
      [`npm run preview -- ${tenant}`, "what a change to its stack file would do"],
      [`eval "$(npm run --silent env)"`, "then plain pulumi works here:"],
      [`pulumi preview -s ${tenant}`, "the same preview"],
      ["rm -r .dhistance", "the way back: forgets the rehearsal, its state and its issuer"],
      ["docs/operating.md", "a real AWS account instead of the rehearsal"],
    ]),
  ].join("\n");
}

function table(rows: string[][]): string[] {
  const plain = (text: string) => text.replace(/\u001b\[\d+m/g, "");
  const widths = rows.reduce<number[]>(
    (all, row) => row.map((cell, column) => Math.max(all[column] ?? 0, plain(cell).length)),
    [],
  );
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - plain(cell).length)).join("  ")}`.trimEnd(),
  );
}
