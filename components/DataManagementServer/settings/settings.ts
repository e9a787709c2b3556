import { LARGEST_UPLOAD } from "../../contract/application";
import { providerKey, typeOf, unknownKey, PASSWORD_KEY, type ValueType } from "./keys";

/** A server's own settings in `dhis.conf`, by key, as YAML gives them. */
export type Settings = Readonly<Record<string, string | number | boolean>>;

/** What is wrong with the settings: at a key, or of all of them together. */
export interface SettingProblem {
  key: string | undefined;
  /** @default the problem is the key, and its value is of no interest */
  value?: true;
  message: string;
}

/** Keys that are not the tenant's to set, and why. */
const OURS: readonly [RegExp, string][] = [
  [/^encryption\.password$/, "it is generated and kept; that of imported data is import.encryptionPassword"],
  [/^(analytics\.)?connection\.|^(analytics\.database|doris)\b/, "each server has a database of its own"],
  [/^db\.pool\.type$|^active\.read\.replicas$/, "the number of connections is limited by the size"],
  [/^redis\.|^cluster\.|^node\./, "a cluster is made by instances"],
  [/^filestore\./, "each server has a file store of its own, which backups read"],
  [/^server\.(base\.url|https)$/, "it is made from hostname"],
  [/^audit\.|^system\.audit\.enabled$/, "the audit is always kept"],
  [/^flyway\./, "an upgrade makes all migrations, or none"],
  [/^logging\.(file|level)\./, "logs go to standard output, with fixed levels"],
];

/** Largest value of an integer that DHIS2 reads as a Java int. */
const LARGEST_INTEGER = 2 ** 31 - 1;

/**
 * Everything that is wrong with a server's settings for a version of DHIS2.
 * @param unread whether a value is not known here, so that nothing can be said of it
 */
export function settingProblems(
  dhis2: string,
  settings: Settings,
  unread: (value: unknown) => boolean = () => false,
): SettingProblem[] {
  const major = Number(dhis2.split(".")[0]);
  const problems = Object.entries(settings).flatMap(([key, value]): SettingProblem[] => {
    const reason = OURS.find(([pattern]) => pattern.test(key))?.[1];
    if (reason) return [{ key, message: `not a setting of a tenant: ${reason}; remove it` }];
    const type = typeOf(key, major);
    if (type === undefined) return [{ key, message: unknownKey(key, major) }];
    const allowed = unread(value) ? undefined : whatIsAllowed(key, type, value);
    return allowed ? [{ key, value: true, message: `allowed: ${allowed}` }] : [];
  });
  // What is missing is seen only where the keys that are there are right.
  return problems.length > 0 ? problems : missing(settings).map((message) => ({ key: undefined, message }));
}

/** What a value has to be, if it is something else. */
function whatIsAllowed(key: string, type: ValueType, value: Settings[string]): string | undefined {
  const text = String(value);
  if (text !== trimmed(text)) return "a value without a space or a line break at its beginning or end";
  if (text.includes("\0")) return "a text without the character NUL";
  if (PASSWORD_KEY.test(key) && text === "") return "a password, not an empty text";
  if (key === "ldap.url")
    return isUrl(text, ["ldap:", "ldaps:"]) ? undefined : "an address such as ldaps://directory.example.org";
  if (key === "route.remote_servers_allowed") return areOrigins(text) ? undefined : ORIGINS;
  if (key === "max.file_upload_size")
    return isInteger(text, 1, LARGEST_UPLOAD) ? undefined : `bytes, from 1 to ${LARGEST_UPLOAD}`;
  switch (type) {
    case "switch":
    case "boolean":
      return asSwitch(text) === undefined ? "on or off" : undefined;
    case "integer": {
      // Of these DHIS2 takes -1 as "as many as it likes".
      const least = key === "artemis.embedded.threads" ? -1 : 0;
      return isInteger(text, least, LARGEST_INTEGER) ? undefined : `a whole number, ${least} or more`;
    }
    case "number":
      return /^\d+(\.\d+)?$/.test(text) ? undefined : "a number such as 0.5";
    case "url":
      return isUrl(text, ["https:", "http:"])
        ? undefined
        : "an address such as https://login.example.org/path";
    case "text":
      return undefined;
    default:
      return type.some((word) => word.toLowerCase() === text.toLowerCase()) ? undefined : type.join(", ");
  }
}

const ORIGINS =
  "addresses without a path and separated by commas, such as https://api.example.org, or an empty text for none";

