import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ofType, one, registered, type Registration } from "../testing/mocks";
import { makeServer, TARGET, tenant } from "../testing/tenant";
import { verifyDump } from "./dump";
import type { DumpImporterArgs } from "./contract";
import { DumpImporter } from "./index";
import { importedBy, refuseReimport } from "./reimport";

const folder = mkdtempSync(path.join(tmpdir(), "dump-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(path.join(folder, "hmis.sql"), "SELECT 1;\n");
const sha256 = createHash("sha256").update("SELECT 1;\n").digest("hex");

const make = (args: Partial<DumpImporterArgs> = {}) =>
  registered(() =>
    makeServer({
      import: {
        sha256,
        load: (server) =>
          new DumpImporter("moh-hmis-import", {
            tenant: tenant("premium"),
            server,
            dhis2: "42.5.2",
            dump: "hmis.sql",
            directory: folder,
            sha256,
            target: TARGET,
            ...args,
          }),
      },
    }),
  );

function importTask(made: Registration[]) {
  const { inputs } = one(made, "aws:ecs/taskDefinition:TaskDefinition", "moh-hmis-import-task");
  return JSON.parse(inputs.containerDefinitions as string)[0] as { command: string[]; environment: unknown };
}
function readable(made: Registration[]): string[] {
  const { inputs } = one(made, "aws:iam/rolePolicy:RolePolicy", "moh-hmis-import-task-policy");
  const statements = JSON.parse(inputs.policy as string).Statement as {
    Action: string[];
    Resource: string[];
  }[];
  return statements
    .filter(({ Action }) => Action.includes("s3:GetObject"))
    .flatMap(({ Resource }) => Resource);
}

describe("an import on AWS", () => {
  it("sends a file of this machine to a private bucket under its own sum, which the task alone may read", async () => {
    const made = await make();
    const object = one(made, "aws:s3/bucketObjectv2:BucketObjectv2", "moh-hmis-import-dump");
    expect(object.inputs.key).toBe(sha256);
    expect(importTask(made).command).toEqual([
      ...["import", "run", "--server"],
      "postgres://dhistance@moh-hmis-database.rds.internal:5432/postgres?sslmode=require",
      ...["--password-env", "PGPASSWORD", "--database", "dhis2", "--role", "dhis2"],
      ...["--sha256", sha256, "--dhis2-version", "42.5.2"],
      `s3://moh-hmis-import-dumps-id/${sha256}`,
    ]);
    expect(readable(made)).toEqual([expect.stringMatching(new RegExp(`moh-hmis-import-dumps/${sha256}$`))]);
  });

  it("says what the text's encoding is and what to leave out, and remembers both", async () => {
    const made = await make({ encoding: "WIN1252", leaveOut: ["public.old view", "-x"] });
    expect(importTask(made).command.slice(-7)).toEqual([
      ...["--encoding", "WIN1252", "--leave-out", "public.old view", "--leave-out", "-x"],
      `s3://moh-hmis-import-dumps-id/${sha256}`,
    ]);
    const { program } = await import("../../jobs/import/cli");
    const run = program().commands.find((command) => command.name() === "run");
    run?.parseOptions(importTask(made).command.slice(2));
    expect(run?.opts()).toMatchObject({ encoding: "WIN1252", leaveOut: ["public.old view", "-x"] });
  });

  it("may decrypt a dump that is in S3 under its owner's key, and nothing else with that key", async () => {
    const made = await make({ dump: "s3://incoming/moh/hmis.sql.gz" });
    const { inputs } = one(made, "aws:iam/rolePolicy:RolePolicy", "moh-hmis-import-task-policy");
    const { Statement } = JSON.parse(inputs.policy as string) as { Statement: { Action: string[] }[] };
    expect(Statement.filter(({ Action }) => Action.includes("kms:Decrypt"))).toEqual([
      {
        Sid: "DumpKey",
        Effect: "Allow",
        Action: ["kms:Decrypt"],
        Resource: ["arn:aws:kms:*:*:key/*"],
        Condition: {
          StringLike: { "kms:ViaService": "s3.*.amazonaws.com" },
          StringEquals: {
            "kms:EncryptionContext:aws:s3:arn": [
              "arn:aws:s3:::incoming/moh/hmis.sql.gz",
              "arn:aws:s3:::incoming",
            ],
          },
        },
      },
    ]);
  });

  it("is remembered without what was not asked for, as earlier versions did", () => {
    const asked = { sha256, dump: "hmis.sql" };
    expect(importedBy(asked)).toEqual({ ...asked, sanitised: false });
    expect(importedBy({ ...asked, leaveOut: [] })).toEqual({ ...asked, sanitised: false });
    expect(importedBy({ ...asked, sanitise: true, encoding: "SJIS", leaveOut: ["b", "a"] })).toEqual({
      ...asked,
      sanitised: true,
      encoding: "SJIS",
      leftOut: '["a","b"]',
    });
  });

  it("speaks a command line that the job understands", async () => {
    const { program } = await import("../../jobs/import/cli");
    const run = program().commands.find((command) => command.name() === "run");
    const [, , ...options] = importTask(await make({ sanitise: true, reimport: true })).command;
    const { unknown, operands } = run?.parseOptions(options) ?? { unknown: ["no command run"], operands: [] };
    expect(unknown).toEqual([]);
    expect(operands).toEqual([expect.stringContaining(sha256)]);
    expect(run?.opts()).toMatchObject({
      database: "dhis2",
      role: "dhis2",
      sha256,
      dhis2Version: "42.5.2",
      sanitise: true,
      reimport: true,
      passwordEnv: "PGPASSWORD",
    });
  });

  it("leaves a dump that is in S3 where it is", async () => {
    const made = await make({ dump: "s3://ministry/2026/hmis.sql.gz", sanitise: true });
    expect(ofType(made, "aws:s3/bucket:Bucket")).toEqual([]);
    expect(importTask(made).command).toContain("s3://ministry/2026/hmis.sql.gz");
    expect(importTask(made).command).toContain("--sanitise");
    expect(readable(made)).toEqual(["arn:aws:s3:::ministry/2026/hmis.sql.gz"]);
  });

  it("records what was imported, and nothing of this machine", async () => {
    const made = await make();
    expect(one(made, "pulumi:index:Stash", "moh-hmis-import-imported").inputs.input).toEqual({
      sha256,
      dump: "hmis.sql",
      sanitised: false,
    });
    expect(one(made, "dhistance:index:DumpImporter", "moh-hmis-import").inputs).toEqual({
      tenant: "moh",
      server: "hmis",
      dump: "hmis.sql",
      sha256,
    });
  });
});

describe("refuseReimport", () => {
  const [first, second] = ["a".repeat(64), "b".repeat(64)];
  const before = { sha256: first, dump: "old.sql" };
  const now = (sum: string) => ({ sha256: sum, dump: "new.sql", sanitised: false });

  it("lets the same dump pass, under whatever name, and another one that is meant", () => {
    expect(refuseReimport("hmis", before, now(first), false)).toBeUndefined();
    expect(refuseReimport("hmis", before, now(second), true)).toBeUndefined();
  });

  it("explains why another one is not loaded, and what to do", () => {
    const message = refuseReimport("hmis", before, now(second), false);
    expect(message).toMatch(/"hmis" holds the data of old\.sql \(sha256 aaaaaaaaaaaa…\)/);
    expect(message).toMatch(/new\.sql \(sha256 bbbbbbbbbbbb…\).*set reimport: true/);
  });
});

describe("verifyDump", () => {
  it("accepts the file with the given checksum", async () => {
    await expect(verifyDump(path.join(folder, "hmis.sql"), sha256)).resolves.toBeUndefined();
  });

  it("refuses another, and does not tell its sum, with which it could be asked for", async () => {
    const refused = verifyDump(path.join(folder, "hmis.sql"), "0".repeat(64));
    await expect(refused).rejects.toThrow(/hmis\.sql does not have the sha256 0{64} that the spec says/);
    await expect(refused).rejects.not.toThrow(sha256);
  });

  it("does not wait for a pipe, nor read a device", async () => {
    execFileSync("mkfifo", [path.join(folder, "pipe")]);
    for (const file of [path.join(folder, "pipe"), "/dev/zero", folder])
      await expect(verifyDump(file, sha256)).rejects.toThrow("is not a regular file");
  });

  it("refuses one that is not there", async () => {
    await expect(verifyDump(path.join(folder, "none.sql"), sha256)).rejects.toThrow(/ENOENT/);
  });
});
