/**
 * `npm run bench:backup -- [data values] [events]`: the portable backups against PostgreSQL's own programs, on one
 * database in one run, as processes the way the jobs image starts them. The cloud is an S3 server on this machine, so
 * what is measured is work and bytes, not a line.
 *
 * - export against `pg_dump -Fd -j2 -Z0` (what the export itself runs) and `-Fc`, to files alone
 * - restore against `pg_restore -j2` of a `-Fd` dump; ours also fetches, gathers statistics, compares every table, swaps
 * - after 1% of the data values have changed: bytes that the next export and the next pull move, against a full backup
 * - a drill: RPO and RTO
 */
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Drill } from "../jobs/backup/drill";
import { sizeOf } from "../jobs/backup/fileStore";
import { lastEvent, startBackupWorld, type BackupWorld } from "../jobs/testing/backups";

const [dataValues = 1_000_000, events = 100_000] = process.argv.slice(2).map(Number);
const run = promisify(execFile);
const MIB = 2 ** 20;

async function main(): Promise<void> {
  say(`Making a database of ${dataValues} data values and ${events} events …`);
  const world = await startBackupWorld({ dataValues, events });
  try {
    await measure(world);
  } finally {
    await world.stop();
  }
}

async function measure(world: BackupWorld): Promise<void> {
  const { backup, exportTo, inLocation, path, postgres, s3, server } = world;
  const cloud = s3.location("copies", "hmis");
  const local = path("copies/hmis");
  const ours = async (...parameters: string[]): Promise<string> => {
    const { code, stdout, stderr } = await backup(...parameters, "--json");
    if (code !== 0) throw new Error(stderr);
    return stdout;
  };
  const theirs = (program: string, ...parameters: string[]) =>
    run(
      join(postgres.binDirectory, program),
      ["-h", postgres.host, "-p", `${postgres.port}`, ...parameters],
      {
        env: { ...process.env, PGUSER: postgres.user, PGPASSWORD: postgres.password },
      },
    );

  const [{ bytes = 0 } = {}] = await postgres.query<{ bytes: number }>(
    "SELECT pg_database_size('hmis')::float8 AS bytes",
  );
  say(`The database is ${mib(bytes)} on disk.`);
  const plain = await timed(() => theirs("pg_dump", "-Fd", "-j2", "-Z0", "-f", path("plain"), "hmis"));
  const custom = await timed(() => theirs("pg_dump", "-Fc", "-f", path("custom"), "hmis"));
  const dumped = (await sizeOf(path("plain"))).bytes;
  let first: { added: number } | undefined;
  const full = await timed(async () => {
    first = lastEvent<{ added: number }>(await ours(...exportTo(cloud)), "exported");
  });
  rate("pg_dump -Fd -j2 -Z0", plain, dumped);
  rate("pg_dump -Fc", custom, dumped);
  rate("export, the first", full, dumped);
  say(`  ${ratio(full / plain)} the time of pg_dump -Fd, ${ratio(full / custom)} that of pg_dump -Fc`);

  await writeFile(
    path("replicate.json"),
    JSON.stringify({
      ...{ servers: ["hmis"], source: cloud.replace(/\/hmis$/, ""), backups: path("copies") },
      ...{ cloudPasswordFile: path("cloud-password"), localPasswordFile: path("local-password") },
      ...{ publicKeyFile: path("signing.pub"), retentionDays: 30 },
    }),
  );
  const pull = () => ours("replicate", "--config", path("replicate.json"), "--once");
  const month = new Date().toISOString().slice(0, 7);
  const held = async () => (await sizeOf(join(local, month))).bytes;
  const pulled = await timed(pull);
  const whole = await held();
  rate("pull, the first", pulled, whole);

  // As the values of one period, which are entered together; and the worst that can be: each in another place.
  const changes = {
    "in one stretch": "ctid IN (SELECT ctid FROM datavalue ORDER BY ctid DESC LIMIT $1 / 100)",
    "scattered over the table": "random() < 0.01 AND $1::int > 0",
  };
  for (const [how, which] of Object.entries(changes)) {
    const change = `UPDATE datavalue SET value = (random() * 1000)::int::text WHERE ${which}`;
    await postgres.query(change, [dataValues], "hmis");
    const before = await held();
    let next: { added: number } | undefined;
    const again = await timed(async () => {
      next = lastEvent<{ added: number }>(await ours(...exportTo(cloud)), "exported");
    });
    rate(`export, 1% changed ${how}`, again, dumped);
    const [fullBytes, moreBytes] = [first?.added ?? NaN, next?.added ?? NaN];
    say(
      `  it adds ${mib(moreBytes)} to the first one's ${mib(fullBytes)} (before compression): ${percent(moreBytes / fullBytes)}`,
    );
    await pull();
    const more = (await held()) - before;
    say(`  the pull brings ${mib(more)}, the first ${mib(whole)} (as stored): ${percent(more / whole)}`);
  }

  await postgres.query("CREATE DATABASE theirs TEMPLATE template0 ENCODING 'UTF8'");
  const restoring = await timed(() => theirs("pg_restore", "-j2", "-d", "theirs", path("plain")));
  await postgres.query("DROP DATABASE theirs");
  const restored = await timed(() =>
    ours("restore", ...inLocation(local), ...server(), "--database", "ours"),
  );
  rate("pg_restore -j2", restoring, dumped);
  rate("restore from the local copy", restored, dumped);
  say(`  ${ratio(restored / restoring)} the time of pg_restore`);
  await postgres.query("DROP DATABASE ours");

  rmSync(path("plain"), { recursive: true });
  const figures = lastEvent<Drill>(await ours("drill", ...inLocation(local)), "drilled");
  say(
    `drill of the local copy: RPO ${figures?.rpoSeconds} s, RTO ${figures?.rtoSeconds} s (fetched in ${figures?.seconds.fetch}, loaded in ` +
      `${figures?.seconds.load}, compared in ${figures?.seconds.compare}); ${figures?.rows} rows`,
  );
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - began) / 1e9;
}

function rate(what: string, seconds: number, bytes: number): void {
  say(`${what.padEnd(44)}${seconds.toFixed(1).padStart(7)} s ${mib(bytes / seconds).padStart(10)}/s`);
}

const mib = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;
const ratio = (value: number) => `${value.toFixed(2)} times`;
const percent = (value: number) => `${(value * 100).toFixed(1)}%`;
const say = (line: string) => process.stdout.write(`${line}\n`);

void main();
