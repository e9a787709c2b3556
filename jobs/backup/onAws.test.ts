/**
 * `npm run restore` of a server on AWS, as `docs/recovery/aws.md` has it: the script, the engine, the stack's state, the backups,
 * restic, PostgreSQL and the jobs are real. The stack is brought up with the rehearsal's providers, and what is AWS's own
 * in its state is replaced, in an export that is imported again: the addresses of S3 and of the database by such on this
 * machine, the rehearsal's account by another. ECS is simulated (`jobs/testing/ecs.ts`): its tasks are real processes. The
 * application is a stand-in that makes no analytics tables (`jobs/testing/application.ts`).
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod, chown, mkdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runTask } from "../../operations/aws/runTask";
import { SECRETS } from "../../components/jobs";
import { serverIn, type ServerOnAws } from "../../scripts/lib/restore/serverOnAws";
import { outputsIn, type StackState } from "../../scripts/lib/pulumi/stackState";
import { onPath } from "../../tools/toolchain/installedEngine";
import { certify } from "../../test/docker/certificate";
import { ROOT, TestTenants, type TenantStack } from "../../test/engine/tenants";
import type { Notice } from "../analytics/makeAnalytics";
import { bundle } from "../bundle";
import { startApplicationStandIn, type ApplicationStandIn } from "../testing/application";
import { createDhis2Like } from "../testing/dhis2";
import { ecsOnThisMachine, type Container, type EcsOnThisMachine } from "../testing/ecs";
import { backedUpContents } from "../testing/backups";
import { contents } from "../testing/everyKindOfObject";
import { workDirectory } from "../testing/importing";
import { freePort, postgresAccount, startPostgres, type TestPostgres } from "../testing/postgres";
import { startS3, type TestS3 } from "../testing/s3";
import { useRestic } from "../testing/tools";

/** One whose stack file is in the checkout, for the script reads that, too. The S3 server takes this region alone. */
const TENANT = "moh-premium";
const REGION = "us-east-1";
const ADMINISTRATOR = "dhistance";

let work: Awaited<ReturnType<typeof workDirectory>>;
let postgres: TestPostgres;
let another: TestPostgres;
let s3: TestS3;
let tenants: TestTenants;
let stack: TenantStack;
let hmis: ServerOnAws;
let ecs: EcsOnThisMachine;
let application: ApplicationStandIn;
/** Where it answers while it runs. */
let applicationPort: number;
/** What it says of its next analytics. */
let analytics: Omit<Notice, "uid">[][] = [];
let adminPassword: string;
let environment: NodeJS.ProcessEnv;
/** The rows of the restored database. */
let exported: Record<string, string>;

beforeAll(async () => {
  await useRestic();
  work = await workDirectory();
  const at = work.path;
  await Promise.all([chmod(at("."), 0o755), mkdir(at("bin")), mkdir(at("files")), bundle(at("."))]);
  await writeFile(at("files/one"), "a file");
  // The script takes tools of the checkout's own cache off its PATH.
  await symlink(onPath("restic", process.env)[0] ?? "", at("bin/restic"));
  [postgres, another, s3, tenants] = await Promise.all([
    tlsPostgres(),
    startPostgres(),
    startS3(),
    TestTenants.start({ platform: false }),
  ]);
  environment = {
    PATH: [at("bin"), process.env["PATH"]].join(path.delimiter),
    ...{ NO_COLOR: "1", NODE_NO_WARNINGS: "1" },
    AWS_SHARED_CREDENTIALS_FILE: s3.credentialsFile,
  };
  await tenants.platform(REGION, (file) => file.replaceAll("eu-west-1", REGION));
  stack = await tenants.stack(TENANT, { plan: "premium", maxServers: 2 }, (spec) => {
    spec.target.aws.region = REGION;
  });
  await stack.succeed("up", "--yes", "--skip-preview");
  applicationPort = await freePort();
  const deployment = await moveToThisMachine();
  hmis = serverIn(deployment, TENANT, "hmis");
  const container = containerOf(deployment, `${TENANT}-vault-export-hmis`);
  const secret = secretsOf(deployment);
  const secured = containersOf(deployment, `${TENANT}-hmis-secure-admin`);
  const [beforeStart] = secured as [Container];
  // As `secure-admin` gave it to DHIS2.
  adminPassword = secret(secretIn(beforeStart, SECRETS.admin));
  ecs = await ecsOnThisMachine({
    cluster: hmis.task.cluster,
    definitions: { [hmis.task.taskDefinition]: [container], [hmis.secureAdmin]: secured },
    secret,
    program: (job) => at(`${job}.cjs`),
    volumes: { files: at("files") },
    environment,
    application: { arn: hmis.service.arn, start: startApplication, stop: () => application.stop() },
  });
  await startApplication();
  for (const name of ["ECS", "CLOUDWATCH_LOGS"]) environment[`AWS_ENDPOINT_URL_${name}`] = ecs.url;
  const password = secret(secretIn(container, SECRETS.administrator));
  await postgres.query(`CREATE ROLE ${ADMINISTRATOR} LOGIN SUPERUSER PASSWORD '${password}'`);
  for (const server of [postgres, another]) await server.query("CREATE ROLE dhis2 LOGIN");
  await postgres.query(`ALTER ROLE dhis2 PASSWORD '${secret(secretIn(beforeStart, SECRETS.role))}'`);
  await createDhis2Like(postgres, "dhis2", { dataValues: 2000, events: 200 });
  exported = await backedUpContents(postgres, "dhis2");
  await exportOnce();
});
afterAll(async () => {
  await Promise.all([postgres?.stop(), another?.stop(), s3?.stop(), ecs?.stop(), application?.stop()]);
  tenants?.remove();
  await work?.remove();
});

