import { describe, expect, it } from "vitest";
import { parseCount, parseDuration, parseName, parseSha256, parseSize, serverConfig } from "./options";

describe("options", () => {
  it.each([
    ["20GiB", 20 * 2 ** 30],
    ["1.5 G", 1.5 * 2 ** 30],
    ["500MB", 500 * 2 ** 20],
    ["123", 123],
  ])("size %s", (text, bytes) => expect(parseSize(text)).toBe(bytes));
  it.each(["", "G", "-1G", "1X", "1GiBB"])("size %j is none", (text) =>
    expect(() => parseSize(text)).toThrow(/20GiB/),
  );

  it.each([
    ["7d", 604_800],
    ["12h", 43_200],
    ["90", 90],
  ])("duration %s", (text, seconds) => expect(parseDuration(text)).toBe(seconds));
  it.each(["", "week", "1.5h"])("duration %j is none", (text) =>
    expect(() => parseDuration(text)).toThrow(/7d/),
  );

  it("names, counts and checksums that are none", () => {
    expect(() => parseName("a;b")).toThrow(/a name of letters/);
    expect(() => parseCount("33")).toThrow(/1 to 32/);
    expect(() => parseSha256("abc")).toThrow(/64 hexadecimal digits/);
  });

  it("the server's address: TLS is checked, unless it is this machine or said otherwise", () => {
    const config = (server: string) => serverConfig({ server });
    expect(config("postgres://admin@db.example.org/postgres")).toMatchObject({
      ...{ host: "db.example.org", port: 5432, user: "admin", database: "postgres", ssl: true },
    });
    expect(config("postgres://127.0.0.1:5433")).toMatchObject({ port: 5433, user: "postgres", ssl: false });
    expect(config("postgres://a@h/d?sslmode=require")).toMatchObject({ ssl: { rejectUnauthorized: false } });
    expect(config("postgres:///d?host=/run/postgresql")).toMatchObject({
      host: "/run/postgresql",
      ssl: false,
    });
    expect(() => config("db.example.org")).toThrow(/is not an address; such as postgres/);
    expect(() => config("postgres://a@h/d?sslmode=prefer")).toThrow(/disable, require or verify-full/);
    expect(() => config("postgres://a:b@h/d")).toThrow(/holds a password/);
  });
});
