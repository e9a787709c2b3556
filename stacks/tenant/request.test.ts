import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { issueEntitlement, type Entitlement } from "../../plans/entitlement";
import { SpecError } from "../config";
import { readRequest, type Given } from "./request";
import { setWithPulumi, undecrypted } from "./secrets";

const root = mkdtempSync(path.join(tmpdir(), "request-"));
const before = process.env["DHISTANCE_ISSUERS"];
let key: JWK;
beforeAll(async () => {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
  key = { ...(await exportJWK(privateKey)), kid: "tests" };
  process.env["DHISTANCE_ISSUERS"] = path.join(root, "issuers.json");
  writeFileSync(
    process.env["DHISTANCE_ISSUERS"],
    JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "tests" }] }),
  );
  const folder = path.join(root, "tenants/moh");
  mkdirSync(path.join(folder, "directory"), { recursive: true });
  writeFileSync(path.join(folder, "hmis.sql"), "");
  execFileSync("mkfifo", [path.join(folder, "pipe")]);
  writeFileSync(path.join(root, "elsewhere.sql"), "");
  symlinkSync(path.join(root, "elsewhere.sql"), path.join(folder, "leads-out.sql"));
  symlinkSync("/dev/zero", path.join(folder, "without-end"));
  symlinkSync(root, path.join(folder, "up"));
  symlinkSync("hmis.sql", path.join(folder, "latest.sql"));
  mkdirSync(path.join(root, "tenants/other"));
  writeFileSync(path.join(root, "tenants/other/hmis.sql"), "");
  symlinkSync("other", path.join(root, "tenants/linked"));
});
afterAll(() => {
  if (before === undefined) delete process.env["DHISTANCE_ISSUERS"];
  else process.env["DHISTANCE_ISSUERS"] = before;
  rmSync(root, { recursive: true });
});

const YEAR = 365 * 86_400_000;
const entitle = (claims: Partial<Entitlement> = {}) =>
  issueEntitlement(
    {
      tenant: "moh",
      plan: "premium",
      maxServers: 2,
      activatedAt: new Date(Date.now() - YEAR).toISOString(),
      expiresAt: new Date(Date.now() + YEAR).toISOString(),
      issuer: "tests",
      ...claims,
    },
    key,
  );

const server = (name: string, rest: object = {}) => ({
  name,
  dhis2: "42.5.2",
  size: "small",
  hostname: `${name}.moh.example.org`,
  ...rest,
});
const spec = (...servers: object[]) => ({
  displayName: "Ministry of Health",
  contacts: { operations: "ops@moh.example.org", billing: "finance@moh.example.org" },
  target: { aws: { region: "eu-west-1" } },
  servers,
  backups: {
    locations: [
      { region: "eu-central-1" },
      { onPremises: { host: "ssh://backup@office", path: "/srv/dhis2" } },
    ],
  },
});

/** A stack file in which nothing is encrypted. */
const PLAIN = { value: undefined, holdsSecret: false, setSecret: setWithPulumi };

async function inFull(given: Partial<Given>): Promise<Given> {
  return {
    stack: "moh",
    keys: ["dhistance:entitlement", "dhistance:tenant", "aws:region"],
    entitlement: await entitle(),
    tenant: spec(server("hmis")),
    file: PLAIN,
    project: root,
    ...given,
  };
}

async function problemsOf(given: Partial<Given>): Promise<string[]> {
  try {
    await readRequest(await inFull(given));
  } catch (error) {
    expect(error).toBeInstanceOf(SpecError);
    return (error as SpecError).problems;
  }
  return [];
}

it("takes what is in order", async () => {
  const token = await entitle();
  const request = await readRequest({
    stack: "moh",
    keys: ["dhistance:entitlement", "dhistance:tenant"],
    entitlement: token,
    tenant: spec(
      server("hmis"),
      server("training", { import: { dump: "hmis.sql", sha256: "a".repeat(64) } }),
    ),
    file: PLAIN,
    project: root,
  });
  expect(request.token).toBe(token);
  expect(request.entitlement).toMatchObject({ tenant: "moh", plan: "premium" });
  expect(request.spec.servers).toHaveLength(2);
});

