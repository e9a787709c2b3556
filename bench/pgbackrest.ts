/**
 * `npm run bench:pgbackrest -- [rows]`: the backups of a server on Docker against PostgreSQL's own programs and against
 * pgBackRest by hand with its defaults (gzip, one process, no encryption, whole files), on one database in one run, in
 * the containers that ship. The backups are those on disk: what is measured is work and bytes, not a line.
 *
 * - a full backup against `pg_dump -Fd -j2 -Z0`, `pg_dump -Fc`, and by hand
 * - a restore against `pg_restore -j2` and by hand; ours also closes the WAL and replays it to the end
 * - after 1% of the rows have changed: the bytes of an incremental backup against those of a full one
 */
import { useEngine } from "../test/docker/engine";
import { startDatabaseWithBackups, type DatabaseWithBackups } from "../test/docker/databaseWithBackups";

const [rows = 3_000_000] = process.argv.slice(2).map(Number);
const MIB = 2 ** 20;
const WORK = "/var/lib/postgresql/data/bench";
/** By hand: a repository of its own on the same disk. It does not wait for WAL, because it gets none. */
const PLAIN = "/tmp/plain.conf";
const byHand = (...command: string[]) => ["pgbackrest", `--config=${PLAIN}`, ...command];

async function main(): Promise<void> {
  const engine = await useEngine();
  try {
    const pair = await startDatabaseWithBackups(engine, "bench-pgbackrest");
    try {
      await measure(pair);
    } finally {
      await pair.stop();
    }
  } finally {
    await engine.release();
  }
}

async function measure(pair: DatabaseWithBackups): Promise<void> {
  const { succeed, sql } = pair;
  const timed = async (...command: string[]): Promise<number> => {
    const began = process.hrtime.bigint();
    await succeed(...command);
    return Number(process.hrtime.bigint() - began) / 1e9;
  };
  /** Bytes that the newest backup added to its repository. */
  const added = async (...info: string[]): Promise<number> => {
    const [stanza] = JSON.parse(
      await succeed(...info, "info", "--output=json", "--log-level-console=off"),
    ) as { backup: { info: { repository: { delta: number } } }[] }[];
    return stanza?.backup.at(-1)?.info.repository.delta ?? NaN;
  };
  const ofOurs = () => added("pgbackrest", "--repo=1");
  const ofTheirs = () => added(...byHand());

  say(`Making a table of ${rows} rows …`);
  await sql(`create table datavalue as
    select n as dataelementid, n % 1000 as periodid, n % 5000 as sourceid, md5(n::text) as comment,
      (random() * 1000)::int::text as value, now() as lastupdated from generate_series(1, ${rows}) n`);
  await sql("alter table datavalue add primary key (dataelementid)");
  await sql("vacuum analyze datavalue");
  say(`The database is ${mib(Number(await sql("select pg_database_size('postgres')")))} on disk.`);
  await succeed("mkdir", "-p", WORK);

  const directory = await timed("pg_dump", "-Fd", "-j2", "-Z0", "-f", `${WORK}/plain`);
  const custom = await timed("pg_dump", "-Fc", "-f", `${WORK}/custom`);
  await succeed(
    ...["sh", "-c"],
    `printf '[dhis2]\npg1-path=%s\npg1-user=%s\npg1-database=postgres\n[global]\nrepo1-path=/var/lib/pgbackrest/by-hand\nlog-level-file=off\n` +
      `lock-path=/tmp/by-hand\nstart-fast=y\narchive-check=n\n' "$PGDATA" "$PGUSER" >${PLAIN}`,
  );
  await succeed(...byHand("stanza-create"));
  const theirs = await timed(...byHand("backup", "--type=full"));
  const theirBytes = await ofTheirs();
  const ours = await timed("pitr", "backup", "disk", "full");
  const ourBytes = await ofOurs();
  rate("pg_dump -Fd -j2 -Z0", directory);
  rate("pg_dump -Fc", custom);
  rate("full backup by hand", theirs, theirBytes);
  rate("full backup", ours, ourBytes);
  say(
    `  ${ratio(ours / directory)} the time of pg_dump -Fd, ${ratio(ours / custom)} that of pg_dump -Fc, ${ratio(ours / theirs)} that by hand`,
  );

  const changes = {
    "in one stretch": `dataelementid > ${rows} * 0.99`,
    "scattered over the table": "dataelementid % 100 = 7",
  };
  for (const [how, which] of Object.entries(changes)) {
    await sql(`update datavalue set value = (random() * 1000)::int::text where ${which}`);
    const handSeconds = await timed(...byHand("backup", "--type=incr"));
    rate(`incremental by hand, 1% changed ${how}`, handSeconds, await ofTheirs());
    say(`  ${percent((await ofTheirs()) / theirBytes)} of a full one`);
    rate(`incremental, 1% changed ${how}`, await timed("pitr", "backup", "disk", "incr"), await ofOurs());
    say(`  ${percent((await ofOurs()) / ourBytes)} of a full one`);
  }

  await sql("create database loaded template template0");
  const loaded = await timed("pg_restore", "-j2", "-d", "loaded", `${WORK}/plain`);
  await sql("drop database loaded");
  await succeed("mkdir", "-m", "700", `${WORK}/ours`, `${WORK}/theirs`);
  const handRestored = await timed(...byHand("restore", `--pg1-path=${WORK}/theirs`));
  const files = await timed("pgbackrest", "restore", "--repo=1", `--pg1-path=${WORK}/ours`);
  await succeed("rm", "-rf", WORK);
  const restored = await timed("pitr", "restore", "disk");
  await succeed("pitr", "confirm");
  rate("pg_restore -j2", loaded);
  rate("restore by hand, the files alone", handRestored);
  rate("restore, the files alone", files);
  rate("restore to the newest", restored);
  say(
    `  ${ratio(restored / loaded)} the time of pg_restore; the files ${ratio(files / handRestored)} the time by hand`,
  );
}

function rate(what: string, seconds: number, bytes?: number): void {
  say(
    `${what.padEnd(56)}${seconds.toFixed(1).padStart(7)} s${bytes === undefined ? "" : mib(bytes).padStart(12)}`,
  );
}

const mib = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;
const ratio = (value: number) => `${value.toFixed(2)} times`;
const percent = (value: number) => `${(value * 100).toFixed(1)}%`;
const say = (line: string) => process.stdout.write(`${line}\n`);

void main();
