/** The backups in both repositories. */
import { bytesText } from "../import/spool";
import type { Backup } from "./info";
import { infoOf, PATIENCE } from "./pgbackrest";
import { REPOSITORIES, type Repository } from "./repositories";

type Listed = { backups: Backup[] } | { error: string };

/**
 * One repository after the other: one that is away does not keep the other one's backups from being shown.
 * @returns whether both could be read
 */
export async function listBackups({ json = false }: { json?: boolean }): Promise<boolean> {
  const all = new Map<Repository, Listed>();
  for (const repository of Object.keys(REPOSITORIES) as Repository[]) {
    if (!json) console.log(repository);
    const waiting = setTimeout(
      () => process.stderr.write(`${repository}: waiting for an answer, at most ${PATIENCE} seconds\n`),
      2000,
    );
    const listed = await look(repository).finally(() => clearTimeout(waiting));
    all.set(repository, listed);
    if (!json)
      console.log(
        linesFor(listed)
          .map((line) => `  ${line}`)
          .join("\n"),
      );
  }
  if (json) console.log(JSON.stringify(Object.fromEntries(all)));
  return [...all.values()].every((listed) => "backups" in listed);
}

function look(repository: Repository): Promise<Listed> {
  return infoOf(repository, { impatient: true }).then(
    ({ backups, status, unreadable }) =>
      unreadable || (status && status.code > 3)
        ? { error: status?.message.split("\n")[0] || "its list of backups cannot be read" }
        : { backups },
    (error: Error) => ({ error: error.message }),
  );
}

function linesFor(listed: Listed): string[] {
  if ("error" in listed) return [`cannot be read: ${listed.error}`];
  if (listed.backups.length === 0) return ["no backup yet"];
  return listed.backups.map(({ type, stop, size, label, hasDamagedPages }) =>
    [
      type.padEnd(4),
      `${new Date(stop * 1000).toISOString().slice(0, 19).replace("T", " ")}+00`,
      bytesText(size).padStart(9),
      label,
      ...(hasDamagedPages ? ["(pages of the database were damaged)"] : []),
    ].join("  "),
  );
}