/** As RouteService of dhis2-core asks; with anything else DHIS2 does not start. */
function areOrigins(text: string): boolean {
  return text === "" || text.split(",").every((origin) => /^https?:\/\/[^\s/?#,@]+$/.test(origin));
}

function isUrl(text: string, protocols: readonly string[]): boolean {
  return (
    !/\s/.test(text) &&
    URL.canParse(text) &&
    protocols.includes(new URL(text).protocol) &&
    new URL(text).hostname !== ""
  );
}

function isInteger(text: string, least: number, most: number): boolean {
  return /^(0|-?[1-9]\d*)$/.test(text) && Number(text) >= least && Number(text) <= most;
}

/** As DHIS2 trims a value: String.trim() of Java. */
function trimmed(text: string): string {
  return text.replace(/^[\0-\x20]+|[\0-\x20]+$/g, "");
}

function asSwitch(text: string): boolean | undefined {
  if (/^(on|true)$/i.test(text)) return true;
  return /^(off|false)$/i.test(text) ? false : undefined;
}

/** What DHIS2 cannot do without. It says so in its log at most, and nobody can log in. */
function missing(settings: Settings): string[] {
  return [...missingOfProviders(settings), ...missingOfLdap(settings)];
}

const REQUIRED: Readonly<Record<NonNullable<ReturnType<typeof providerKey>>["kind"], readonly string[]>> = {
  generic: ["client_id", "client_secret", "authorization_uri", "token_uri", "user_info_uri", "jwk_uri"],
  azure: ["tenant", "client_id", "client_secret"],
  google: ["client_id", "client_secret"],
  wso2: ["client_id", "client_secret", "server_url"],
  // DHIS2 itself, for its own apps: it has defaults.
  dhis2: [],
};
const LOGIN = "oidc.oauth2.login.enabled";
const TOKENS = "oidc.jwt.token.authentication.enabled";

function missingOfProviders(settings: Settings): string[] {
  const keys = Object.keys(settings)
    .map(providerKey)
    .filter((key) => key !== undefined);
  const kinds = new Map(keys.map(({ provider, kind }) => [provider, kind]));
  const incomplete = [...kinds].flatMap(([provider, kind]) => {
    const absent = REQUIRED[kind]
      .map((name) => `${provider}.${name}`)
      .filter((key) => isEmpty(settings[key]));
    return absent.length > 0 ? [`${provider} is incomplete; add ${absent.join(", ")}`] : [];
  });
  const isOn = (key: string) => key in settings && asSwitch(String(settings[key])) !== false;
  const external = [...kinds.values()].some((kind) => kind !== "dhis2");
  if (external && !isOn(LOGIN) && !isOn(TOKENS))
    return [...incomplete, `an OpenID Connect provider, and nobody can log in with it; add ${LOGIN}: on`];
  if (isOn(LOGIN) && kinds.size === 0 && !isOn("oauth2.server.enabled"))
    return [
      `${LOGIN} is on without a provider; add the keys of one, oidc.provider.<name>.client_id and others`,
    ];
  return incomplete;
}

/** Without these DHIS2 asks no directory (isLdapConfigured of dhis2-core), or may not search it. */
const LDAP = ["ldap.url", "ldap.manager.dn", "ldap.manager.password"];

function missingOfLdap(settings: Settings): string[] {
  if (!Object.keys(settings).some((key) => key.startsWith("ldap."))) return [];
  const absent = LDAP.filter((key) => isEmpty(settings[key]));
  return absent.length > 0 ? [`the LDAP directory is incomplete; add ${absent.join(", ")}`] : [];
}

function isEmpty(value: Settings[string] | undefined): boolean {
  return value === undefined || value === "";
}

/** The settings as DHIS2 reads them. They have been found to be right. */
export function settingsText(dhis2: string, settings: Settings): Record<string, string> {
  const major = Number(dhis2.split(".")[0]);
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => {
      const type = typeOf(key, major);
      const on = asSwitch(String(value));
      if (type === "switch") return [key, on ? "on" : "off"];
      return [key, type === "boolean" ? String(on) : String(value)];
    }),
  );
}

/** Keys with addresses that DHIS2 itself connects to. */
const CONNECTS_TO =
  /^ldap\.url$|_uri$|\.server_url$|remote_servers_allowed$|^system\.monitoring\.url$|^apphub\./;
const DEFAULT_PORTS = new Map([
  ["https:", 443],
  ["http:", 80],
  ["ldaps:", 636],
  ["ldap:", 389],
]);

/** Ports of the servers that the settings have DHIS2 connect to. */
export function portsOf(settings: Settings): number[] {
  const addresses = Object.entries(settings).flatMap(([key, value]) =>
    CONNECTS_TO.test(key) ? String(value).split(",") : [],
  );
  const ports = addresses.flatMap((address) => {
    if (!URL.canParse(address)) return [];
    const { protocol, port } = new URL(address);
    return port ? [Number(port)] : [DEFAULT_PORTS.get(protocol)];
  });
  return [...new Set(ports.filter((port) => port !== undefined))].sort((a, b) => a - b);
}
