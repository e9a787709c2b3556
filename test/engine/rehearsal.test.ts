import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newBackend, newProject, pulumi, stateOf, type Backend } from "./pulumi";

/** The rehearsal providers under the real engine: each behaviour of a provider that programs and people rely on. */

const PROGRAM = `
const pulumi = require("@pulumi/pulumi");
const aws = require("@pulumi/aws");
const docker = require("@pulumi/docker");
const random = require("@pulumi/random");
const tls = require("@pulumi/tls");
const settings = require("./settings.json");

const provider = new aws.Provider("eu", { region: "eu-west-1", defaultTags: { tags: { tenant: "moh" } } });
const elsewhere = new aws.Provider("us", { region: settings.elsewhere });
const here = { provider };

const vpc = new aws.ec2.Vpc("net", { cidrBlock: settings.cidrBlock, tags: { Name: "net" } }, here);
const subnet = new aws.ec2.Subnet("subnet", { vpcId: vpc.id, cidrBlock: settings.cidrBlock }, here);
const password = new random.RandomPassword("password", { length: 32, special: false });
const database = new aws.rds.Instance("db", {
  identifier: "hmis", engine: "postgres", engineVersion: "17.5", instanceClass: settings.instanceClass,
  allocatedStorage: 20, username: "dhis", password: password.result, skipFinalSnapshot: true,
  deletionProtection: settings.protected,
}, here);
const certificate = new aws.acm.Certificate("tls", { domainName: "hmis.example.org", validationMethod: "DNS" }, here);
const topics = [here, { provider: elsewhere }].map((options, i) => new aws.sns.Topic("alarms" + i, {}, options));
const bucket = new aws.s3.Bucket("Dumps", {}, here);
const policy = aws.iam.getPolicyDocumentOutput(
  { statements: [{ actions: ["s3:GetObject"], resources: [bucket.arn] }] }, here);

const host = new docker.Provider("host", { host: "ssh://ops@host.example.org" });
const network = new docker.Network("inner", {}, { provider: host });
const agent = new docker.Container("agent",
  { image: "agent:1", networksAdvanced: [{ name: network.name }] }, { provider: host });

const authorityKey = new tls.PrivateKey("ca", { algorithm: "ECDSA", ecdsaCurve: "P256" });
const authority = new tls.SelfSignedCert("ca", {
  privateKeyPem: authorityKey.privateKeyPem, subject: { commonName: "CA" }, isCaCertificate: true,
  allowedUses: ["cert_signing"], validityPeriodHours: 1000,
});
const key = new tls.PrivateKey("server", { algorithm: "RSA" });
const request = new tls.CertRequest("server", { privateKeyPem: key.privateKeyPem, dnsNames: ["hmis.example.org"] });
const leaf = new tls.LocallySignedCert("server", {
  certRequestPem: request.certRequestPem, caPrivateKeyPem: authorityKey.privateKeyPem,
  caCertPem: authority.certPem, allowedUses: ["server_auth"], validityPeriodHours: 100,
});

module.exports = {
  vpcArn: vpc.arn, vpcId: vpc.id, subnetId: subnet.id, endpoint: database.endpoint, databaseClass: database.instanceClass,
  password: password.result, validated: certificate.domainValidationOptions[0].domainName,
  topics: topics.map((topic) => topic.arn), bucket: bucket.bucket, policy: policy.json,
  account: aws.getCallerIdentityOutput({}, here).accountId, agent: agent.id,
  authority: authority.certPem, leaf: leaf.certPem, key: key.privateKeyPem,
};
`;

interface Outputs {
  vpcArn: string;
  vpcId: string;
  subnetId: string;
  endpoint: string;
  databaseClass: string;
  password: string;
  topics: string[];
  bucket: string;
  policy: string;
  account: string;
  agent: string;
  authority: string;
  leaf: string;
  key: string;
}

let backend: Backend;
beforeAll(async () => {
  backend = await newBackend();
});
afterAll(() => backend.remove());

const BASE = {
  cidrBlock: "10.0.0.0/16",
  instanceClass: "db.t4g.medium",
  elsewhere: "us-east-1",
  protected: false,
};

