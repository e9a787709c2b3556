/**
 * Restores the structure of a dump into a throwaway database as a real restore would: as an ordinary role, with the
 * extensions made before. What such a role cannot make is found when the backup is made, not on the night it is needed.
 */
import { createHash } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { quote } from "../import/load/constraint";
import { Server, ServerError } from "../import/server";
import { restoreRights } from "./access";
import { LocationError } from "./errors";
import { loadDump, loadGrants, makeDatabase, withClient } from "./load";
import type { Manifest } from "./manifest";
import { environment } from "./restic";
import { Progress } from "./progress";
import { postgresProgram, runTool, ToolError } from "./runTool";
import { fullName, tablesOf } from "./tables";
import { withThrowawayServer } from "./throwawayServer";

type Unrestorable = NonNullable<Manifest["unrestorable"]>;

/** More rounds than this bring nothing new: each leaves out what the one before could not make. */
const ROUNDS = 20;

/** What a rehearsal depends on. Of a database that has not changed its structure one was enough. */
export async function structureOf(manifest: Manifest, dump: string, signal: AbortSignal): Promise<string> {
  const options = { env: environment(), signal };
  const [version, text] = await Promise.all([
    runTool(postgresProgram("postgres"), ["--version"], options).catch((error: unknown) => {
      throw error instanceof ToolError ? noServer() : error;
    }),
    runTool(postgresProgram("pg_restore"), ["--schema-only", "--file=-", dump], options),
  ]);
  // Newer versions write a word of their own into each dump.
  const structure = text.toString().replace(/^\\(?:un)?restrict .*$/gm, "");
  const { extensions, schemas, access, tables } = manifest;
  return createHash("sha256")
    .update(JSON.stringify([version.toString(), extensions, schemas, access, Object.keys(tables)]))
    .update(structure)
    .digest("hex");
}

function noServer(): LocationError {
  return new LocationError(
    "PostgreSQL's server is not on this machine, so nobody can say whether the backup could be restored. Make the backup " +
      "where it is: in the image of the drills, or after apt-get install postgresql-17-postgis-3.",
  );
}

/**
 * @param directory for the throwaway server; it is removed
 * @returns what an ordinary role cannot make: a restore leaves it out
 * @throws ServerError when rows would be lost with it
 */
export async function rehearse(
  manifest: Manifest,
  { dump, stage, directory }: { dump: string; stage: string; directory: string },
  signal: AbortSignal,
): Promise<Unrestorable> {
  await mkdir(directory, { recursive: true });
  try {
    return await withThrowawayServer(join(directory, "server"), signal, async (superuser) => {
      const server = await Server.connect(superuser);
      try {
        return await rounds(server, superuser, manifest, { dump, stage }, signal);
      } finally {
        await server.close();
      }
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function rounds(
  server: Server,
  superuser: Parameters<typeof loadGrants>[0],
  manifest: Manifest,
  files: { dump: string; stage: string },
  signal: AbortSignal,
): Promise<Unrestorable> {
  const owner = "dhistance application";
  await server.query(`CREATE ROLE ${quote(owner)}`);
  const found: Unrestorable = await missingExtensions(server, manifest);
  for (let round = 0; round < ROUNDS; round++) {
    const { fresh } = await makeDatabase(server, "rehearsal", { ...manifest, unrestorable: found });
    const load = { ...files, jobs: 1, rehearsal: true, without: found.map(({ entry }) => entry) };
    const refused = [
      ...(await refusals(() => loadDump(server, fresh, load, new Progress(), signal))),
      ...(await refusals(async () => {
        await server.handOver(fresh, owner);
        await loadGrants({ ...superuser, database: fresh.name }, load, signal);
      })),
    ];
    const fresher = refused.filter(({ entry }) => !load.without.includes(entry));
    if (fresher.length > 0) {
      found.push(...fresher);
      await server.discard(fresh.name);
      continue;
    }
    await refuseLostTables({ ...superuser, database: fresh.name }, manifest, found);
    const { access } = manifest;
    const rights = access
      ? await restoreRights((work) => server.within(fresh.name, work), fresh.name, access, owner)
      : [];
    // Not in the dump, so there is no entry to leave out.
    return [...found, ...rights.map((what) => ({ entry: 0, what }))];
  }
  throw new ServerError(
    `The backup could not be restored, so none was made: ${found.map(({ what }) => what).join("; ")}`,
  );
}

/** The extensions of the database that this machine does not have. */
async function missingExtensions(server: Server, { extensions }: Manifest): Promise<Unrestorable> {
  const rows = await server.query<{ name: string }>("SELECT name FROM pg_available_extensions");
  const available = new Set(rows.map(({ name }) => name));
  return extensions
    .filter((name) => !available.has(name))
    .map((name) => ({ entry: 0, what: `EXTENSION ${name} (not in the image of the drills)` }));
}

async function refusals(work: () => Promise<void>): Promise<Unrestorable> {
  try {
    await work();
    return [];
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const refused = refusedBy(error);
    if (refused.length > 0) return refused;
    throw new ServerError(`The restore could not be rehearsed, so no backup was made. ${error.message}`);
  }
}

/** The entries of a dump that pg_restore could not make, with the first reason for each. */
export function refusedBy({ said }: ToolError): Unrestorable {
  const found = new Map<number, string>();
  let at: [number, string] | undefined;
  for (const line of said.split("\n")) {
    const [, entry, what] = /from TOC entry (\d+); \d+ \d+ (.*) \S+$/.exec(line) ?? [];
    if (entry !== undefined && what !== undefined) at = [Number(entry), what];
    const [, reason] =
      /error: (?:could not execute query: ERROR: +|COPY failed for table "[^"]*": ERROR: +)?(.*)/.exec(
        line,
      ) ?? [];
    if (reason !== undefined && at && !found.has(at[0])) found.set(at[0], `${at[1]} (${reason})`);
  }
  return [...found].map(([entry, what]) => ({ entry, what }));
}

async function refuseLostTables(
  database: Parameters<typeof withClient>[0],
  { tables }: Manifest,
  found: Unrestorable,
): Promise<void> {
  const there = new Set((await withClient(database, tablesOf)).map(fullName));
  const lost = Object.keys(tables).filter((table) => !there.has(table));
  if (lost.length === 0) return;
  throw new ServerError(
    `No backup was made, because a restore could not make ${lost.join(", ")}: ${found.map(({ what }) => what).join("; ")}. ` +
      "A restore works as an ordinary role: change these objects so that one can make them, or drop them.",
  );
}
