import { hash } from "bcryptjs";
import { expect } from "vitest";
import { adminPassword } from "../../components/DataManagementServer/adminPassword";
import { DEFAULT } from "../../jobs/secure-admin/defaultPassword";
import type { TenantStack } from "../engine/tenants";
import type { Visitor } from "./visitor";

/** SQL that puts DHIS2's default password into a database, as it is in a backup from before it was replaced. */
export async function toDefaultPassword(): Promise<string> {
  return `update userinfo set password = '${await hash(DEFAULT.password, 10)}' where username = '${DEFAULT.username}'`;
}

/** A server refuses the default password three times, and takes the one in the tenant's state. */
export async function expectSecured(
  visitor: Visitor,
  stack: Pick<TenantStack, "password">,
  { server, hostname }: { server: string; hostname: string },
): Promise<void> {
  const { username, password } = DEFAULT;
  for (const _ of [1, 2, 3]) expect(await visitor.logIn(hostname, username, password)).toBe("401");
  const own = adminPassword(await stack.password(`${server}-admin-password`));
  expect(await visitor.logIn(hostname, username, own)).toBe("SUCCESS");
}
