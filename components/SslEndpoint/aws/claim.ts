/**
 * Whose a host name is: a TXT record beside it, made before anything else of the endpoint and never over another's.
 * Route 53 makes a record once, so of two tenants that ask at the same time one is refused.
 */

/** The name of the record that says whose a host name is. */
export function claimName(hostname: string): string {
  return `_dhistance.${hostname}`;
}

/** What the record says. */
export function claimOf(tenant: string): string {
  return `tenant=${tenant}`;
}

/** A record of the zone, as Route 53 gives it: its name may end with a dot. */
export interface ZoneRecord {
  name: string;
  type: string;
  values: readonly string[];
}

/** What is known of a host name that is asked for. */
export interface Known {
  records: readonly ZoneRecord[];
  /** The tenants whose listener rules have the name; undefined for a rule of nobody's. @default not known */
  rules?: readonly (string | undefined)[];
}

/**
 * Why a tenant cannot have a host name, if it cannot. It is not said whose it is.
 * @param hostname in lower case, as the spec has it
 */
export function takenName(hostname: string, tenant: string, { records, rules }: Known): string | undefined {
  const at = (name: string) => records.filter((record) => plain(record.name) === name);
  const claims = at(claimName(hostname)).flatMap(({ type, values }) => (type === "TXT" ? values : []));
  if (claims.length > 0)
    return claims.some((claim) => claim.replaceAll('"', "") === claimOf(tenant)) ? undefined : TAKEN;
  // Endpoints made before there were claims are known by their rules.
  if (rules?.some((owner) => owner !== tenant)) return TAKEN;
  if (rules?.length === 0 && at(hostname).length > 0)
    return "the platform's zone has a record of that name already, which is not a tenant's; allowed: a name of its own";
  return undefined;
}

const TAKEN = "is in use by another tenant or by the platform; allowed: a name of its own";

function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}
