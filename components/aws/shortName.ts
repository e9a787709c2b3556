import { createHash } from "node:crypto";

/**
 * A name for what AWS allows 32 or 40 characters, too few for the names of a tenant and a server: the checksum
 * distinguishes servers of the same name.
 */
export function shortName(tenant: string, server: string): string {
  const sum = createHash("sha256").update(`${tenant}/${server}`).digest("hex").slice(0, 8);
  return `${server}-${sum}`;
}