async function startApplication(): Promise<void> {
  application = await startApplicationStandIn(adminPassword, analytics, applicationPort);
}

/** RDS takes no connection without TLS, nor does the command in the state ask for one. */
async function tlsPostgres(): Promise<TestPostgres> {
  const [certificate, privateKey] = [work.path("postgres.crt"), work.path("postgres.key")];
  certify("127.0.0.1", { certificate, privateKey });
  const { uid, gid } = postgresAccount();
  if (uid !== undefined && gid !== undefined) await chown(privateKey, uid, gid);
  await chmod(privateKey, 0o600);
  return startPostgres({ ssl: "on", ssl_cert_file: certificate, ssl_key_file: privateKey });
}

/** @returns the state that the script will find, its secrets in plain text */
async function moveToThisMachine(): Promise<StackState> {
  const { stdout } = await stack.succeed("stack", "export");
  const { deployment } = JSON.parse(stdout) as { deployment: StackState };
  const { address } = find(deployment, "aws:rds/instance:Instance", `${TENANT}-hmis-database`);
  const cloud = /https:\/\/s3\.us-east-1\.amazonaws\.com\/([^/"\\]+)\/hmis/;
  const [from = "", bucket = ""] = cloud.exec(stdout) ?? [];
  await s3.client.send(new CreateBucketCommand({ Bucket: bucket }));
  const moved = stdout
    .replaceAll(from, s3.location(bucket, "hmis").replace(/^s3:/, ""))
    .replaceAll(`${String(address)}:5432`, `127.0.0.1:${postgres.port}`)
    .replaceAll("http://127.0.0.1:8080", `http://127.0.0.1:${applicationPort}`)
    .replaceAll("https://moh-premium.moh.example.org", `http://127.0.0.1:${applicationPort}`)
    .replaceAll(":000000000000:", ":111122223333:");
  await writeFile(work.path("state.json"), moved);
  await stack.succeed("stack", "import", "--file", work.path("state.json"));
  const state = await stack.succeed("stack", "export", "--show-secrets");
  return (JSON.parse(state.stdout) as { deployment: StackState }).deployment;
}

function find(deployment: StackState, type: string, name: string) {
  const outputs = outputsIn(deployment, type, name);
  if (!outputs) throw new Error(`no ${name} in the state`);
  return outputs;
}

function containersOf(deployment: StackState, name: string): Container[] {
  const { containerDefinitions } = find(deployment, "aws:ecs/taskDefinition:TaskDefinition", name);
  return JSON.parse(String(containerDefinitions)) as Container[];
}
/** The one of a task definition. */
const containerOf = (deployment: StackState, name: string) =>
  (containersOf(deployment, name) as [Container])[0];
const secretIn = ({ secrets }: Container, variable: string) =>
  secrets.find(({ name }) => name === variable)?.valueFrom ?? "";

/** As Secrets Manager finds them: by ARN, and by a key if the value is a JSON object. */
function secretsOf(deployment: StackState): (valueFrom: string) => string {
  const versions = (deployment.resources ?? [])
    .filter(({ type }) => type === "aws:secretsmanager/secretVersion:SecretVersion")
    .map(({ type, urn }) => outputsIn(deployment, type, urn.slice(urn.lastIndexOf("::") + 2)));
  return (valueFrom) => {
    const parts = valueFrom.split(":");
    const arn = parts.slice(0, 7).join(":");
    const value = String(versions.find((version) => version?.["arn"] === arn)?.["secretString"]);
    const key = parts[7];
    return key ? ((JSON.parse(value) as Record<string, string>)[key] ?? "") : value;
  };
}

/** As EventBridge's scheduler starts it every day: the task's own command. */
async function exportOnce(): Promise<void> {
  const { region, task } = hmis;
  const before = { ...process.env };
  Object.assign(process.env, environment);
  try {
    await runTask("export", { ...task, region, container: "export", patience: 60 }, async () => undefined);
  } finally {
    process.env = before;
  }
}

interface Ended {
  code: number | null;
  output: string;
}

function restore(server: string, ...options: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ["scripts/bin.mjs", "restore", TENANT, server, ...options],
      { cwd: ROOT, env: { ...stack.env, ...environment } },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, output: `${stdout}${stderr}` }),
    );
  });
}

