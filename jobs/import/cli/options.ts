/** Options as people type them, into what the import takes. Every refusal says what is allowed. */
import { readFileSync } from "node:fs";
import { InvalidArgumentError } from "commander";
import type { ClientConfig } from "pg";
import { typeSecret } from "../../terminal";
import { majorVersion } from "../dhis2";
import { canonicalEncoding, isClientEncoding } from "../sql/encoding";

/** A request that makes no sense; exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const units: Record<string, number> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** `20GiB`, `20G`, `500 MB` or bytes; units are powers of 1024. */
export function parseSize(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([KMGT]?)(?:i?B)?$/i.exec(text) ?? [];
  const factor = units[unit?.toUpperCase() ?? "?"];
  if (number === undefined || factor === undefined)
    throw new InvalidArgumentError("a size is like 20GiB, 500MiB, or a number of bytes");
  return Math.floor(Number(number) * factor);
}

/** `7d`, `12h`, `30m` or seconds; in seconds. */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d+) ?([smhd]?)$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError("a duration is like 7d, 12h, 30m or 90s");
  return Number(number) * ({ m: 60, h: 3600, d: 86400 }[unit ?? ""] ?? 1);
}

/** An address of DHIS2. */
export function parseUrl(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw new InvalidArgumentError("an address like https://hmis.moh.example.org");
  return text;
}

export function parseCount(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 32)
    throw new InvalidArgumentError("a number from 1 to 32");
  return number;
}

export function parseName(text: string): string {
  if (!/^[A-Za-z_][\w-]{0,62}$/.test(text))
    throw new InvalidArgumentError("a name of letters, digits, _ and -, beginning with a letter");
  return text;
}

/** In PostgreSQL's spelling. */
export function parseEncoding(text: string): string {
  const encoding = canonicalEncoding(text);
  if (!isClientEncoding(encoding) || encoding === "SQL_ASCII")
    throw new InvalidArgumentError("one of PostgreSQL's encodings, such as UTF8, LATIN1, WIN1252");
  return encoding;
}

export function parseSha256(text: string): string {
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new InvalidArgumentError("a SHA-256 is 64 hexadecimal digits");
  return text.toLowerCase();
}

export function parseDhis2Version(text: string): string {
  if (majorVersion(text) === undefined) {
    throw new InvalidArgumentError(`"${text}" is not a version of DHIS2; such as 42.5.2`);
  }
  return text;
}

export interface ServerOptions {
  server: string;
  passwordFile?: string;
  passwordEnv?: string;
}

/** The administrator's connection. Without file or variable the password is found as libpq finds it (PGPASSFILE). */
export function serverConfig(options: ServerOptions): ClientConfig {
  const url = URL.canParse(options.server) ? new URL(options.server) : undefined;
  if (!url || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw new UsageError(
      `--server "${options.server}" is not an address; such as postgres://admin@db.example.org:5432/postgres`,
    );
  }
  if (url.password !== "") {
    throw new UsageError(
      "--server holds a password, which everyone on this machine could read; give it with --password-file, --password-env or PGPASSFILE.",
    );
  }
  const parameters = url.searchParams;
  const host = decodeURIComponent(parameters.get("host") ?? url.hostname);
  const password = passwordOf(options);
  return {
    host: host || "127.0.0.1",
    port: Number(parameters.get("port") ?? (url.port || 5432)),
    user: decodeURIComponent(url.username) || "postgres",
    database: decodeURIComponent(url.pathname.slice(1)) || "postgres",
    ssl: tls(host, parameters),
    connectionTimeoutMillis: 15_000,
    ...(password !== undefined && { password }),
  };
}

function tls(host: string, parameters: URLSearchParams): ClientConfig["ssl"] {
  const local = host.startsWith("/") || ["", "localhost", "127.0.0.1", "::1", "[::1]"].includes(host);
  const mode = parameters.get("sslmode") ?? (local ? "disable" : "verify-full");
  const authority = parameters.get("sslrootcert");
  switch (mode) {
    case "disable":
      return false;
    case "require":
      return { rejectUnauthorized: false };
    case "verify-full":
      return authority === null ? true : { ca: readSecret(authority, "sslrootcert") };
    default:
      throw new UsageError(`sslmode=${mode} is not offered; it is disable, require or verify-full.`);
  }
}

function passwordOf({ passwordFile, passwordEnv }: ServerOptions): string | undefined {
  if (passwordFile !== undefined) return readSecret(passwordFile, "--password-file");
  if (passwordEnv === undefined) return undefined;
  const value = process.env[passwordEnv];
  if (value === undefined || value === "")
    throw new UsageError(`--password-env names ${passwordEnv}, which is not set.`);
  return value;
}

/**
 * A file's contents without the line end people's editors put there.
 * @throws UsageError when it cannot be read, or is empty
 */
export function readSecret(path: string, option: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`${option}: ${(error as Error).message}`);
  }
  if (text.trim() === "") throw new UsageError(`${option}: ${path} is empty.`);
  return text.replace(/\r?\n$/, "");
}

/** Asks on the terminal without showing what is typed. */
export async function askSecret(question: string): Promise<string> {
  if (!process.stdin.isTTY)
    throw new UsageError("The password of --sanitise-user is needed: give it with --sanitise-password-file.");
  return typeSecret(question);
}
