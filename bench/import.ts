/**
 * `npm run bench:import -- [runs] [data values] [events]`: the import job, as it is started in the container, against
 * `psql -X -1 -v ON_ERROR_STOP=1 -f` and `pg_restore -j2`, in turn in one run, on one server with the settings DHIS2
 * recommends. Default: 5 runs, 8 million data values, a tenth as many events. Each begins on a server without the
 * database and ends with it filled from the same dump: the others' time is that of making database and extensions, and
 * the command; of the job everything counts, also what the others do not do: checksum, judging, statistics (ANALYZE),
 * counting the rows, swap.
 * Goals: plain SQL 1.5 times as fast as psql, archives no slower than pg_restore.
 *
 * Seconds say little on a machine that has other things to do. So the processor seconds of each are printed as well,
 * the server's included, and how many processors everything else on the machine took meanwhile.
 */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bundle } from "../jobs/bundle";
import { createDhis2Like } from "../jobs/testing/dhis2";
import { client, createApplicationRole, workDirectory } from "../jobs/testing/importing";
import { startPostgres, type TestPostgres } from "../jobs/testing/postgres";
import { peakMemory } from "./memory";

const [runs = 5, dataValues = 8_000_000, events = dataValues / 10] = process.argv.slice(2).map(Number);

interface Measured {
  seconds: number;
  /** Processor seconds, of the command and of the server. */
  work: number;
  /** Processors that others on this machine took meanwhile. */
  others: number;
  /** Most memory of the command and the programs it started, in MiB; the server's is not in it. */
  mebibytes: number;
}

async function main(): Promise<void> {
  // Files are synchronised to disk as on a real server; the rest is what DHIS2's handbook has for one of 16 GB.
  const postgres = await startPostgres({
    ...{ fsync: "on", shared_buffers: "4GB", work_mem: "20MB", maintenance_work_mem: "512MB" },
    ...{ effective_cache_size: "12GB", random_page_cost: "1.1", max_connections: "200" },
    ...{ max_wal_size: "4GB" },
    // It would run whenever it likes, into whichever of them.
    ...{ autovacuum: "off" },
  });
  const work = await workDirectory();
  try {
    await createApplicationRole(postgres);
    await bundle(work.path("."));
    await writeFile(work.path("password"), postgres.password);
    process.stdout.write(`Making a database of ${dataValues} data values and ${events} events …\n`);
    await createDhis2Like(postgres, "origin", { dataValues, events });
    const [sql, archive] = [work.path("origin.sql"), work.path("origin.dump")];
    await client(postgres, "pg_dump", ["-f", sql, "origin"]);
    await client(postgres, "pg_dump", ["-Fc", "-f", archive, "origin"]);

    const bin = (program: string) => join(postgres.binDirectory, program);
    const { host, port, user } = postgres;
    const on = (database: string) => ["-h", host, "-p", String(port), "-U", user, "-d", database];
    const job = (dump: string) => [
      ...[work.path("import.cjs"), "run", dump, "--database", "ours", "--include-analytics"],
      ...[
        "--server",
        `postgres://${user}@${host}:${port}/postgres`,
        "--password-file",
        work.path("password"),
      ],
    ];
    const contestants: Record<string, { prepared: boolean; command: string[] }> = {
      psql: {
        prepared: true,
        command: [bin("psql"), "-X", "-1", "-v", "ON_ERROR_STOP=1", "-f", sql, ...on("theirs")],
      },
      "our plain SQL": { prepared: false, command: job(sql) },
      "pg_restore -j2": { prepared: true, command: [bin("pg_restore"), "-j2", ...on("theirs"), archive] },
      "our archive": { prepared: false, command: job(archive) },
    };
    const measured: Record<string, Measured[]> = {};
    process.stdout.write(
      `${"".padEnd(17)}${["seconds", "processor s", "others", "MiB"].map((it) => it.padStart(11)).join("")}\n`,
    );
    for (let run = 1; run <= runs; run++) {
      for (const [name, { prepared, command }] of Object.entries(contestants)) {
        await postgres.query("DROP DATABASE IF EXISTS theirs");
        await postgres.query("DROP DATABASE IF EXISTS ours");
        await postgres.query("CHECKPOINT");
        const before = usage(postgres);
        if (prepared) await prepare(postgres, "theirs");
        const mebibytes = await peakMemory(command, { PGPASSWORD: postgres.password });
        const seconds = usage(postgres).at - before.at;
        // The server has yet to notice that its processes have ended.
        await sleep(500);
        const after = usage(postgres);
        const work = after.own - before.own;
        const others = Math.max(0, after.machine - before.machine - work) / (after.at - before.at);
        (measured[name] ??= []).push({ seconds, work, others, mebibytes });
        const columns = [seconds.toFixed(1), work.toFixed(1), others.toFixed(2), String(mebibytes)];
        process.stdout.write(`${run} ${name.padEnd(15)}${columns.map((it) => it.padStart(11)).join("")}\n`);
      }
    }
    const median = (name: string, of: "seconds" | "work") =>
      middle((measured[name] ?? []).map((each) => each[of]));
    const ratio = (theirs: string, ours: string) => {
      const pairs = (measured[theirs] ?? []).map(
        ({ seconds }, i) => seconds / (measured[ours]?.[i]?.seconds ?? NaN),
      );
      const each = pairs.map((pair) => pair.toFixed(2)).join(", ");
      const peak = Math.max(...(measured[ours] ?? []).map(({ mebibytes }) => mebibytes));
      const fast = (median(theirs, "seconds") / median(ours, "seconds")).toFixed(2);
      const work = (median(ours, "work") / median(theirs, "work")).toFixed(2);
      return `${ours}: ${fast} times as fast as ${theirs} (medians; run by run ${each}) for ${work} times its processor seconds; peak memory ${peak} MiB\n`;
    };
    process.stdout.write(ratio("psql", "our plain SQL"));
    process.stdout.write(ratio("pg_restore -j2", "our archive"));
  } finally {
    await postgres.stop();
    await work.remove();
  }
}

async function prepare(postgres: TestPostgres, database: string): Promise<void> {
  await postgres.query(`CREATE DATABASE ${database} TEMPLATE template0 ENCODING 'UTF8'`);
  await postgres.query(
    "CREATE EXTENSION postgis; CREATE EXTENSION btree_gin; CREATE EXTENSION pg_trgm",
    [],
    database,
  );
}

interface Usage {
  /** Seconds, of a clock. */
  at: number;
  /** Processor seconds: of all commands and server processes that have ended. */
  own: number;
  /** Of the whole machine. */
  machine: number;
}

function usage({ dataDirectory }: TestPostgres): Usage {
  const ticks = 100;
  const server = readFileSync(join(dataDirectory, "postmaster.pid"), "utf8").split("\n")[0];
  // Of a process's children that it has waited for; the name before it may hold spaces.
  const ended = (pid: string | number = "self") => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[13]) + Number(fields[14])) / ticks;
  };
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, soft = 0] = readFileSync("/proc/stat", "utf8")
    .split("\n", 1)
    .join("")
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return {
    at: Number(process.hrtime.bigint()) / 1e9,
    own: ended() + ended(server),
    machine: (user + nice + system + interrupts + soft) / ticks,
  };
}

function middle(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}

void main();
