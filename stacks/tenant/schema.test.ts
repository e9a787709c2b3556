import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Ajv2020 } from "ajv/dist/2020";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { SCHEMA_FILE, stackFileSchema } from "./schema";

const ROOT = path.resolve(__dirname, "../..");

it("is what the committed schema file says; npm run schema writes it", () => {
  expect(JSON.parse(readFileSync(SCHEMA_FILE, "utf8"))).toEqual(stackFileSchema());
});

describe("an editor with the schema", () => {
  const check = new Ajv2020({ strict: false, validateFormats: false }).compile(stackFileSchema());
  const complaints = (file: unknown) => {
    check(file);
    return (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };
  const folder = path.join(ROOT, "tenants");
  const examples = readdirSync(folder).filter((file) => /^Pulumi\..+\.yaml$/.test(file));

  it.each(examples)("takes the example %s", (file) => {
    expect(complaints(parse(readFileSync(path.join(folder, file), "utf8")))).toEqual([]);
  });

  it("takes what docs/docker/backups.md shows of backups", () => {
    const [, yaml = ""] =
      /```yaml\n(backups:[^`]*secretAccessKey: [^`]*)```/.exec(
        readFileSync(path.join(ROOT, "docs/docker/backups.md"), "utf8"),
      ) ?? [];
    const { backups } = parse(yaml) as { backups: unknown };
    expect(complaints(stackFile({ backups }))).toEqual([]);
  });

  const s3 = { endpoint: "https://s3.example.org", bucket: "copies", accessKeyId: "id" };
  const data = { dump: "hmis.sql", sha256: "a".repeat(64) };
  it.each<[string, (secret: unknown) => object]>([
    [
      "secretAccessKey",
      (secretAccessKey) => ({ backups: { locations: [{ disk: {} }, { s3: { ...s3, secretAccessKey } }] } }),
    ],
    [
      "encryptionPassword",
      (encryptionPassword) => ({ servers: [{ ...SERVER, import: { ...data, encryptionPassword } }] }),
    ],
    [
      "ldap.manager.password",
      (value) => ({ servers: [{ ...SERVER, settings: { "ldap.manager.password": value } }] }),
    ],
  ])("takes %s encrypted, and not in plain text", (_, tenant) => {
    expect(complaints(stackFile(tenant({ secure: "AAAB" })))).toEqual([]);
    expect(complaints(stackFile(tenant("a secret of 24 characters or more")))).toContainEqual(
      expect.stringMatching(/ must be object$/),
    );
  });

  const SERVER = { name: "hmis", dhis2: "42.5.2", size: "small", hostname: "hmis.example.org" };
  function stackFile(change: object): object {
    const tenant = {
      displayName: "A ministry",
      contacts: { operations: "ops@example.org", billing: "fin@example.org" },
      target: { docker: {} },
      servers: [SERVER],
      backups: { locations: [] },
      ...change,
    };
    return { config: { "dhistance:entitlement": { file: "entitlement.jws" }, "dhistance:tenant": tenant } };
  }
});
