/** archive.info and backup.info, without which pgBackRest reads nothing of a repository. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { infoStep } from "./findings";
import { knownOf } from "./paths";
import { canRead, contentOf, hasFiles, overwrite, putRaw, rawContentOf, STANZA } from "./pgbackrest";
import { REPOSITORIES, type Repository } from "./repositories";

export interface InfoFiles {
  /** All of them are intact now. */
  intact: boolean;
  /** One was replaced by an older one of ours. */
  older: boolean;
}

export async function healInfoFiles(repository: Repository): Promise<InfoFiles> {
  // Empty, or out of reach.
  const folders = [`archive/${STANZA}`, `backup/${STANZA}`];
  const filled = await Promise.all(folders.map((folder) => hasFiles(repository, folder)));
  const files: InfoFiles = { intact: true, older: false };
  if (!filled.includes(true)) return files;
  for (const file of [`archive/${STANZA}/archive.info`, `backup/${STANZA}/backup.info`]) {
    const outcome = await healInfoFile(repository, file);
    if (outcome === "damaged") files.intact = false;
    if (outcome === "older") files.older = true;
  }
  return files;
}

async function healInfoFile(repository: Repository, file: string): Promise<"intact" | "older" | "damaged"> {
  const copy = `${file}.copy`;
  const name = file.slice(file.lastIndexOf("/") + 1);
  const kept = join(knownOf(repository), file);
  const number = REPOSITORIES[repository];
  const third = [`--repo${number}-type=posix`, `--repo${number}-path=${knownOf(repository)}`];
  const healed = (what: string, done: boolean) => {
    if (done) console.log(`${repository}: healed: ${what}`);
    return done ? "intact" : "damaged";
  };
  const step = infoStep({
    main: await checksum(repository, file),
    copy: await checksum(repository, copy),
    known: await checksum(repository, file, third),
    mainUsable: await canRead(repository, file),
    knownUsable: await canRead(repository, file, third),
  });
  switch (step) {
    case "intact":
      return "intact";
    case "remember":
      await remember(repository, file, kept);
      return "intact";
    case "fromMain":
      return healed(`${name}.copy`, await overwrite(repository, file, copy));
    case "fromCopy":
      return healed(name, await overwrite(repository, copy, file));
    case "fromKnown": {
      const done =
        (await putRaw(repository, copy, readFileSync(kept))) && (await overwrite(repository, copy, file));
      return healed(`${name}, both`, done) === "intact" ? "older" : "damaged";
    }
    case "unreadable":
    case "wait":
      return "damaged";
  }
}

async function remember(repository: Repository, file: string, kept: string): Promise<void> {
  const content = await rawContentOf(repository, file);
  if (content === undefined) return;
  mkdirSync(dirname(kept), { recursive: true });
  writeFileSync(`${kept}.new`, content);
  renameSync(`${kept}.new`, kept);
}

/** Empty if the file cannot be read. */
async function checksum(repository: Repository, file: string, options: string[] = []): Promise<string> {
  const content = await contentOf(repository, file, { impatient: true, options });
  return content === undefined ? "" : createHash("sha1").update(content).digest("hex");
}
