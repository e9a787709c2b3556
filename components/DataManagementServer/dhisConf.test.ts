import fc from "fast-check";
import { expect, it } from "vitest";
import { caddyfile } from "../Gateway/docker/caddyfile";
import { dhisConf, type DhisConf } from "./dhisConf";

const conf = (change: Partial<DhisConf> = {}) =>
  dhisConf({
    hostname: "hmis.moh.example.org",
    database: {
      host: "db.internal",
      name: "dhis2",
      user: "dhis2",
      password: "p",
      parameters: { sslmode: "require" },
    },
    encryptionPassword: "e".repeat(24),
    ...change,
  });

const JAVA_TRIM = /^[\0-\x20]+|[\0-\x20]+$/g;

/** java.util.Properties of one line each, then Apache's StringSubstitutor as DHIS2 calls it, then trim(). */
function asDhis2Reads(text: string, environment: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(
    text
      .trimEnd()
      .split("\n")
      .map((line) => {
        const [, key = "", raw = ""] = /^([^\s=]+) = ?(.*)$/.exec(line) ?? [];
        const value = raw
          .replace(/\\(u[0-9a-f]{4}|.)/g, (_, code: string) =>
            code.length > 1 ? String.fromCharCode(parseInt(code.slice(1), 16)) : code,
          )
          .replace(/(\$?)\$\{([^}]*)\}/g, (all, escaped: string, name: string) =>
            escaped ? all.slice(1) : (environment[name] ?? all),
          )
          .replace(JAVA_TRIM, "");
        return [key, value];
      }),
  );
}

it("names the database over TLS, the public address and secure cookies", () => {
  expect(asDhis2Reads(conf())).toMatchObject({
    "connection.url": "jdbc:postgresql://db.internal:5432/dhis2?sslmode=require",
    "connection.username": "dhis2",
    "connection.password": "p",
    "server.base.url": "https://hmis.moh.example.org",
    "server.https": "on",
    "session.cookie.samesite": "Lax",
    "encryption.password": "e".repeat(24),
  });
});

it("takes uploads up to what the gateway passes on, and no address for routes", () => {
  const read = asDhis2Reads(conf());
  const gateway = caddyfile({
    sites: [{ hostname: "a.example.org", upstream: "a:1" }],
    certificates: "private",
    published: { http: 80, https: 443 },
  });
  const largestBody = Number(/max_size (\d+)MiB/.exec(gateway)?.[1]) * 2 ** 20;
  expect(Number(read["max.file_upload_size"])).toBe(largestBody - 2 ** 20);
  expect(read["route.remote_servers_allowed"]).toBe("");
  const allowed = {
    "route.remote_servers_allowed": "https://api.example.org",
    "max.file_upload_size": "1000",
  };
  expect(asDhis2Reads(conf({ settings: allowed }))).toMatchObject(allowed);
});

it("has every kind of change audited, tracker too, and in the database, which is in every backup", () => {
  expect(asDhis2Reads(conf())).toMatchObject({
    "system.audit.enabled": "on",
    "audit.database": "on",
    "audit.logger": "on",
  });
});

it("comes back from DHIS2's reader as it went in, whatever the password", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", minLength: 1 }).filter((text) => text === text.replace(JAVA_TRIM, "")),
      (encryptionPassword) => {
        const read = asDhis2Reads(conf({ encryptionPassword }));
        expect(read["encryption.password"]).toBe(encryptionPassword);
        expect(Object.keys(read)).toHaveLength(Object.keys(asDhis2Reads(conf())).length);
      },
    ),
  );
});

it("gives DHIS2 the tenant's settings as they are, whatever the values", () => {
  const value = fc.string({ unit: "binary" }).filter((text) => text === text.replace(JAVA_TRIM, ""));
  fc.assert(
    fc.property(value, value, (filter, name) => {
      const settings = { "ldap.search.filter": filter, "oidc.provider.kc.display_alias": name };
      const read = asDhis2Reads(conf({ settings }));
      expect(read).toEqual({ ...asDhis2Reads(conf()), ...settings });
    }),
  );
});

it("lets a tenant change its own settings alone", () => {
  const settings = { "system.session.timeout": "600", "server.https": "off", "audit.database": "off" };
  expect(asDhis2Reads(conf({ settings }))).toMatchObject({
    "system.session.timeout": "600",
    "server.https": "on",
    "audit.database": "on",
  });
});

it("lets no password read the environment or add a setting", () => {
  const read = asDhis2Reads(conf({ encryptionPassword: "x${HOME}\nserver.https = off" }), {
    HOME: "somewhere",
  });
  expect(read["encryption.password"]).toBe("x${HOME}\nserver.https = off");
  expect(read["server.https"]).toBe("on");
});

it("refuses a password that DHIS2 would trim", () => {
  expect(() => conf({ encryptionPassword: " leading" })).toThrow(/cannot begin or end with a space/);
});
