/** Reads every file of a repository, and writes down what is damaged. */
import { readFileSync, renameSync, rmSync, writeFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { ALARM } from "./alarms";
import { distinct, findingText, missingSegments, verifyFindings, type Finding } from "./findings";
import { healInfoFiles } from "./infoFiles";
import { metric, publish } from "./metrics";
import { damagedOf, PATHS } from "./paths";
import { archived, backupsOf, contentOf, infoOf, list, on, pgbackrest, STANZA } from "./pgbackrest";
import { otherThan, type Repository } from "./repositories";

/** Checks archive.info and backup.info, and heals them. @returns whether they are intact now */
export async function checkInfoFiles(repository: Repository): Promise<boolean> {
  const { intact, older } = await healInfoFiles(repository);
  // An older list may have backups that are no longer there.
  if (older) await verify(repository);
  return intact;
}

/** @returns whether everything is intact */
export async function verify(repository: Repository): Promise<boolean> {
  const infoFilesIntact = await checkInfoFiles(repository);
  const verified = await pgbackrest(
    ["verify", on(repository), "--output=text", "--log-level-console=detail"],
    { output: "both" },
  );
  const said = verified.output.toString();
  const found: Finding[] = [
    ...(infoFilesIntact ? [] : [{ kind: "info" as const }]),
    ...distinct(await findings(repository, said)),
  ];
  const damaged = damagedOf(repository);
  // pgBackRest ends with 0 whatever it found.
  if (verified.code === 0 && found.length === 0 && !said.includes("status: error")) {
    rmSync(damaged, { force: true });
    console.log(`${repository}: every file matches its checksum`);
    const now = Math.floor(Date.now() / 1000);
    publish(`${repository}-verified`, [metric("verified_timestamp_seconds", { location: repository }, now)]);
    return true;
  }
  process.stdout.write(`${withoutRepetition(said).join("\n")}\n`);
  const [first] = found;
  const what = first ? findingText(first) : firstComplaint(said);
  const problem = `${ALARM}${repository}: damaged, missing or not readable: ${what}`;
  process.stderr.write(`${problem}\n`);
  const lines = [problem, ...found.map(findingText)];
  writeFileSync(`${damaged}.new`, lines.map((line) => `${line}\n`).join(""));
  renameSync(`${damaged}.new`, damaged);
  return false;
}

/** Several processes report the same of each part of a file. */
function withoutRepetition(said: string): string[] {
  const lines = said.split("\n").map((line) => line.replace(/^[-0-9]+ [:.0-9]+ P[0-9]+ +/, ""));
  return [...new Set(lines)].filter((line) => line !== "");
}

function firstComplaint(said: string): string {
  return (said.split("\n").find((line) => /ERROR|No usable/.test(line)) ?? "").trim();
}

/** What can be healed of what pgBackRest has found, and of what it does not look for. */
async function findings(repository: Repository, said: string): Promise<Finding[]> {
  const labels = (await backupsOf(repository)).map(({ label }) => label);
  // What cannot be listed is not gone.
  const present = (await list(repository, `backup/${STANZA}`)) ?? labels;
  return [
    ...verifyFindings(said, labels, new Set(present)),
    ...(await wrongHistories(repository)),
    ...(await missingWal(repository)),
  ];
}

/** Histories of timelines that are not as PostgreSQL has them. */
async function wrongHistories(repository: Repository): Promise<Finding[]> {
  const wrong: Finding[] = [];
  for (const file of await archived(repository, "history$")) {
    const own = join(PATHS.wal, file.slice(file.lastIndexOf("/") + 1));
    if (!existsSync(own)) continue;
    const content = await contentOf(repository, `archive/${STANZA}/${file}`);
    if (content === undefined || !content.equals(readFileSync(own))) wrong.push({ kind: "wal", file });
  }
  return wrong;
}

/** WAL that is missing in between: pgBackRest does not look for it. */
async function missingWal(repository: Repository): Promise<Finding[]> {
  const other = otherThan(repository);
  const systems = async (each: Repository) =>
    infoOf(each).then(
      (info) => info.systems.join(),
      () => "",
    );
  if ((await systems(repository)) !== (await systems(other))) return [];
  const checksum = "-[0-9a-f]{40}";
  return missingSegments({
    own: await archived(repository, checksum),
    other: await archived(other, checksum),
    firstSegments: (await backupsOf(repository)).map(({ firstSegment }) => firstSegment),
    isWaiting: (segment) => existsSync(join(PATHS.archiveStatus, `${segment}.ready`)),
  });
}
