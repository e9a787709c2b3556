/**
 * Makes a clone harmless: nothing in it runs by itself, sends, or reaches another system, and nobody's password,
 * token or session works but one account's, if one is named. Runs in the new database before it becomes the live one,
 * as the role that loaded it. Table and column names are those of DHIS2 2.36 to 2.43; what a version lacks is passed
 * over. Triggers of the dump are off meanwhile, and each effect is looked for afterwards.
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
  /** Rows changed or removed; 0 also where this DHIS2 has no such table. */
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
    invitation: "false",
  },
  needs: ["password"],
}));

/** Names under which apps keep what opens another system. */
const secretName =
  '"[^"\\\\]*(password|passwd|secret|token|api_?-?key|credential|private_?key|authorization)[^"\\\\]*": ';
const text = '"([^"\\\\]|\\\\.)*"';
/**
 * An app's entry without its secrets: what stands under such a name is emptied, so that the app finds the rest. Where it
 * is a list or a mapping, or all of the entry is encrypted, nothing of the entry is left. As text jsonb has one space
 * after a name, and quotation marks within a value have a backslash before them.
 */
const withoutSecrets =
  `CASE WHEN encrypted_value IS NOT NULL OR jbvalue::text ~* '${secretName}(\\[[^]]|\\{[^}])' THEN '{}' ` +
  `ELSE regexp_replace(jbvalue::text, '(${secretName})(${text}|-?[0-9][0-9.eE+-]*)', '\\1""', 'gi')::jsonb END`;

const settings = [
  ...["keyEmail%", "keySystemNotificationsEmail", "keySmsSetting", "keySms%Gateway%"],
  ...["keyRemoteInstance%", "keyMetaDataRepoUrl", "keyVersionEnabled"],
  ...[
    "keyAccountRecovery",
    "credentialsExpiryAlert",
    "accountExpiryAlert",
    "googleAnalyticsUA",
    "recaptchaSecret",
    "keySelfRegistrationNoRecaptcha",
    "keyCustomJs",
    "key%MapsApiKey",
    "keyHtmlPushAnalyticsUrl",
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
    what: "settings of e-mail, SMS, synchronisation, self-registration and what browsers fetch elsewhere",
    table: "systemsetting",
    where: settings.map((name) => `name ILIKE '${name}'`).join(" OR "),
    needs: ["name"],
  },
  {
    what: "self-registration of accounts",
    table: "configuration",
    set: { selfregistrationrole: "NULL", selfregistrationorgunit: "NULL" },
    where: "selfregistrationrole IS NOT NULL OR selfregistrationorgunit IS NOT NULL",
    needs: ["selfregistrationrole", "selfregistrationorgunit"],
  },
  {
    what: "SMS gateways",
    table: "keyjsonvalue",
    set: { jbvalue: "'{}'", encrypted_value: "NULL" },
    where: "namespace = 'sms-config'",
    needs: ["namespace"],
  },
  ...["keyjsonvalue", "userkeyjsonvalue"].map((table) => ({
    what: "passwords, tokens and encrypted values of apps",
    table,
    set: { jbvalue: withoutSecrets, encrypted_value: "NULL" },
    needs: ["jbvalue", "encrypted_value"],
  })),
  { what: "SMS that were sent or wait to be sent", table: "outbound_sms_recipients" },
  { what: "SMS that were sent or wait to be sent", table: "outbound_sms" },
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
  // The statements below name no schema; a sanitised database is DHIS2's, with everything in `public`.
  await client.query("SET LOCAL search_path = pg_catalog, public");
  const triggers = await disableTriggers(client);
  for (const action of actions) {
    const statements = await statementsOf(client, action);
    if (statements === undefined) {
      results.push({ what: action.what, table: action.table, rows: 0 });
      continue;
    }
    const { rowCount } = await client.query(statements.change);
    const { rows } = await client.query<{ unchanged: number }>(statements.look);
    const unchanged = rows[0]?.unchanged ?? 0;
    if (unchanged > 0) {
      throw new ValidationError(
        `Not sanitised: ${unchanged} rows of ${action.table} are as they were (${action.what}). ` +
          "Something in the dump keeps them from being changed; do not hand this database on.",
      );
    }
    results.push({ what: action.what, table: action.table, rows: rowCount ?? 0 });
  }
  const ofAccounts = results.filter(({ table }) => accounts.some((account) => account.table === table));
  if (ofAccounts.every(({ rows }) => rows === 0)) {
    throw new ValidationError(
      "Not sanitised: the dump has no account in the tables userinfo or users, where DHIS2 has them. " +
        "Only the database of a DHIS2 can be sanitised.",
    );
  }
  if (options.account) await setPassword(client, options.account);
  // Checks that wait for the end of the transaction would keep the triggers from being enabled.
  await client.query("SET CONSTRAINTS ALL IMMEDIATE");
  for (const { table, name, enable } of triggers) {
    await client.query(`ALTER TABLE ONLY ${table} ${enable} TRIGGER ${quote(name)}`);
  }
  await client.query("COMMIT");
  return results;
}

