/**
 * Who may do what in a database: roles, grants and settings. A dump has the grants on its objects, but not the roles they
 * are for, nor what belongs to the database as a whole. Passwords are not read.
 */
import type { Client } from "pg";
import { z } from "zod";
import { quote } from "../import/load/constraint";
import type { Server } from "../import/server";

export const accessSchema = z.object({
  /** Owner of the database. */
  owner: z.string(),
  /** Roles that its objects' grants, policies and settings name, and the members of those roles. */
  roles: z.array(z.object({ name: z.string(), login: z.boolean(), memberOf: z.array(z.string()) })),
  /** Rights to the database itself. */
  grants: z.array(
    z.object({
      /** Absent: everybody (PUBLIC). */
      role: z.string().optional(),
      privilege: z.enum(["CONNECT", "CREATE", "TEMPORARY"]),
      grantable: z.boolean(),
    }),
  ),
  /** `ALTER DATABASE … SET`, or, with a role, `ALTER ROLE … IN DATABASE … SET`. */
  settings: z.array(z.object({ role: z.string().optional(), name: z.string(), value: z.string() })),
});

export type Access = z.infer<typeof accessSchema>;

const THIS_DATABASE = "(SELECT oid FROM pg_database WHERE datname = current_database())";

/** Roles of PostgreSQL's own, `pg_…`, are on every server. */
const ROLES = `
  WITH RECURSIVE named (role) AS (
    SELECT refobjid FROM pg_shdepend WHERE dbid = ${THIS_DATABASE} AND refclassid = 'pg_authid'::regclass
      AND (deptype <> 'o' OR classid = 'pg_default_acl'::regclass)
    UNION SELECT a.grantee FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = current_database()
    UNION SELECT setrole FROM pg_db_role_setting WHERE setdatabase = ${THIS_DATABASE}
  ), everybody (role) AS (
    SELECT role FROM named
    UNION SELECT m.member FROM pg_auth_members m JOIN everybody ON m.roleid = everybody.role
      JOIN pg_roles r ON r.oid = m.member AND NOT r.rolsuper
  )
  SELECT r.rolname AS name, r.rolcanlogin AS login,
    ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid ORDER BY 1)
      AS "memberOf"
  FROM pg_roles r JOIN everybody ON everybody.role = r.oid WHERE r.rolname !~ '^pg_' ORDER BY 1`;

const GRANTS = `
  SELECT r.rolname AS role, a.privilege_type AS privilege, a.is_grantable AS grantable
  FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a LEFT JOIN pg_roles r ON r.oid = a.grantee
  WHERE d.datname = current_database() AND a.grantee <> d.datdba ORDER BY 1, 2`;

const SETTINGS = `
  SELECT r.rolname AS role, split_part(s.setting, '=', 1) AS name,
    substr(s.setting, strpos(s.setting, '=') + 1) AS value
  FROM pg_db_role_setting d CROSS JOIN unnest(d.setconfig) AS s (setting) LEFT JOIN pg_roles r ON r.oid = d.setrole
  WHERE d.setdatabase = ${THIS_DATABASE} ORDER BY 1, 2`;

export async function accessOf(client: Client): Promise<Access> {
  const rows = async (sql: string) => (await client.query<Record<string, unknown>>(sql)).rows;
  const [owner] = await rows(
    "SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = current_database()",
  );
  // Absent is PUBLIC, or all roles.
  const named = (each: Record<string, unknown>) => ({ ...each, role: each["role"] ?? undefined });
  return accessSchema.parse({
    ...owner,
    roles: await rows(ROLES),
    grants: (await rows(GRANTS)).map(named),
    settings: (await rows(SETTINGS)).map(named),
  });
}

/**
 * Makes the roles that are missing on the server, without login, password or any right: policies and grants name them.
 * What they were members of, they become again only of roles that are made here, too.
 * @returns their names
 */
export async function makeRoles(server: Server, { roles }: Pick<Access, "roles">): Promise<string[]> {
  const there = await server.query<{ name: string }>("SELECT rolname AS name FROM pg_roles");
  const present = new Set(there.map(({ name }) => name));
  const missing = roles.filter(({ name }) => !present.has(name));
  const made = new Set(missing.map(({ name }) => name));
  for (const name of made) await server.query(`CREATE ROLE ${quote(name)} NOLOGIN`);
  for (const { name, memberOf } of missing)
    for (const group of memberOf.filter((each) => made.has(each)))
      await server.query(`GRANT ${quote(group)} TO ${quote(name)}`);
  return [...made];
}

/** After a restore that failed. Those that something else uses by now stay. */
export async function removeRoles(server: Server, names: string[]): Promise<void> {
  for (const name of names) await server.query(`DROP ROLE ${quote(name)}`).catch(() => undefined);
}

/**
 * Gives a restored database the rights and settings that the exported one had as a whole. What its owner had, `owner` gets.
 * @returns what could not be restored, with the server's reason
 */
export async function restoreRights(
  connect: <T>(work: (client: Client) => Promise<T>) => Promise<T>,
  database: string,
  access: Access,
  owner: string,
): Promise<string[]> {
  const failed: string[] = [];
  const attempt = async (what: string, work: () => Promise<unknown>) => {
    await work().catch((error: Error) => failed.push(`${what} (${error.message})`));
  };
  const roleOf = (role: string) => quote(role === access.owner ? owner : role);
  await connect(async (client) => {
    const on = quote(database);
    for (const { role, privilege, grantable } of access.grants) {
      const to = role === undefined ? "PUBLIC" : quote(role);
      const grant = `GRANT ${privilege} ON DATABASE ${on} TO ${to}${grantable ? " WITH GRANT OPTION" : ""}`;
      await attempt(grant, () => client.query(grant));
    }
    for (const { role, name, value } of access.settings) {
      const whose =
        role === undefined ? `ALTER DATABASE ${on}` : `ALTER ROLE ${roleOf(role)} IN DATABASE ${on}`;
      // The server writes the value as it read it: how it has to be quoted depends on the setting.
      await attempt(`${whose} SET ${name}`, async () => {
        await client.query("BEGIN READ WRITE");
        try {
          await client.query("SELECT set_config($1, $2, true)", [name, value]);
          await client.query(`${whose} SET ${name.split(".").map(quote).join(".")} FROM CURRENT`);
          await client.query("COMMIT");
        } catch (error) {
          await client.query("ROLLBACK");
          throw error;
        }
      });
    }
  });
  return failed;
}
