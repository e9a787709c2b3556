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
