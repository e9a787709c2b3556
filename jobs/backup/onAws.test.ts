/**
 * `npm run restore` of a server on AWS, as `docs/recovery.md` has it: the script, the engine, the stack's state, the copies,
 * restic, PostgreSQL and the jobs are real. The stack is brought up with the rehearsal's providers, and what is AWS's own
 * in its state is replaced, in an export that is imported again: the addresses of S3 and of the database by such on this
 * machine, the rehearsal's account by another. ECS is simulated (`jobs/testing/ecs.ts`): its tasks are real processes.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod, chown, mkdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runTask } from "../../components/aws/run-task";
import { copiesOf, type ServerCopies } from "../../scripts/copies";
import { outputsIn, type Deployment } from "../../scripts/deployment";
import { onPath } from "../../toolchain/machine";
import { certify } from "../../test/docker/certificate";
import { ROOT, TestTenants, type TenantStack } from "../../test/engine/tenants";
import { bundle } from "../bundle";
import { createDhis2Like } from "../testing/dhis2";
import { ecsOnThisMachine, type EcsOnThisMachine } from "../testing/ecs";
import { contents } from "../testing/everything";
import { workDirectory } from "../testing/importing";
import { postgresAccount, startPostgres, type TestPostgres } from "../testing/postgres";
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
let copies: ServerCopies;
let ecs: EcsOnThisMachine;
let environment: NodeJS.ProcessEnv;
/** The rows of the copy. */
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
    NO_COLOR: "1",
    AWS_SHARED_CREDENTIALS_FILE: s3.credentialsFile,
  };
  await tenants.platform(REGION, (file) => file.replaceAll("eu-west-1", REGION));
  stack = await tenants.stack(TENANT, { plan: "premium", maxServers: 2 }, (spec) => {
    spec.target.aws.region = REGION;
  });
  await stack.succeed("up", "--yes", "--skip-preview");
  const deployment = await moveToThisMachine();
  copies = copiesOf(TENANT, "hmis", deployment);
  const [container] = JSON.parse(
    String(find(deployment, "aws:ecs/taskDefinition:TaskDefinition", "export-hmis")["containerDefinitions"]),
  ) as [Parameters<typeof ecsOnThisMachine>[0]["definitions"][string]];
  const secret = secretsOf(deployment);
  ecs = await ecsOnThisMachine({
    cluster: copies.task.cluster,
    definitions: { [copies.task.taskDefinition]: container },
    secret,
    program: (job) => at(`${job}.cjs`),
    volumes: { files: at("files") },
    environment,
  });
  for (const name of ["ECS", "CLOUDWATCH_LOGS"]) environment[`AWS_ENDPOINT_URL_${name}`] = ecs.url;
  const password = secret(container.secrets.find(({ name }) => name === "PGPASSWORD")?.valueFrom ?? "");
  await postgres.query(`CREATE ROLE ${ADMINISTRATOR} LOGIN SUPERUSER PASSWORD '${password}'`);
  for (const server of [postgres, another]) await server.query("CREATE ROLE dhis2 LOGIN");
  await createDhis2Like(postgres, "dhis2", { dataValues: 2000, events: 200 });
  exported = await contents(postgres, "dhis2");
  // Analytics are in no copy, and the tables are empty.
  for (const table of Object.keys(exported))
    if (table.startsWith("public.analytics_")) exported[table] = "0 ";
  await exportOnce();
});
afterAll(async () => {
  await Promise.all([postgres?.stop(), another?.stop(), s3?.stop(), ecs?.stop()]);
  tenants?.remove();
  await work?.remove();
});

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
async function moveToThisMachine(): Promise<Deployment> {
  const { stdout } = await stack.succeed("stack", "export");
  const { address } = find(
    (JSON.parse(stdout) as { deployment: Deployment }).deployment,
    "aws:rds/instance:Instance",
    "hmis-database",
    `${TENANT}-`,
  );
  const cloud = /https:\/\/s3\.us-east-1\.amazonaws\.com\/([^/"\\]+)\/hmis/;
  const [from = "", bucket = ""] = cloud.exec(stdout) ?? [];
  await s3.client.send(new CreateBucketCommand({ Bucket: bucket }));
  const moved = stdout
    .replaceAll(from, s3.place(bucket, "hmis").replace(/^s3:/, ""))
    .replaceAll(`${String(address)}:5432`, `127.0.0.1:${postgres.port}`)
    .replaceAll(":000000000000:", ":111122223333:");
  await writeFile(work.path("state.json"), moved);
  await stack.succeed("stack", "import", "--file", work.path("state.json"));
  const state = await stack.succeed("stack", "export", "--show-secrets");
  return (JSON.parse(state.stdout) as { deployment: Deployment }).deployment;
}

function find(deployment: Deployment, type: string, name: string, prefix = `${TENANT}-vault-`) {
  const outputs = outputsIn(deployment, type, `${prefix}${name}`);
  if (!outputs) throw new Error(`no ${name} in the state`);
  return outputs;
}

/** As Secrets Manager finds them: by ARN, and by a key if the value is a JSON object. */
function secretsOf(deployment: Deployment): (valueFrom: string) => string {
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
  const { region, task } = copies;
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
      path.join(ROOT, "node_modules/.bin/tsx"),
      ["scripts/restore.ts", TENANT, server, ...options],
      { cwd: ROOT, env: { ...stack.env, ...environment } },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, output: `${stdout}${stderr}` }),
    );
  });
}

