import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { typeOf } from "./keys";
import { portsOf, settingProblems, settingsText, type Settings } from "./settings";

/** Problems as people read them, without the words around key and value. */
const problems = (settings: Settings, dhis2 = "42.5.2") =>
  settingProblems(dhis2, settings).map(({ key, message }) => (key ? `${key}: ${message}` : message));

const KEYCLOAK = {
  "oidc.oauth2.login.enabled": "on",
  "oidc.provider.kc.client_id": "dhis2",
  "oidc.provider.kc.client_secret": "hidden",
  "oidc.provider.kc.authorization_uri": "https://login.moh.example.org:8443/auth",
  "oidc.provider.kc.token_uri": "https://login.moh.example.org:8443/token",
  "oidc.provider.kc.user_info_uri": "https://login.moh.example.org:8443/userinfo",
  "oidc.provider.kc.jwk_uri": "https://login.moh.example.org:8443/certs",
};
const LDAP = {
  "ldap.url": "ldaps://directory.moh.example.org",
  "ldap.manager.dn": "cn=dhis2,dc=moh",
  "ldap.manager.password": "hidden",
};
const without = (settings: Settings, key: string): Settings =>
  Object.fromEntries(Object.entries(settings).filter(([each]) => each !== key));

describe("the table of keys", () => {
  const file = path.join(__dirname, "../../../../shared/dhis2/configuration-keys.json");
  it.runIf(existsSync(file))("has every key of DHIS2 in the majors where DHIS2 has it", () => {
    const { keys } = JSON.parse(readFileSync(file, "utf8")) as { keys: Record<string, { majors: number[] }> };
    for (const [key, { majors }] of Object.entries(keys)) {
      expect([key, [41, 42, 43].filter((major) => typeOf(key, major))]).toEqual([key, majors]);
    }
  });
});