it("takes an entitlement that has expired or ends soon, and says so", async () => {
  const warningsOf = async (entitlement: string) =>
    (await readRequest(await inFull({ entitlement }))).warnings.filter((each) =>
      each.includes("entitlement"),
    );
  const expired = await entitle({ activatedAt: "2020-01-01T00:00:00Z", expiresAt: "2021-01-01T00:00:00Z" });
  expect(await warningsOf(expired)).toEqual([
    expect.stringMatching(/^dhistance:entitlement: .*expired at 2021-01-01.*nothing can be added/),
  ]);
  const soon = await entitle({ expiresAt: new Date(Date.now() + YEAR / 40).toISOString() });
  expect(await warningsOf(soon)).toEqual([expect.stringMatching(/ expires in 10 days, at /)]);
  expect(await warningsOf(await entitle())).toEqual([]);
});

describe("refuses", () => {
  it("one server too many, one too large, and another tenant's stack, all at once", async () => {
    const servers = [server("aa", { size: "large" }), server("bb"), server("cc")];
    expect(await problemsOf({ stack: "other", tenant: spec(...servers) })).toEqual([
      expect.stringMatching(/^dhistance:entitlement: stack "other" carries the entitlement of tenant "moh"/),
      expect.stringMatching(/^servers: tenant "moh" has 3 servers \(aa, bb, cc\); its premium plan allows 2/),
      expect.stringMatching(
        /^servers\[0\]\.size: server "aa" has size "large"; the premium plan allows small/,
      ),
    ]);
  });

  it("servers over the plan even when the spec has faults of its own", async () => {
    const tenant = { ...spec(server("a"), { name: 7 }, server("c")), displayName: "" };
    const problems = await problemsOf({ tenant });
    expect(problems).toContainEqual(expect.stringMatching(/^displayName: /));
    expect(problems).toContainEqual(expect.stringMatching(/^servers\[1\]\.name: 7; /));
    expect(problems).toContainEqual(expect.stringMatching(/^servers: .*3 servers \(a, servers\[1\], c\)/));
  });

  it("a missing entitlement together with a wrong spec, and no spec at all", async () => {
    expect(
      await problemsOf({ entitlement: undefined, tenant: { ...spec(server("hmis")), plan: "enterprise" } }),
    ).toEqual([
      expect.stringMatching(/^plan: unknown key/),
      expect.stringMatching(/^dhistance:entitlement: is missing; allowed: the entitlement, or \{ file: … \}/),
    ]);
    expect(await problemsOf({ tenant: undefined })).toContainEqual("servers: is missing; allowed: a list");
  });

  it("a key that is spelled wrong or not there, whose value would be ignored", async () => {
    const keys = ["dhistance:entitlement", "dhistance:tenant", "dhistance:tennant", "dhistance:plan"];
    const allowed = "unknown key; allowed keys: dhistance:entitlement, dhistance:tenant";
    expect(await problemsOf({ keys })).toEqual([
      `dhistance:tennant: ${allowed}`,
      `dhistance:plan: ${allowed}`,
    ]);
  });

  it("an entitlement that was changed", async () => {
    const [header, , signature] = (await entitle()).split(".");
    const claims = Buffer.from(JSON.stringify({ tenant: "moh", plan: "enterprise" })).toString("base64url");
    expect(await problemsOf({ entitlement: [header, claims, signature].join(".") })).toEqual([
      expect.stringMatching(/^dhistance:entitlement: .*changed after it was signed/),
    ]);
  });

  it.each([
    ["none.sql"],
    ["../../elsewhere.sql"],
    ["../other/hmis.sql"],
    ["../moh-not-there/hmis.sql"],
    ["/etc/hostname"],
    ["/no/such/file"],
    ["leads-out.sql"],
    ["up/elsewhere.sql"],
    ["up/not-there.sql"],
    ["directory"],
    ["pipe"],
    ["without-end"],
    ["."],
    [".."],
  ])(
    "a dump that is not a file of the tenant's, in the same words whether or not it is there: %s",
    async (dump) => {
      const tenant = spec(server("hmis", { import: { dump, sha256: "a".repeat(64) } }));
      expect(await problemsOf({ tenant })).toEqual([
        `servers[0].import.dump: ${JSON.stringify(dump)}; is not a file in tenants/moh/; allowed: a path below tenants/moh/, ` +
          "relative to it, of a regular file that no symbolic link leads out of. Put the file there",
      ]);
      expect(await problemsOf({ entitlement: { file: dump } })).toEqual([
        expect.stringMatching(/^dhistance:entitlement\.file: is not a file in tenants\/moh\/; allowed/),
      ]);
    },
  );

  it("the folder of another tenant in the place of one's own", async () => {
    const tenant = spec(server("hmis", { import: { dump: "hmis.sql", sha256: "a".repeat(64) } }));
    for (const stack of ["linked", "..", "moh/../other"])
      expect(await problemsOf({ stack, tenant })).toContainEqual(
        expect.stringMatching(/^servers\[0\]\.import\.dump: "hmis\.sql"; is not a file in tenants\//),
      );
  });

  it("nothing of a link that stays in the folder", async () => {
    const tenant = spec(server("hmis", { import: { dump: "latest.sql", sha256: "a".repeat(64) } }));
    expect(await problemsOf({ tenant })).toEqual([]);
  });

  it("an entitlement in a file that is too large to be one", async () => {
    writeFileSync(path.join(root, "tenants/moh/large.jws"), Buffer.alloc(1024 * 1024 + 1));
    expect(await problemsOf({ entitlement: { file: "large.jws" } })).toEqual([
      "dhistance:entitlement.file: is larger than 1 MiB; allowed: a smaller file",
    ]);
  });

  describe("a secret in plain text, without repeating it, with the command that mends it:", () => {
    const plain = "correct horse battery staple";
    const withS3 = (secretAccessKey: unknown) => ({
      ...spec(server("hmis")),
      target: { docker: {} },
      backups: {
        locations: [
          { disk: {} },
          {
            s3: { endpoint: "https://s3.example.org", bucket: "copies", accessKeyId: "id", secretAccessKey },
          },
        ],
      },
    });
    const withImport = (encryptionPassword: unknown) =>
      spec(server("hmis", { import: { dump: "hmis.sql", sha256: "a".repeat(64), encryptionPassword } }));

    const withLdap = (password: unknown) =>
      spec(
        server("hmis", {
          settings: {
            "ldap.url": "ldaps://directory.example.org",
            "ldap.manager.dn": "cn=dhis2",
            "ldap.manager.password": password,
          },
        }),
      );

    it.each<[string, (value: unknown) => object]>([
      ['servers[0].settings["ldap.manager.password"]', withLdap],
      ["servers[0].import.encryptionPassword", withImport],
      ["backups.locations[1].s3.secretAccessKey", withS3],
    ])("%s", async (at, tenantWith) => {
      const tenant = tenantWith(plain);
      const problems = await problemsOf({ tenant });
      expect(problems).toEqual([
        expect.stringContaining(
          `${at}: [secret]; stands in the stack's file as plain text; allowed: an encrypted value. ` +
            `Set it with: pulumi config set --secret --path 'dhistance:tenant.${at}'`,
        ),
      ]);
      expect(problems.join()).not.toContain(plain);
      // The engine says of the whole spec only that something in it is encrypted.
      const file = { ...PLAIN, holdsSecret: true };
      expect(await problemsOf({ tenant, file: { ...file, value: tenant } })).toEqual(problems);
      const encrypted = tenantWith({ secure: "v1:AAAA" });
      expect(await problemsOf({ tenant, file: { ...file, value: encrypted } })).toEqual([]);
      // Encrypted as a whole, and in a file that is elsewhere.
      expect(await problemsOf({ tenant, file: { ...file, value: { secure: "v1:AAAA" } } })).toEqual([]);
      expect(await problemsOf({ tenant, file })).toEqual([]);
    });

    it("also of a spec with other faults", async () => {
      expect(await problemsOf({ tenant: { ...withS3(plain), displayName: "" } })).toEqual([
        expect.stringMatching(/^displayName: /),
        expect.stringMatching(/^backups\.locations\[1\]\.s3\.secretAccessKey: \[secret\]/),
      ]);
    });

    it("a value that is encrypted although it need not be", async () => {
      const settings = (url: unknown) => ({ settings: { "ldap.url": url, "ldap.manager.passwd": url } });
      const tenant = spec(server("hmis", settings(plain)));
      const value = spec(server("hmis", settings({ secure: "v1:AAAA" })));
      const problems = await problemsOf({ tenant, file: { ...PLAIN, value, holdsSecret: true } });
      expect(problems).toEqual([
        'servers[0].settings["ldap.url"]: [secret]; allowed: an address such as ldaps://directory.example.org',
        'servers[0].settings["ldap.manager.passwd"]: DHIS2 42 has no such key in dhis.conf; ' +
          "the nearest is ldap.manager.password",
      ]);
    });

    it("nothing of one that is judged without its key", async () => {
      const inFile = withS3({ secure: "v1:AAAA" });
      const file = { ...PLAIN, value: inFile, holdsSecret: true };
      expect(await problemsOf({ tenant: undecrypted(inFile), file })).toEqual([]);
    });
  });
});

describe("what the operator allows", () => {
  const withDump = (dump: string) => spec(server("hmis", { import: { dump, sha256: "a".repeat(64) } }));
  const on = (host: string, images: object = {}) => ({
    ...spec(server("hmis")),
    target: { docker: { host, images } },
    backups: { locations: [] },
  });
  const given = async (env: NodeJS.ProcessEnv, tenant: object) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    try {
      return await problemsOf({ tenant });
    } finally {
      vi.unstubAllEnvs();
    }
  };

  it("are dumps below S3 addresses, none unless they are named", async () => {
    const DHISTANCE_DUMPS = "s3://incoming/{tenant}, s3://ministry";
    expect(await given({}, withDump("s3://ministry/hmis.sql"))).toEqual([
      'servers[0].import.dump: "s3://ministry/hmis.sql"; not allowed by the operator; allowed: none ' +
        "(DHISTANCE_DUMPS, in the environment of pulumi)",
    ]);
    for (const dump of ["s3://ministry/hmis.sql", "s3://incoming/moh/2026/hmis.sql"])
      expect(await given({ DHISTANCE_DUMPS }, withDump(dump))).toEqual([]);
    for (const dump of [
      "s3://ministry-of-another/hmis.sql",
      "s3://incoming/moh-other/hmis.sql",
      "s3://incoming/other/hmis.sql",
    ])
      expect(await given({ DHISTANCE_DUMPS }, withDump(dump))).toEqual([
        expect.stringContaining("allowed: s3://incoming/moh, s3://ministry (DHISTANCE_DUMPS"),
      ]);
    for (const dump of ["s3://ministry/*", "s3://ministry/${aws:username}", "s3://ministry/a?b"])
      expect(await given({ DHISTANCE_DUMPS }, withDump(dump))).toEqual([
        expect.stringMatching(/; allowed: a file's path or s3/),
      ]);
  });

  it("are Docker hosts and images, any unless they are named", async () => {
    const env = {
      DHISTANCE_DOCKER_HOSTS: "ssh://ops@{tenant}.example.org",
      DHISTANCE_IMAGES: "registry.example.org/",
    };
    const images = { gateway: "caddy:2", jobs: "registry.example.org/jobs:1" };
    expect(await given({}, on("ssh://ops@other.example.org", images))).toEqual([]);
    expect(await given(env, on("ssh://ops@moh.example.org", { jobs: images.jobs }))).toEqual([]);
    expect(await given(env, on("ssh://ops@other.example.org", images))).toEqual([
      expect.stringMatching(
        /^target\.docker\.host: .*allowed: ssh:\/\/ops@moh\.example\.org \(DHISTANCE_DOCKER_HOSTS/,
      ),
      expect.stringMatching(/^target\.docker\.images\.gateway: "caddy:2"; .*\(DHISTANCE_IMAGES/),
    ]);
    expect(await given(env, spec(server("hmis")))).toEqual([
      expect.stringMatching(/^backups\.locations\[1\]\.onPremises\.host: "ssh:\/\/backup@office"/),
    ]);
  });

  it.each(["ssh://-oProxyCommand=id", "ssh://ops:password@host", "ssh://-l@host", "ssh://ops@-J"])(
    "is never a host that ssh takes for an option, or with a password in it: %s",
    async (host) => {
      expect(await problemsOf({ tenant: on(host) })).toEqual([
        expect.stringMatching(/^target\.docker\.host: /),
      ]);
    },
  );
});

describe("backups.copies, the old name of backups.locations", () => {
  const withOldName = (locations: unknown[], rest: object = {}) => ({
    ...spec(server("hmis")),
    ...rest,
    backups: { copies: locations },
  });
  const s3 = { endpoint: "https://s3.example.org", bucket: "backups", accessKeyId: "id" };

  it("is read as the new one, with a warning", async () => {
    const { locations } = spec(server("hmis")).backups;
    const request = await readRequest(await inFull({ tenant: withOldName(locations) }));
    expect(request.spec.backups).toMatchObject({ locations });
    expect(request.warnings).toEqual([
      "backups.copies: is now backups.locations; rename the key in the stack file. The next version does not read the old name.",
    ]);
  });

  it("is what messages and commands name, so that they fit the file", async () => {
    const plain = { disk: {} };
    const secretAccessKey = "correct horse battery staple";
    const tenant = withOldName([plain, { s3: { ...s3, secretAccessKey } }], { target: { docker: {} } });
    expect(await problemsOf({ tenant })).toEqual([
      expect.stringMatching(
        /^backups\.copies\[1\]\.s3\.secretAccessKey: .*'dhistance:tenant\.backups\.copies\[1\]\.s3\.secretAccessKey'/,
      ),
    ]);
    expect(await problemsOf({ tenant: withOldName([]) })).toEqual([
      expect.stringMatching(/^backups\.copies: \[\]; no backup in another region/),
      expect.stringMatching(/^backups\.copies: \[\]; no backup on premises/),
    ]);
  });

  it("is read with its secrets encrypted in the file", async () => {
    const inFile = withOldName([{ disk: {} }, { s3: { ...s3, secretAccessKey: { secure: "v1:AAAA" } } }], {
      target: { docker: {} },
    });
    const file = { ...PLAIN, value: inFile, holdsSecret: true };
    expect(await problemsOf({ tenant: undecrypted(inFile), file })).toEqual([]);
  });

  it("is refused beside the new one", async () => {
    const { backups, ...rest } = spec(server("hmis"));
    const tenant = { ...rest, backups: { ...backups, copies: backups.locations } };
    expect(await problemsOf({ tenant })).toEqual(["backups.copies: unknown key; allowed keys: locations"]);
  });

  it("gives no warning where it is not used", async () => {
    expect((await readRequest(await inFull({}))).warnings).toEqual([]);
  });
});
