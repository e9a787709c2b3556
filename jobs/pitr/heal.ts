/**
 * Heals what the last verify found: from the other repository, from what is kept beside the database, or from the database.
 * Nothing is removed from a repository before what replaces it is known to be intact.
 */
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { alarm, attempt } from "./alarms";
import { backUp, hasSpace } from "./backup";
import { findingText, healingStep, MOST_ATTEMPTS, parseFindings, type Finding } from "./findings";
import { damagedOf, PATHS } from "./paths";
import { alone, backupsOf, list, on, ONLY_WARNINGS, overwrite, pgbackrest, STANZA } from "./pgbackrest";
import { otherThan, type Repository } from "./repositories";
import { checkInfoFiles, verify } from "./verify";
import { workFolder } from "./workFolder";

/** Heals, and verifies again if anything was healed. @returns whether everything is intact now */
export async function heal(repository: Repository): Promise<boolean> {
  if (!existsSync(damagedOf(repository))) return true;
  let healed = false;
  for (const finding of findingsOf(repository)) {
    if (!(await healFinding(repository, finding))) continue;
    healed = true;
    console.log(`${repository}: healed: ${findingText(finding)}`);
  }
  if (await removeDamagedBackups(repository)) healed = true;
  if (healed) await verify(repository);
  return !existsSync(damagedOf(repository));
}

/** What the last verify wrote down. */
function findingsOf(repository: Repository): Finding[] {
  const file = damagedOf(repository);
  return existsSync(file) ? parseFindings(readFileSync(file, "utf8").split("\n").slice(1).join("\n")) : [];
}

async function healFinding(repository: Repository, finding: Finding): Promise<boolean> {
  switch (finding.kind) {
    case "info":
      return checkInfoFiles(repository);
    case "wal":
      return healWal(repository, finding.file);
    case "manifest": {
      const folder = `backup/${STANZA}/${finding.label}`;
      return overwrite(repository, `${folder}/${finding.intact}`, `${folder}/${finding.damaged}`);
    }
    case "backup":
      // See removeDamagedBackups.
      return false;
  }
}

/** A file of the WAL archive, from the other repository or from PostgreSQL, whichever has it intact. */
async function healWal(repository: Repository, file: string): Promise<boolean> {
  const name = file.slice(file.lastIndexOf("/") + 1);
  const segment = name.replace(/-.*/, "");
  const held = join(workFolder(), segment);
  try {
    if (!(await fetchWal(repository, name, segment, held))) {
      alarm(
        `${repository}: the WAL ${segment} is damaged, and the other repository does not have it intact: points in time that need it cannot be restored from ${repository}`,
      );
      return false;
    }
    // While the damaged one is there another one is not accepted.
    return (
      (await attempt(`${repository}: the damaged WAL ${segment} cannot be removed`, () =>
        pgbackrest(["repo-rm", on(repository), ONLY_WARNINGS, `archive/${STANZA}/${file}`], {
          output: "show",
        }),
      )) &&
      (await attempt(`${repository}: the WAL ${segment} cannot be put back`, () =>
        alone(repository, ["--no-archive-async", ONLY_WARNINGS, "archive-push", held], { output: "show" }),
      ))
    );
  } finally {
    rmSync(held, { force: true });
  }
}

async function fetchWal(
  repository: Repository,
  name: string,
  segment: string,
  held: string,
): Promise<boolean> {
  const args = [
    "--no-archive-async",
    on(otherThan(repository)),
    "--log-level-console=off",
    "archive-get",
    segment,
    held,
  ];
  const fetched = (await pgbackrest(args)).code === 0;
  if (fetched && isIntactWal(held, name)) return true;
  const own = join(PATHS.wal, segment);
  if (!existsSync(own)) return false;
  copyFileSync(own, held);
  return isIntactWal(held, name);
}

/** A segment's checksum is part of its name. A history has none there: PostgreSQL's own is right. */
function isIntactWal(file: string, name: string): boolean {
  const content = readFileSync(file);
  if (!name.endsWith(".history"))
    return name.includes(`-${createHash("sha1").update(content).digest("hex")}`);
  const own = join(PATHS.wal, name);
  return existsSync(own) && content.equals(readFileSync(own));
}

/**
 * Removes damaged backups, and with them those that depend on them, when the newest full backup was verified; makes one if
 * need be. Removed backups may still do for some points in time: the other repository must have backups, none of them known
 * to be damaged.
 * @returns whether they were removed
 */
async function removeDamagedBackups(repository: Repository): Promise<boolean> {
  const intact = await intactFullBackup(repository);
  if (intact === undefined) return false;
  const damaged = damagedBackups(repository);
  const other = otherThan(repository);
  if ((await backupsOf(other)).length === 0 || damagedBackups(other).length > 0) {
    alarm(
      `${repository}: the damaged backup ${damaged[0]} is not removed before the backups in ${other} are intact; ${intact} is intact`,
    );
    return false;
  }
  for (const label of damaged) {
    const how = await removal(repository, label);
    if (!how) continue;
    const removed = await attempt(
      `${repository}: the damaged backup ${label} cannot be removed, but ${intact} is intact`,
      () => pgbackrest([...how, on(repository)], { output: "show" }),
    );
    if (!removed) return false;
    console.log(
      `${repository}: healed: the damaged backup ${label} is removed, and what depended on it; ${intact} is intact`,
    );
  }
  return true;
}

/** The newest full backup, once it is verified; undefined if there is none, or nothing to do. */
async function intactFullBackup(repository: Repository): Promise<string | undefined> {
  for (let tries = 1; ; tries++) {
    const next = healingStep({
      damaged: damagedBackups(repository),
      fulls: (await backupsOf(repository)).filter(({ type }) => type === "full"),
      verifiedAt: modified(damagedOf(repository)),
      attempt: tries,
    });
    switch (next.step) {
      case "nothing":
        return undefined;
      case "remove":
        return next.intact;
      case "giveUp":
        alarm(
          `${repository}: the newest ${next.damagedInRow} full backups are damaged: is their storage failing? No backup is removed before a newer one is intact`,
        );
        return undefined;
      case "backUp":
        if (!((await hasSpace(repository, "full")) && (await backUp(repository, "full")))) return undefined;
        await verify(repository);
        break;
      case "verify":
        // Only a clock that was set back can ask for more of them than there are attempts.
        if (tries > MOST_ATTEMPTS) return undefined;
        await verify(repository);
    }
  }
}

function damagedBackups(repository: Repository): string[] {
  return findingsOf(repository).flatMap((finding) => (finding.kind === "backup" ? [finding.label] : []));
}

/** In whole seconds, as pgBackRest has the ends of backups; 0 if there is no such file. */
function modified(file: string): number {
  return Math.floor((statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) / 1000);
}

/** How a backup is removed; undefined if it depended on one that was removed before. */
async function removal(repository: Repository, label: string): Promise<string[] | undefined> {
  if ((await backupsOf(repository)).some((backup) => backup.label === label))
    return ["expire", `--set=${label}`];
  const folder = `backup/${STANZA}/${label}`;
  const files = await list(repository, folder);
  return files && files.length > 0 ? ["repo-rm", "--recurse", folder] : undefined;
}
