import { existsSync, readdirSync } from "node:fs";
import { copyFile, mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { PassThrough } from "node:stream";
import type { HostConfig } from "dockerode";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle, IN_POSTGRES } from "../../jobs/bundle";
import { createDhis2Like } from "../../jobs/testing/dhis2";
import { client, createApplicationRole, workDirectory } from "../../jobs/testing/importing";
import { startPostgres, type TestPostgres } from "../../jobs/testing/postgres";
import { buildImage, useEngine, type Engine } from "./engine";

const IMAGE = "dhistance-test/jobs";
const JOBS = path.join(__dirname, "../../jobs");
let engine: Engine;
let postgres: TestPostgres;
let work: Awaited<ReturnType<typeof workDirectory>>;

beforeAll(async () => {
  engine = await useEngine();
  work = await workDirectory();
  const context = work.path("context");
  await mkdir(context);
  await bundle(context);
  await copyFile(path.join(__dirname, "../../images/jobs/Dockerfile"), path.join(context, "Dockerfile"));
  await buildImage(engine.docker, IMAGE, { context });

  postgres = await startPostgres();
  await createApplicationRole(postgres);
  await createDhis2Like(postgres, "origin", { dataValues: 1000, events: 100 });
  await client(postgres, "pg_dump", ["-f", work.path("hmis.sql"), "origin"]);
  await client(postgres, "pg_dump", ["-Fc", "-f", work.path("hmis.dump"), "origin"]);
});
afterAll(async () => {
  await postgres?.stop();
  await work?.remove();
  await engine?.docker.getImage(IMAGE).remove({ force: true });
  await engine?.release();
});

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs one command as the components do: nothing may be written but `/tmp`, no capability is left. */
async function inImage(Cmd: string[], host: HostConfig = {}, input?: Buffer): Promise<Ended> {
  const container = await engine.docker.createContainer({
    ...{ Image: IMAGE, Cmd, Env: [`PGPASSWORD=${postgres.password}`] },
    ...(input && { OpenStdin: true, StdinOnce: true, AttachStdin: true }),
    HostConfig: {
      ...{ ReadonlyRootfs: true, CapDrop: ["ALL"], SecurityOpt: ["no-new-privileges"], NetworkMode: "none" },
      ...host,
    },
  });
  try {
    const attached = await container.attach({
      ...{ stream: true, stdout: true, stderr: true, hijack: true, stdin: input !== undefined },
    });
    const output = [new PassThrough(), new PassThrough()] as const;
    const texts = output.map(async (stream) => {
      let text = "";
      for await (const chunk of stream) text += String(chunk);
      return text;
    });
    engine.docker.modem.demuxStream(attached, ...output);
    attached.once("end", () => output.forEach((stream) => stream.end()));
    await container.start();
    if (input) attached.end(input);
    const { StatusCode: code } = (await container.wait()) as { StatusCode: number };
    const [stdout = "", stderr = ""] = await Promise.all(texts);
    return { code, stdout, stderr };
  } finally {
    await container.remove({ v: true, force: true });
  }
}

const onServer = () => ({
  NetworkMode: "host",
  Binds: ["hmis.sql", "hmis.dump"].map((name) => `${work.path(name)}:/dumps/${name}:ro`),
});
const into = (database: string) => [
  ...["--server", `postgres://${postgres.user}@${postgres.host}:${postgres.port}/postgres`],
  ...["--password-env", "PGPASSWORD", "--database", database, "--json"],
];
const dataValues = async (database: string) => {
  const [row] = await postgres.query<{ count: string }>("SELECT count(*) FROM datavalue", [], database);
  return Number(row?.count);
};
const lastEvent = ({ stdout }: Ended) => JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as object;

describe("the image of the data jobs", () => {
  it("runs as nobody, with nothing to write to but /tmp", async () => {
    const { Config } = await engine.docker.getImage(IMAGE).inspect();
    expect(Config.User).toBe("65534:65534");
    const script = "id -u; touch /opt/dhistance/x 2>&1; touch /tmp/x && echo /tmp";
    const { stdout } = await inImage(["sh", "-c", script]);
    expect(stdout.split("\n")).toEqual([
      "65534",
      "touch: cannot touch '/opt/dhistance/x': Read-only file system",
      "/tmp",
      "",
    ]);
  });

  it("has every job as a command of its own name", async () => {
    const jobs = readdirSync(JOBS).filter(
      (job) => existsSync(path.join(JOBS, job, "cli.ts")) && !IN_POSTGRES.includes(job),
    );
    expect(jobs).toContain("import");
    for (const job of jobs) {
      const ended = await inImage([job, "--help"]);
      expect(ended, job).toMatchObject({ code: 0, stderr: "" });
      expect(ended.stdout).toMatch(/^Usage: /);
    }
  });

  it.each(["hmis.sql", "hmis.dump"])("imports %s from a mounted file", async (dump) => {
    const database = dump.replace(".", "_");
    const ended = await inImage(["import", "run", `/dumps/${dump}`, ...into(database)], onServer());
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(lastEvent(ended)).toMatchObject({ event: "summary", outcome: "imported" });
    expect(await dataValues(database)).toBe(1000);
  });

  it.each(["hmis.sql", "hmis.dump"])("imports %s from standard input", async (dump) => {
    const database = `stdin_${dump.replace(".", "_")}`;
    const input = await readFile(work.path(dump));
    const ended = await inImage(["import", "run", "-", ...into(database)], onServer(), input);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(await dataValues(database)).toBe(1000);
  });

  it.each([
    // The form of an archive is 1.16 with PostgreSQL 18, too.
    ["archive", "-Fc", /\n( +\d+){5} +1 +16 +0\n/],
    ["SQL", "-Fp", /\n/],
  ])("takes the %s of its own pg_dump", async (form, flag, head) => {
    const { host, port, user } = postgres;
    const database = `newest_${form.toLowerCase()}`;
    const script = [
      `pg_dump --version; pg_dump ${flag} -h ${host} -p ${port} -U ${user} origin >/tmp/newest`,
      "head -c 8 /tmp/newest | od -An -tu1",
      `import run - ${into(database).join(" ")} </tmp/newest`,
    ].join(" && ");
    const ended = await inImage(["sh", "-c", script], onServer());
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toMatch(/^pg_dump \(PostgreSQL\) 17\.\d+/);
    expect(ended.stdout).toMatch(head);
    expect(await dataValues(database)).toBe(1000);
  });

  it("inspects without any network", async () => {
    for (const [dump, kind] of [
      ["hmis.sql", "plain SQL"],
      ["hmis.dump", "custom archive"],
    ]) {
      const { Binds } = onServer();
      const ended = await inImage(["import", "inspect", `/dumps/${dump}`], { Binds });
      expect(ended).toMatchObject({ code: 0 });
      expect(ended.stdout).toContain(kind);
      expect(ended.stdout).toMatch(/DHIS2 2\.42[\s\S]*It can be imported\./);
    }
  });

  it("ends with the job's exit code", async () => {
    const ended = await inImage(["import", "inspect", "/dumps/none"]);
    expect(ended).toMatchObject({ code: 3, stdout: "" });
    expect(ended.stderr).toMatch(/there is no such file/);
  });
});