describe("a stack of all four providers", () => {
  const project = newProject({ "index.js": PROGRAM });
  afterAll(() => project.remove());

  const run = (...args: string[]) => pulumi(args, { cwd: project.folder, env: backend.env });
  const set = (settings: Partial<typeof BASE>) =>
    writeFileSync(path.join(project.folder, "settings.json"), JSON.stringify({ ...BASE, ...settings }));
  async function succeed(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await run(...args);
    expect(`${stdout}${stderr}\ncode ${code}`).toMatch(/code 0$/);
    return stdout;
  }
  const up = (...args: string[]) => succeed("up", "--yes", "--skip-preview", ...args);
  const outputs = async (stack: string) =>
    JSON.parse(await succeed("stack", "output", "--json", "--show-secrets", "--stack", stack)) as Outputs;

  let first: Outputs;

  it("knows in a preview what follows from the inputs, and only that", async () => {
    set({});
    await succeed("stack", "init", "one");
    const preview = await succeed("preview", "--diff");
    expect(preview).toMatch(/vpcArn\s*: (\[unknown\]|output<string>)/);
    expect(preview).toMatch(/endpoint\s*: (\[unknown\]|output<string>)/);
    expect(preview).toMatch(/validated\s*: "hmis.example.org"/);
    expect(preview).toMatch(/account\s*: "000000000000"/);
    expect(preview).toMatch(/vpcId\s*: (\[unknown\]|output<string>)/);
  });

  it("makes everything, in the region of each provider", async () => {
    await up();
    first = await outputs("one");
    expect(first.vpcArn).toBe(`arn:aws:ec2:eu-west-1:000000000000:vpc/${first.vpcId}`);
    expect(first.topics.map((arn) => arn.split(":")[3])).toEqual(["eu-west-1", "us-east-1"]);
    expect(first.endpoint).toMatch(/^hmis\.\w+\.eu-west-1\.rds\.amazonaws\.com:5432$/);
    expect(first.bucket).toMatch(/^dumps-[0-9a-f]{7}$/);
    expect(JSON.parse(first.policy)).toMatchObject({
      Statement: [{ Resource: `arn:aws:s3:::${first.bucket}` }],
    });
    expect(first.agent).toMatch(/^[0-9a-f]{64}$/);
  });

  it("keeps tags of the provider and of the resource together", async () => {
    const { resources } = await stateOf("one", { cwd: project.folder, env: backend.env });
    const vpc = resources.find(({ type }) => type === "aws:ec2/vpc:Vpc");
    expect(vpc?.outputs).toMatchObject({ tags: { Name: "net" }, tagsAll: { Name: "net", tenant: "moh" } });
  });

  it("leaves no secret readable in the state", async () => {
    const state = await succeed("stack", "export", "--stack", "one");
    expect(state).not.toContain(first.password);
    expect(state).not.toContain("PRIVATE KEY");
    const { resources } = JSON.parse(state).deployment as {
      resources: { type: string; outputs?: Record<string, { ciphertext?: string }> }[];
    };
    const database = resources.find(({ type }) => type === "aws:rds/instance:Instance");
    expect(database?.outputs?.["password"]?.ciphertext).toBeTruthy();
  });

  it("makes certificates that openssl verifies", () => {
    const [ca, leaf] = ["authority", "leaf"].map((name) => path.join(project.folder, `${name}.pem`)) as [
      string,
      string,
    ];
    writeFileSync(ca, first.authority);
    writeFileSync(leaf, first.leaf);
    const verified = execFileSync(
      "openssl",
      ["verify", "-verify_hostname", "hmis.example.org", "-purpose", "sslserver", "-CAfile", ca, leaf],
      { encoding: "utf8" },
    );
    expect(verified).toContain("leaf.pem: OK");
  });

  it("sees no change where there is none", async () => {
    await up("--expect-no-changes");
    await succeed("refresh", "--yes", "--expect-no-changes");
    expect(await outputs("one")).toEqual(first);
  });

  it("changes in place what can be", async () => {
    set({ instanceClass: "db.m7g.large" });
    expect(await up()).toMatch(/~ 1 updated/);
    const now = await outputs("one");
    expect(now).toEqual({ ...first, databaseClass: "db.m7g.large" });
  });

  it("replaces what cannot be, what depends on it, and what moves to another region", async () => {
    set({ cidrBlock: "10.1.0.0/16", elsewhere: "ca-central-1" });
    expect(await up()).toMatch(/\+-\s*3 replaced/);
    const now = await outputs("one");
    expect(now.vpcId).not.toBe(first.vpcId);
    expect(now.subnetId).not.toBe(first.subnetId);
    expect(now.topics[0]).toBe(first.topics[0]);
    expect(now.topics[1]).toMatch(/^arn:aws:sns:ca-central-1:/);
    expect(now.bucket).toBe(first.bucket);
  });

  it("draws other random values in another stack", async () => {
    await succeed("stack", "init", "two");
    await up("--stack", "two");
    const second = await outputs("two");
    for (const value of ["password", "bucket", "agent", "key", "vpcId"] as const) {
      expect(second[value]).not.toBe(first[value]);
    }
  });

  it("does not delete what is protected, and leaves nothing once it is not", async () => {
    set({ protected: true });
    await up("--stack", "two");
    const refused = await run("destroy", "--yes", "--skip-preview", "--stack", "two");
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toMatch(/database hmis cannot be deleted: it is protected/);
    set({ protected: false });
    await up("--stack", "two");
    for (const stack of ["one", "two"]) {
      await succeed("destroy", "--yes", "--skip-preview", "--stack", stack);
      const { resources } = await stateOf(stack, { cwd: project.folder, env: backend.env });
      expect(resources).toEqual([]);
    }
  });
});

