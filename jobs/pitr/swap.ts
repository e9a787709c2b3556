/** Exchanges the restored cluster and the live one, while PostgreSQL is stopped. */
import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { PATHS } from "./paths";
import { databaseAnswers } from "./postgres";
import { run } from "./process";
import { PitrError } from "./repositories";

/** What a person types next about this server. */
function command(verb: string): string {
  return `npm run pitr -- ${verb} ${process.env["TENANT"] ?? ""} ${process.env["SERVER"] ?? ""}`;
}

/** @throws PitrError while a previous database is kept: there is one at most */
export function refusePrevious(): void {
  if (existsSync(PATHS.previous))
    throw new PitrError(
      `A previous database is still kept, from an earlier restore. Delete it: ${command("confirm")}; or put it back: ${command("undo")}`,
    );
}

async function refuseRunning(): Promise<void> {
  if (await databaseAnswers()) throw new PitrError("PostgreSQL runs. Stop its container first.");
}

/** The restored cluster becomes live; the previous one is kept. */
export async function swap(): Promise<void> {
  await refuseRunning();
  const { restored, previous, cluster } = PATHS;
  if (!isComplete(restored) || existsSync(`${restored}/recovery.signal`))
    throw new PitrError(
      `There is no complete restored database to make live. Restore first: ${command("restore")}`,
    );
  refusePrevious();
  if (existsSync(cluster)) {
    await exchange(restored, cluster);
    renameSync(restored, previous);
  } else {
    renameSync(restored, cluster);
  }
  await sync();
  console.log("The restored database is live. The previous one is kept.");
}

/** @throws PitrError if there is nothing to undo: asked before anything is stopped */
export function checkPrevious(): void {
  if (!existsSync(PATHS.previous))
    throw new PitrError(
      "No previous database is kept: there is nothing to undo. Nothing was stopped or changed.",
    );
  if (!isComplete(PATHS.previous))
    throw new PitrError(
      `The previous database in ${PATHS.previous} is not complete and cannot be put back. Nothing was stopped or changed.`,
    );
}

/** The previous cluster becomes live again; the other one is kept. */
export async function undo(): Promise<void> {
  await refuseRunning();
  checkPrevious();
  await exchange(PATHS.previous, PATHS.cluster);
  await sync();
  console.log("The previous database is live again; the other one is kept.");
}

/** @throws PitrError if nothing is kept: asked before a person is asked */
export function showKept(): void {
  for (const { what } of kept()) console.log(`Kept: ${what}.`);
}

/** Deletes what is kept, for good. */
export function confirm(): void {
  for (const { folder, what } of kept()) {
    rmSync(folder, { recursive: true, force: true });
    console.log(`Deleted: ${what}.`);
  }
}

function kept(): { folder: string; what: string }[] {
  const found = [
    { folder: PATHS.previous, what: "the previous database" },
    { folder: PATHS.restored, what: "a restored database that was not made live" },
  ].filter(({ folder }) => existsSync(folder));
  if (found.length === 0)
    throw new PitrError("No previous database is kept: there is nothing to delete. Nothing was changed.");
  return found.map(({ folder, what }) => ({ folder, what: `${what}${lastUsed(folder)}` }));
}

/** PostgreSQL writes this file at every checkpoint. */
function lastUsed(cluster: string): string {
  const written = statSync(`${cluster}/global/pg_control`, { throwIfNoEntry: false })?.mtime;
  return written ? `, last used at ${written.toISOString()}` : "";
}

function isComplete(cluster: string): boolean {
  return (statSync(`${cluster}/PG_VERSION`, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** In one step of the kernel, which Node.js does not know: at no time is there no cluster. */
async function exchange(one: string, other: string): Promise<void> {
  if ((await run("mv", ["--exchange", "-T", one, other])).code !== 0)
    throw new PitrError(`${one} and ${other} could not be exchanged. Nothing was changed.`);
}

async function sync(): Promise<void> {
  await run("sync", [PATHS.data]);
}