describe("settings", () => {
  it("may be those of log-in by a directory and by OpenID Connect, and what people change most", () => {
    const settings = {
      ...KEYCLOAK,
      ...LDAP,
      "oidc.provider.kc.ext_client.0.client_id": "app",
      "oidc.provider.azure.0.tenant": "id",
      "oidc.provider.azure.0.client_id": "id",
      "oidc.provider.azure.0.client_secret": "hidden",
      "system.session.timeout": 600,
      "changelog.aggregate": false,
      "hibernate.cache.use_query_cache": "off",
      "max.file_upload_size": 20_000_000,
      "route.remote_servers_allowed": "https://api.example.org,https://sms.example.org:8443",
    };
    expect(problems(settings)).toEqual([]);
  });

  it.each<[string, string]>([
    ["LDAP.URL", "DHIS2 42 has no such key in dhis.conf; the nearest is ldap.url"],
    ["ldap.ulr", "DHIS2 42 has no such key in dhis.conf; the nearest is ldap.url"],
    [
      "oidc.provider.kc.client",
      "DHIS2 42 has no such key in dhis.conf; the nearest is oidc.provider.kc.client_id",
    ],
    [
      "oidc.provider.azure.0.tenants",
      "DHIS2 42 has no such key in dhis.conf; the nearest is oidc.provider.azure.0.tenant",
    ],
    ["system.program_rule.server_execution", "DHIS2 42 does not have this key: it ended with 41; remove it"],
    [
      "oauth2.authorization.server.enabled",
      "DHIS2 42 does not have this key: it ended with 41; use oauth2.server.enabled",
    ],
    ["logging.query", "DHIS2 42 does not have this key: it came with 43; remove it, or upgrade DHIS2"],
    ["constructor", "DHIS2 42 has no such key in dhis.conf; the nearest is audit.tracker"],
    ["ldap.url\nserver.https", "DHIS2 42 has no such key in dhis.conf; the nearest is server.https"],
  ])("may not have the unknown key %j", (key, message) => {
    expect(problems({ [key]: "x" })).toEqual([`${key}: ${message}`]);
  });

  it("are judged for the major that the server is to have", () => {
    expect(problems({ "enable.query.logging": "on" })).toEqual([]);
    expect(problems({ "enable.query.logging": "on" }, "43.1.0")).toEqual([
      "enable.query.logging: DHIS2 43 does not have this key: it ended with 42; use logging.query",
    ]);
    expect(problems({ "changelog.tracker": "off" }, "43.1.0")).toEqual([
      "changelog.tracker: DHIS2 43 does not have this key: it ended with 42; remove it",
    ]);
  });

  it.each([
    ["connection.url", "database of its own"],
    ["analytics.connection.url", "database of its own"],
    ["analytics.database", "database of its own"],
    ["connection.pool.max_size", "database of its own"],
    ["encryption.password", "import.encryptionPassword"],
    ["redis.host", "instances"],
    ["cluster.members", "instances"],
    ["node.id", "instances"],
    ["filestore.provider", "file store of its own"],
    ["server.base.url", "hostname"],
    ["server.https", "hostname"],
    ["audit.database", "audit"],
    ["audit.metadata", "audit"],
    ["system.audit.enabled", "audit"],
    ["flyway.skip_migration", "migrations"],
    ["logging.level.org.hisp.dhis", "standard output"],
    ["logging.file.max_size", "standard output"],
  ])("may not have %s, with the reason", (key, reason) => {
    const message = expect.stringMatching(
      `^${key}: not a setting of a tenant: .*${reason}.*; remove it$`,
    ) as string;
    expect(problems({ [key]: "x" })).toEqual([message]);
  });

  it.each<[string, Settings[string], string]>([
    ["changelog.aggregate", "yes", "on or off"],
    ["hibernate.cache.use_query_cache", 1, "on or off"],
    ["system.session.timeout", "1h", "a whole number, 0 or more"],
    ["system.session.timeout", 1.5, "a whole number, 0 or more"],
    ["system.session.timeout", 3_000_000_000, "a whole number, 0 or more"],
    ["max.sessions.per_user", -1, "a whole number, 0 or more"],
    ["system.cache.max_size.factor", "half", "a number such as 0.5"],
    ["session.cookie.samesite", "lenient", "Lax, Strict, None"],
    ["max.file_upload_size", 200_000_000, "bytes, from 1 to 133169152"],
    ["ldap.url", "directory.example.org", "an address such as ldaps://directory.example.org"],
    ["oidc.provider.kc.jwk_uri", "login/certs", "an address such as https://login.example.org/path"],
    [
      "route.remote_servers_allowed",
      "https://api.example.org/path",
      "addresses without a path and separated by commas",
    ],
    ["ldap.search.base", " dc=moh", "a value without a space or a line break at its beginning or end"],
    ["ldap.manager.password", "hidden\n", "a value without a space or a line break at its beginning or end"],
    ["ldap.manager.password", "", "a password, not an empty text"],
  ])("may not have %s: %j", (key, value, allowed) => {
    expect(problems({ [key]: value })).toEqual([expect.stringContaining(`${key}: allowed: ${allowed}`)]);
  });

  it.each(Object.keys(KEYCLOAK).filter((key) => key.startsWith("oidc.provider.")))(
    "may not lack %s of a provider",
    (key) => {
      expect(problems(without(KEYCLOAK, key))).toEqual([`oidc.provider.kc is incomplete; add ${key}`]);
    },
  );
  it.each(Object.keys(LDAP))("may not lack %s of a directory", (key) => {
    expect(problems(without(LDAP, key))).toEqual([`the LDAP directory is incomplete; add ${key}`]);
  });
  it("may not lack what the providers need that DHIS2 knows: it would not start", () => {
    const login = { "oidc.oauth2.login.enabled": "on" };
    expect(problems({ ...login, "oidc.provider.google.mapping_claim": "email" })).toEqual([
      "oidc.provider.google is incomplete; add oidc.provider.google.client_id, oidc.provider.google.client_secret",
    ]);
    expect(problems({ ...login, "oidc.provider.azure.3.client_id": "id" })).toEqual([
      "oidc.provider.azure.3 is incomplete; add oidc.provider.azure.3.tenant, oidc.provider.azure.3.client_secret",
    ]);
  });
  it("may not have a provider without log-in, nor log-in without a provider", () => {
    expect(problems(without(KEYCLOAK, "oidc.oauth2.login.enabled"))).toEqual([
      "an OpenID Connect provider, and nobody can log in with it; add oidc.oauth2.login.enabled: on",
    ]);
    expect(problems({ "oidc.oauth2.login.enabled": true })).toEqual([
      expect.stringContaining("oidc.oauth2.login.enabled is on without a provider"),
    ]);
  });

  it("are judged without the values that are encrypted", () => {
    const isEncrypted = (value: unknown) => value === "[encrypted]";
    const settings = { ...KEYCLOAK, "oidc.provider.kc.jwk_uri": "[encrypted]" };
    expect(settingProblems("42.5.2", settings, isEncrypted)).toEqual([]);
  });
});

it("writes switches as DHIS2 reads each of them", () => {
  const settings = {
    "changelog.aggregate": true,
    "hibernate.cache.use_query_cache": "off",
    "max.sessions.per_user": 3,
  };
  expect(settingsText("42.5.2", settings)).toEqual({
    "changelog.aggregate": "on",
    "hibernate.cache.use_query_cache": "false",
    "max.sessions.per_user": "3",
  });
});

it("knows the ports of the servers that DHIS2 connects to", () => {
  expect(portsOf({ ...KEYCLOAK, ...LDAP, "csp.header.value": "https://example.org:9999" })).toEqual([
    636, 8443,
  ]);
  expect(portsOf({ "route.remote_servers_allowed": "https://a.example.org,http://b.example.org" })).toEqual([
    80, 443,
  ]);
});
