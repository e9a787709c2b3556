import type * as pulumi from "@pulumi/pulumi";
import { LARGEST_UPLOAD } from "../contract/application";

/** The Redis of a cluster, over TLS. */
export interface Redis<Text = pulumi.Output<string>> {
  host: Text;
  port: number;
  password: Text;
}

/** What the generated `dhis.conf` says. */
export interface DhisConf {
  /** With the port, where it is not 443: links in mails are made of it. */
  hostname: string;
  database: {
    host: string;
    name: string;
    user: string;
    password: string;
    /** JDBC parameters. */
    parameters: Record<string, string>;
  };
  /** At least 24 characters; never changes, and travels with a dump. */
  encryptionPassword: string;
  /** Of more than one instance of DHIS2 on the same database. @default none: there is one instance */
  redis?: Redis<string>;
  /** The tenant's own, found to be right (`settingProblems`). @default none */
  settings?: Readonly<Record<string, string>>;
}

/** Connections to the database that one instance of DHIS2 keeps at most. */
export const POOL = 80;

/**
 * `dhis.conf` for a server, complete: the passwords stand in it, so it is a secret as a whole. Keys and defaults:
 * DHIS2 documentation, sysadmin reference, dhis.conf.md.
 */
export function dhisConf({ settings, ...server }: DhisConf): string {
  return Object.entries({ ...DEFAULTS, ...settings, ...ownSettings(server) })
    .map(([key, value]) => `${key} = ${escape(value)}\n`)
    .join("");
}

/** What a tenant may set otherwise. */
const DEFAULTS = {
  // DHIS2 allows 10 MB, and everything else on the way more.
  "max.file_upload_size": `${LARGEST_UPLOAD}`,
  // DHIS2 allows every address, also those that it alone can reach: whoever may make a route could read them.
  "route.remote_servers_allowed": "",
  "session.cookie.samesite": "Lax",
  "system.session.timeout": "3600",
  "monitoring.api.enabled": "on",
  "monitoring.jvm.enabled": "on",
  "monitoring.dbpool.enabled": "on",
  "monitoring.hibernate.enabled": "off",
  "monitoring.uptime.enabled": "on",
  "monitoring.cpu.enabled": "on",
};

function ownSettings({
  hostname,
  database,
  encryptionPassword,
  redis,
}: Omit<DhisConf, "settings">): Record<string, string> {
  const parameters = new URLSearchParams(database.parameters).toString();
  return {
    "connection.dialect": "org.hibernate.dialect.PostgreSQLDialect",
    "connection.driver_class": "org.postgresql.Driver",
    "connection.url": `jdbc:postgresql://${database.host}:5432/${database.name}${parameters && `?${parameters}`}`,
    "connection.username": database.user,
    "connection.password": database.password,
    // PostgreSQL takes as many for each instance, and some for jobs.
    "connection.pool.max_size": `${POOL}`,
    "server.base.url": `https://${hostname}`,
    // TLS ends before the application: without this, cookies are not marked secure.
    "server.https": "on",
    "encryption.password": encryptionPassword,
    "filestore.provider": "filesystem",
    "filestore.container": "files",
    "system.audit.enabled": "on",
    // Kept in the table `audit`, and so in every backup: a file alone would go with its container.
    "audit.database": "on",
    // DHIS2's default is "on" as well, but it audits tracker in the file only if the key is there.
    "audit.logger": "on",
    ...(redis && {
      "redis.enabled": "on",
      "redis.host": redis.host,
      "redis.port": `${redis.port}`,
      "redis.password": redis.password,
      "redis.use.ssl": "true",
      "redis.cache.invalidation.enabled": "on",
    }),
  };
}

/**
 * A value as DHIS2 reads it back unchanged: first as a Java properties file in ISO 8859-1, then with `${NAME}`
 * replaced from the environment (`$${` stands for `${`), then without spaces around it.
 */
function escape(value: string): string {
  if (/^[\0-\x20]|[\0-\x20]$/.test(value)) {
    throw new Error("a value of dhis.conf cannot begin or end with a space");
  }
  return value
    .replaceAll("${", () => "$${")
    .replaceAll("\\", "\\\\")
    .replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