/** What the page has a person type, without what it says of it. */
const page = readFileSync(path.join(ROOT, "docs/recovery/aws.md"), "utf8");
const commands = [...page.matchAll(/npm run restore -- TENANT SERVER *([^#\n]*?) *(?:#.*)?$/gm)].map(
  ([, options]) => options ?? "",
);
/** Runs the one that begins so, with values in the place of the page's words. */
function typed(begin: string, values: Record<string, string> = {}, ...more: string[]): Promise<Ended> {
  const found = commands.filter((options) => options.split(" ")[0] === begin);
  expect(found, `commands of the page that begin with ${begin}`).toHaveLength(1);
  const options = (found[0] ?? "").split(" ").filter(Boolean);
  return restore("hmis", ...options.map((option) => values[option] ?? option), ...more, "--yes");
}

const databases = async () =>
  (await postgres.query<{ datname: string }>("SELECT datname FROM pg_database"))
    .map(({ datname }) => datname)
    .filter((name) => name.startsWith("dhis2"));

/** What ECS was made to do by what is done. */
async function effects(work: () => Promise<Ended>): Promise<Ended & { events: string[] }> {
  const before = ecs.events.length;
  return { ...(await work()), events: ecs.events.slice(before) };
}
/** Where the default password could have come back it is looked for before anything reaches DHIS2. */
const SECURED = ["before-start", "after-start"].flatMap((step) => [
  `secure-admin ${step} began`,
  `secure-admin ${step} ended with 0`,
]);
/** DHIS2 is down for as long as the task runs, and no longer. */
const whileDown = (command: string, code: number, up = ["application up"]) => [
  ...["application down", `${command} began`, `${command} ended with ${code}`],
  ...SECURED,
  ...up,
];

const ASKED = [
  "GET /api/configuration/dataOutputPeriodTypes",
  "POST /api/resourceTables/analytics",
  "GET /api/system/tasks/ANALYTICS_TABLE/x1",
];
const said = (level: string, message: string) => [{ level, message, completed: true }];
const saying = (text: string) => expect.stringContaining(text) as string;

it("runs every command of the page", () => {
  expect(commands.map((options) => options.split(" ")[0])).toEqual([
    ...["", "--replace", "--undo", "--confirm", "--analytics", "--to"],
  ]);
});

it("lists what there is in the cloud, and how to ask the customer's own host", async () => {
  const { code, output } = await typed("");
  expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/hmis, [\d,]+ rows/) as string });
  expect(output).toMatch(/docker -H \S+ exec moh-premium-vault-agent-office-[0-9a-f]{6} backup list/);
});

it("restores into any server that this machine reaches", async () => {
  const passwordFile = work.path("another-password");
  await writeFile(passwordFile, another.password);
  const at = (port: number) => ({
    URL: `postgres://postgres@127.0.0.1:${port}/postgres`,
    FILE: passwordFile,
  });
  const scratch = ["--scratch", work.path(".")];
  const { code, output } = await typed("--to", at(another.port), ...scratch);
  expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/^Restored hmis/m) as string });
  expect(await contents(another, "hmis")).toEqual(exported);

  // A server with another password.
  expect(await typed("--to", at(postgres.port), ...scratch)).toMatchObject({ code: 5 });
  expect(await restore("training", "--replace", "--yes")).toEqual({
    code: 2,
    output: saying('Check the name of server "training"'),
  });
  expect(await contents(another, "hmis")).toEqual(exported);
});

