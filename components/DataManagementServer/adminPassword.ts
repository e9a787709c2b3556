import type { DataManagementServerArgs } from "./contract";

/** Groups so short that none holds a word that DHIS2 refuses: the shortest, "user", has four letters. */
const GROUP = /.{1,3}/g;

/**
 * The password of DHIS2's first administrator, made of random letters and digits: in groups, with one of each kind of
 * character at its end, DHIS2 takes it always. It is made of the text that is in the state, for a password with other
 * kinds of characters would be another one for servers that exist.
 */
export function adminPassword(random: string): string {
  return [...(random.match(GROUP) ?? []), "Aa1"].join("-");
}

/** What brought the accounts in the database. With a change of any of it the import runs again, and so must this check. */
export function importedAccounts({
  import: data,
}: DataManagementServerArgs): Record<string, string | boolean> {
  if (!data) return { imported: "nothing" };
  const { sha256, dump, sanitise } = data;
  return { imported: sha256, ...(dump !== undefined && { dump }), ...(sanitise && { sanitised: true }) };
}
