import { createHash } from "node:crypto";
import type { OnPremisesHost } from "./contract";
import { onPremises } from "./locations/onPremises";

/** What tells one on-premises backup from another, whatever else stands in the list. */
type Entry = Pick<OnPremisesHost, "host" | "name">;

/**
 * The name of an on-premises backup: of its agent, of the agent's rights and of the password. It depends on this entry
 * alone, so that no other entry's coming, going or moving touches it: the one given, or the host's.
 */
export function nameOf({ host, name }: Entry): string {
  if (name !== undefined) return name;
  const machine = machineOf(host);
  const label = /^[^.:/]{1,12}/.exec(/^\d+\.\d+\./.test(machine) ? machine.replaceAll(".", "-") : machine);
  const readable = (label?.[0] ?? "host").replace(/[^a-z0-9-]/g, "").replace(/^-+|-+$/g, "");
  return `${readable || "host"}-${createHash("sha256").update(machine).digest("hex").slice(0, 6)}`;
}

/** The machine behind a Docker host's address, without the account that is used there. */
export function machineOf(host: string): string {
  const [, scheme = "", rest = ""] = /^(\w+):\/\/(.*)$/.exec(host) ?? [undefined, "", host];
  if (scheme === "unix") return rest;
  const machine = rest.replace(/^.*@/, "").toLowerCase();
  return scheme === "ssh" ? machine.replace(/:22$/, "") : machine;
}

/** What is remembered of each on-premises backup: its host, or that its password may go. */
export const MAY_GO = "may go";

export function standingsOf(entries: OnPremisesHost[], kept: boolean): Record<string, string> {
  return Object.fromEntries(
    entries.map((entry) => [nameOf(entry), kept && !entry.retire ? entry.host : MAY_GO]),
  );
}

/** Why the on-premises backups may not become these: with an entry the only password of its backups would go. */
export function refuseLosingPasswords(
  before: Record<string, unknown>,
  now: Record<string, unknown>,
): string | undefined {
  const [gone] = Object.keys(before).filter((name) => before[name] !== MAY_GO && !(name in now));
  if (gone === undefined) return undefined;
  return (
    `backups.locations: the on-premises backup at ${String(before[gone])} is no longer in the stack file. Its password, ` +
    "without which nobody can read what that host holds, would be deleted. If the same machine or disk has a new " +
    `address, change host and add name: ${gone} to that entry. To give the host up, put the entry back with ` +
    "retire: true and run pulumi up: its agent and its access are removed, the password stays. Remove the entry after " +
    "that, when the backups there are no longer needed (docs/operating/on-premises.md)."
  );
}

/**
 * Why passwords that were named by an entry's position cannot be taken over, if they cannot: it has to be known whose
 * each is.
 * @param before where the on-premises backups of the last update are, in their order
 */
export function refuseUnknownOwner(before: string[], now: OnPremisesHost[]): string | undefined {
  const describe = ({ host, path }: OnPremisesHost) =>
    onPremises.describe({ type: "onPremises", host, path });
  if (before.every((where, index) => now[index] && where === describe(now[index]))) return undefined;
  return (
    "backups.locations: this version of DHIStance names on-premises backups by their host, and can take over the " +
    "passwords only if the entries are those of the last update, in the same order: " +
    `${before.join(", ")}. Put them back, run pulumi up, and make the change after that.`
  );
}