describe("in the live database's place", () => {
  let live: Record<string, string>;
  beforeAll(async () => {
    await postgres.query("DELETE FROM event", undefined, "dhis2");
    live = await contents(postgres, "dhis2");
    expect(live).not.toEqual(exported);
  });

  it("stops nothing for a backup that is not there", async () => {
    expect(await effects(() => typed("--replace", {}, "--snapshot", "ffffffff"))).toEqual({
      ...{ code: 3, output: saying("There is no backup ffffffff"), events: [] },
    });
  });

  it("starts DHIS2 after a restore that failed, too, its default password replaced, and says once why it failed", async () => {
    const another = new Client({ connectionString: postgres.url("postgres") });
    await another.connect();
    await another.query("SELECT pg_advisory_lock(hashtext('dhistance import'), hashtext('dhis2'))");
    const { output, ...ended } = await effects(() => typed("--replace"));
    await another.end();
    expect(ended).toEqual({ code: 7, events: whileDown("backup restore", 7) });
    expect(output).toMatch(/Not restored\. restore of hmis failed \(exit code 7/);
    expect(output.match(/Another import/g)).toHaveLength(1);
    expect(output).toContain(`--service ${hmis.service.arn} --desired-count 1 --force-new-deployment`);
    expect(application.asked).toEqual([]);
    expect(await contents(postgres, "dhis2")).toEqual(live);
  });

  it("replaces it while DHIS2 is stopped; what prevents the analytics is said, and prevents nothing", async () => {
    analytics = [said("ERROR", "no space left")];
    const { output, ...ended } = await effects(() => typed("--replace"));
    expect(ended).toEqual({ code: 0, events: whileDown("backup restore", 0) });
    expect(output).toMatch(/^Restored dhis2/m);
    expect(application.asked).toEqual(ASKED);
    expect(output).not.toContain("No signature was verified");
    expect(output).toContain("DHIS2 could not make its analytics tables: no space left");
    expect(output).toMatch(/^DHIS2 runs\. .* npm run restore -- moh-premium hmis --analytics$/m);
    expect(await contents(postgres, "dhis2")).toEqual(exported);
    expect(await databases()).toHaveLength(2);
    const { subnets, securityGroups } = hmis.task;
    const where = { awsvpcConfiguration: { subnets, securityGroups } };
    expect(ecs.started.at(-1)?.networkConfiguration).toMatchObject(where);
  });

  it("has the analytics made by the command that was said, while DHIS2 runs", async () => {
    await application.stop();
    analytics = [said("INFO", "Analytics tables updated")];
    await startApplication();
    expect(await effects(() => typed("--analytics"))).toEqual({
      ...{ code: 0, output: saying("Analytics tables updated\nThe analytics tables are made."), events: [] },
    });
    expect(application.asked).toEqual(ASKED);
  });

  it("goes back; DHIS2 that does not start is said with the command that starts it", async () => {
    ecs.service.failing = "ECS deployment circuit breaker: tasks failed to start.";
    const { output, ...ended } = await effects(() => typed("--undo"));
    ecs.service.failing = undefined;
    expect(ended).toEqual({ code: 5, events: whileDown("import rollback", 0, []) });
    expect(output).toMatch(
      /DHIS2 does not run\. start of hmis failed \(ECS deployment circuit breaker: .*--desired-count 1/s,
    );
    expect(await contents(postgres, "dhis2")).toEqual(live);
  });

  it("starts DHIS2 that was left stopped; in JSON all that it says is JSON", async () => {
    const { output, ...ended } = await effects(() => typed("--undo", {}, "--json"));
    const [, ...whileStopped] = whileDown("import rollback", 0);
    expect(ended).toEqual({ code: 0, events: whileStopped });
    const events = output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { event: string });
    expect(events.map(({ event }) => event)).toContain("rolled-back");
    // Its analytics tables are its own.
    expect(application.asked).toEqual([]);
    expect(await contents(postgres, "dhis2")).toEqual(exported);
  });

  it("drops what was kept, while DHIS2 runs", async () => {
    expect(await effects(() => typed("--confirm"))).toEqual({
      ...{ code: 0, output: saying("Dropped dhis2_before_") },
      events: ["import confirm began", "import confirm ended with 0"],
    });
    expect(await databases()).toEqual(["dhis2"]);
    expect(await contents(postgres, "dhis2")).toEqual(exported);
  });
});