/** What a preview of a small program says, with the exit code at the end. */
async function preview(program: string, yaml?: string): Promise<string> {
  const project = newProject({
    "index.js": `const aws = require("@pulumi/aws"); const here = { provider: new aws.Provider("eu", { region: "eu-west-1" }) };\n${program}`,
    ...(yaml ? { "Pulumi.yaml": yaml } : {}),
  });
  try {
    const run = (...args: string[]) => pulumi(args, { cwd: project.folder, env: backend.env });
    const stack = `refused-${Math.random().toString(36).slice(2)}`;
    await run("stack", "init", stack);
    const { code, stdout, stderr } = await run("preview", "--diff");
    return `${stdout}\n${stderr}\ncode ${code}`;
  } finally {
    project.remove();
  }
}

describe("refused in the preview", () => {
  it("a resource type that the table lacks", async () => {
    const said = await preview(`new aws.dynamodb.Table("t", { attributes: [], hashKey: "id" }, here);`);
    expect(said).toContain('aws in rehearsal has no resource type "aws:dynamodb/table:Table"');
    expect(said).not.toMatch(/code 0$/);
  });

  it("a function that the table lacks", async () => {
    const said = await preview(`exports.x = aws.ec2.getAmiOutput({}, here).id;`);
    expect(said).toContain('aws in rehearsal has no function "aws:ec2/getAmi:getAmi"');
    expect(said).not.toMatch(/code 0$/);
  });

  it("inputs that the real provider refuses, a resource's all at once and by name", async () => {
    const said = await preview(
      `new aws.rds.Instance("d", { instanceClass: "t4g", identifier: "a--b", backupRetentionPeriod: 36 }, here);`,
    );
    expect(said).toMatch(/"t4g" is not valid; allowed: a class such as db.t4g.medium/);
    expect(said).toMatch(/"a--b" is not valid/);
    expect(said).toMatch(/36 is not valid; allowed: 0 to 35/);
    expect(said).not.toMatch(/code 0$/);
  });

  it("a secret, without showing it", async () => {
    const said = await preview(
      `const password = require("@pulumi/pulumi").secret("kept@secret");
       new aws.rds.Instance("d", { instanceClass: "db.t4g.micro", password }, here);`,
    );
    expect(said).toMatch(/password is not valid; allowed: 8 to 128/);
    expect(said).not.toContain("kept@secret");
    expect(said).not.toMatch(/code 0$/);
  });

  it("a provider in no region", async () => {
    const said = await preview(
      `new aws.sns.Topic("t", {}, { provider: new aws.Provider("p", { region: "Ireland" }) });`,
    );
    expect(said).toContain('"Ireland" is not an AWS region');
    expect(said).not.toMatch(/code 0$/);
  });
});

it("names things as the project says", async () => {
  const said = await preview(
    `exports.name = new aws.sns.Topic("alarms", {}, here).name;`,
    `name: tiny\nruntime: { name: nodejs, options: { typescript: false } }\nconfig:\n  pulumi:autonaming:\n    value: { pattern: "moh-\${name}" }\n`,
  );
  expect(said).toMatch(/name\s*: "moh-alarms"/);
  expect(said).toMatch(/code 0$/);
});