/** What the page has a person type, without what it says of it. */
const [, section = ""] =
  /^## On AWS.*?$(.*?)^## /ms.exec(readFileSync(path.join(ROOT, "docs/recovery.md"), "utf8")) ?? [];
const commands = [...section.matchAll(/npm run restore -- TENANT SERVER *([^#\n]*?) *(?:#.*)?$/gm)].map(
  ([, options]) => options ?? "",
);
/** Runs the one that begins so, with values in the place of the page's words. */
function typed(begin: string, values: Record<string, string> = {}, ...more: string[]): Promise<Ended> {
  const found = commands.find((options) => options.split(" ")[0] === begin);
  expect(found, "a command of the page").toBeDefined();
  const options = (found ?? "").split(" ").filter(Boolean);
  return restore("hmis", ...options.map((option) => values[option] ?? option), ...more, "--yes");
}

const databases = async () =>
  (await postgres.query<{ datname: string }>("SELECT datname FROM pg_database"))
    .map(({ datname }) => datname)
    .filter((name) => name.startsWith("dhis2"));

it("runs every command of the page", () => {
  expect(commands.map((options) => options.split(" ")[0])).toEqual([
    ...["", "--replace", "--undo", "--confirm", "--to"],
  ]);
});

it("lists what there is in the cloud, and how to ask the customer's own host", async () => {
  const { code, output } = await typed("");
  expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/hmis, [\d,]+ rows/) as string });
  expect(output).toMatch(/docker -H \S+ exec moh-premium-vault-agent-1 backup list/);
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
    output: expect.stringContaining('is there a server "training"') as string,
  });
  expect(await contents(another, "hmis")).toEqual(exported);
});

it("replaces the live database by a task, and the script fails as the task does", async () => {
  await postgres.query("DELETE FROM event", undefined, "dhis2");
  const live = await contents(postgres, "dhis2");
  expect(live).not.toEqual(exported);

  const failed = await restore("hmis", "--replace", "--snapshot", "ffffffff", "--yes");
  expect(failed).toEqual({
    code: 3,
    output: expect.stringMatching(/restore of hmis failed \(exit code 3.*ffffffff/s) as string,
  });
  expect(await contents(postgres, "dhis2")).toEqual(live);

  const replaced = await typed("--replace");
  expect(replaced).toEqual({ code: 0, output: expect.stringMatching(/^Restored dhis2/m) as string });
  expect(await contents(postgres, "dhis2")).toEqual(exported);
  expect(await databases()).toHaveLength(2);
  const { subnets, securityGroups } = copies.task;
  expect(ecs.started.at(-1)?.networkConfiguration?.awsvpcConfiguration).toMatchObject({
    subnets,
    securityGroups,
  });

  expect(await typed("--undo")).toEqual({
    code: 0,
    output: expect.stringContaining("Rolled back") as string,
  });
  expect(await contents(postgres, "dhis2")).toEqual(live);
  expect(await typed("--confirm")).toEqual({
    code: 0,
    output: expect.stringContaining("Dropped dhis2_before_") as string,
  });
  expect(await databases()).toEqual(["dhis2"]);
  expect(await contents(postgres, "dhis2")).toEqual(live);
});