interface Trigger {
  /** With its schema, quoted. */
  table: string;
  name: string;
  enable: string;
}

/** A trigger of the dump could undo each change. Returns what is to be enabled again, and how. */
async function disableTriggers(client: Client): Promise<Trigger[]> {
  const { rows } = await client.query<Trigger>(
    "SELECT format('%I.%I', n.nspname, c.relname) AS table, t.tgname AS name," +
      " CASE t.tgenabled WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END AS enable" +
      " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace" +
      " WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND c.relkind IN ('r', 'p')" +
      " AND pg_has_role(c.relowner, 'USAGE') ORDER BY 1, 2",
  );
  for (const { table, name } of rows) {
    await client.query(`ALTER TABLE ONLY ${table} DISABLE TRIGGER ${quote(name)}`);
  }
  return rows;
}

/** What changes the rows, and what counts those that are still to be changed. Nothing when the table lacks it. */
async function statementsOf(
  client: Client,
  action: Action,
): Promise<{ change: string; look: string } | undefined> {
  const { table, set, where, needs = [] } = action;
  const has = (column: string) => columnExists(client, table, column);
  if (!(await tableExists(client, table))) return undefined;
  for (const column of needs) if (!(await has(column))) return undefined;
  const condition = where === undefined ? "" : ` WHERE ${where}`;
  const look = `SELECT count(*)::int AS unchanged FROM public.${quote(table)} WHERE (${where ?? "true"})`;
  if (!set) return { change: `DELETE FROM public.${quote(table)}${condition}`, look };
  const columns: [name: string, value: string][] = [];
  for (const [column, value] of Object.entries(set)) {
    if (await has(column)) columns.push([quote(column), value]);
  }
  if (columns.length === 0) return undefined;
  const assignments = columns.map(([column, value]) => `${column} = ${value}`).join(", ");
  // As text: JSON has no equality of its own.
  const differs = columns.map(([column, value]) => `${column}::text IS DISTINCT FROM (${value})::text`);
  return {
    change: `UPDATE public.${quote(table)} SET ${assignments}${condition}`,
    look: `${look} AND (${differs.join(" OR ")})`,
  };
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
  // DHIS2 lets nobody in with a password, an account or an invitation that has expired.
  const open = {
    disabled: "false",
    passwordlastupdated: "now()",
    accountexpiry: "NULL",
    invitation: "false",
  };
  const set: string[] = [];
  for (const [column, value] of Object.entries(open)) {
    if (await columnExists(client, table, column)) set.push(`, ${column} = ${value}`);
  }
  const hashed = await hash(password, 10);
  const parameters = [username, hashed];
  const changed = await client.query(
    `UPDATE public.${table} SET password = $2${set.join("")} WHERE username = $1`,
    parameters,
  );
  const { rows } = await client.query<{ set: number }>(
    `SELECT count(*)::int AS set FROM public.${table} WHERE username = $1 AND password = $2`,
    parameters,
  );
  if (changed.rowCount !== 1 || rows[0]?.set !== 1) {
    throw new ValidationError(
      `The dump has no account "${username}" that could keep a password; name one that is there with --sanitise-user.`,
    );
  }
}
