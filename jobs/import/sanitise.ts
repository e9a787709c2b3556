/**
 * Makes a clone harmless: nothing in it runs by itself, sends, or reaches another system, and nobody's password,
 * token or session works but one account's, if one is named. Runs in the new database before it becomes the live one,
 * as the role that loaded it. Table and column names are those of DHIS2 2.36 to 2.43; what a version lacks is passed
 * over.
 */
import { hash } from "bcryptjs";
import type { Client } from "pg";
import { quote } from "./load/constraint";
import { columnExists, ValidationError } from "./validate";

export interface SanitiseOptions {
  /** The one account that can log in, with this password; without it none can. */
  account?: { username: string; password: string };
}

export interface SanitiseResult {
  what: string;
  table: string;
  /** Rows changed or removed. */
  rows: number;
}

interface Action {
  what: string;
  table: string;
  /** Columns and their new values; only those the table has are set. Without it the rows are removed. */
  set?: Record<string, string>;
  where?: string;
  /** Columns `where` needs. */
  needs?: string[];
}

/** No BCrypt hash: nothing anyone types can match it. */
const unusable = "'!'";

const accounts = ["userinfo", "users"].map((table) => ({
  what: "passwords, second factors, external log-ins and reset tokens of accounts",
  table,
  set: {
    password: unusable,
    secret: "NULL",
    twofactortype: "'NOT_ENABLED'",
    twofa: "false",
    externalauth: "false",
    openid: "NULL",
    ldapid: "NULL",
    idtoken: "NULL",
    restoretoken: "NULL",
    restoreexpiry: "NULL",
    restorecode: "NULL",
    emailverificationtoken: "NULL",
  },
  needs: ["password"],
}));

const settings = [
  ...["keyEmail%", "keySystemNotificationsEmail", "keySmsSetting", "keySms%Gateway%"],
  ...["keyRemoteInstance%", "keyMetaDataRepoUrl", "keyVersionEnabled"],
  ...[
    "keyAccountRecovery",
    "credentialsExpiryAlert",
    "accountExpiryAlert",
    "googleAnalyticsUA",
    "recaptchaSecret",
  ],
];

const actions: Action[] = [
  // DHIS2's own upkeep reaches nobody, and without it jobs that hang are never cleared.
  {
    what: "scheduled jobs",
    table: "jobconfiguration",
    set: { enabled: "false" },
    where: "enabled AND jobtype::text <> 'HOUSEKEEPING'",
    needs: ["enabled", "jobtype"],
  },
  {
    what: "settings of e-mail, SMS, synchronisation and tracking",
    table: "systemsetting",
    where: settings.map((name) => `name ILIKE '${name}'`).join(" OR "),
    needs: ["name"],
  },
  {
    what: "SMS gateways",
    table: "keyjsonvalue",
    set: { jbvalue: "'{}'", encrypted_value: "NULL" },
    where: "namespace = 'sms-config'",
    needs: ["namespace"],
  },
  { what: "webhooks", table: "eventhook", set: { disabled: "true", targets: "'[]'" } },
  { what: "routes", table: "route", set: { disabled: "true", auth: "NULL", headers: "'{}'" } },
  {
    what: "aggregate data exchanges with other systems",
    table: "aggregatedataexchange",
    set: { target: "target - 'api'" },
    where: "target ? 'api'",
    needs: ["target"],
  },
  {
    what: "push analyses",
    table: "pushanalysis",
    set: { enabled: "false" },
    where: "enabled",
    needs: ["enabled"],
  },
  { what: "delivery of program notifications", table: "programnotificationtemplate_deliverychannel" },
  { what: "delivery of data set notifications", table: "datasetnotificationtemplate_deliverychannel" },
  {
    what: "notifications that wait to be sent",
    table: "programnotificationinstance",
    where: "sentat IS NULL",
    needs: ["sentat"],
  },
  {
    what: "messages that wait to be sent",
    table: "programmessage",
    set: { messagestatus: "'FAILED'" },
    where: "messagestatus::text IN ('OUTBOUND', 'SCHEDULED')",
    needs: ["messagestatus"],
  },
  ...accounts,
  { what: "former passwords", table: "previouspasswords" },
  { what: "personal access tokens", table: "api_token" },
  ...[
    ...["oauth2_authorization", "oauth2_authorization_consent", "oauth2_client", "oauth2clientgranttypes"],
    ...[
      "oauth2clientredirecturis",
      "oauth2client",
      "oauth_access_token",
      "oauth_refresh_token",
      "oauth_code",
    ],
  ].map((table) => ({ what: "OAuth2 clients and what they were granted", table })),
];

/** All of it in one transaction. */
export async function sanitise(client: Client, options: SanitiseOptions): Promise<SanitiseResult[]> {
  const results: SanitiseResult[] = [];
  await client.query("BEGIN");
  // The statements below name no schema; a sanitised database is DHIS2's, all of which is in `public`.
  await client.query("SET LOCAL search_path = pg_catalog, public");
  for (const action of actions) {
    const statement = await statementOf(client, action);
    if (statement === undefined) continue;
    const { rowCount } = await client.query(statement);
    results.push({ what: action.what, table: action.table, rows: rowCount ?? 0 });
  }
  if (options.account) await setPassword(client, options.account);
  await client.query("COMMIT");
  return results;
}

/** Nothing, when the table or a column the condition needs is not there. */
async function statementOf(client: Client, action: Action): Promise<string | undefined> {
  const { table, set, where, needs = [] } = action;
  const has = (column: string) => columnExists(client, table, column);
  if (!(await tableExists(client, table))) return undefined;
  for (const column of needs) if (!(await has(column))) return undefined;
  const condition = where === undefined ? "" : ` WHERE ${where}`;
  if (!set) return `DELETE FROM public.${quote(table)}${condition}`;
  const assignments: string[] = [];
  for (const [column, value] of Object.entries(set)) {
    if (await has(column)) assignments.push(`${quote(column)} = ${value}`);
  }
  return assignments.length === 0
    ? undefined
    : `UPDATE public.${quote(table)} SET ${assignments.join(", ")}${condition}`;
}

async function tableExists(client: Client, table: string): Promise<boolean> {
  const { rows } = await client.query(
    "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace" +
      " WHERE n.nspname = 'public' AND c.relname = $1 AND c.relkind IN ('r', 'p')",
    [table],
  );
  return rows.length > 0;
}

async function setPassword(
  client: Client,
  { username, password }: { username: string; password: string },
): Promise<void> {
  // Since 2.38 accounts are rows of userinfo.
  const table = (await columnExists(client, "userinfo", "password")) ? "userinfo" : "users";
  const changed = (await columnExists(client, table, "password"))
    ? await client.query(`UPDATE public.${table} SET password = $2, disabled = false WHERE username = $1`, [
        username,
        await hash(password, 10),
      ])
    : { rowCount: 0 };
  if (changed.rowCount !== 1) {
    throw new ValidationError(
      `The dump has no account "${username}" that could keep a password; name one that is there with --sanitise-user.`,
    );
  }
}
