/**
 * restic reads nothing of a repository without its config and a key, and makes neither again. They are small: a second
 * set of them lies beside the repository, encrypted as they are.
 */
import { copyFile, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

const SPARES = ".spare";

/** Keeps them, if they are not kept yet. For a repository that can be read. */
export async function saveKeys(directory: string, name: string): Promise<void> {
  const spare = join(directory, SPARES, name);
  if ((await filesOf(spare)).length > 0) return;
  const unfinished = `${spare}.new`;
  await rm(unfinished, { recursive: true, force: true });
  const repository = join(directory, name);
  for (const file of await filesOf(repository)) await put(repository, unfinished, file, `${unfinished}.file`);
  await rename(unfinished, spare);
}

/** Puts back those that are missing or changed. @returns whether there were any */
export async function restoreKeys(directory: string, name: string): Promise<boolean> {
  const [spare, repository] = [join(directory, SPARES, name), join(directory, name)];
  let changed = false;
  for (const file of await filesOf(spare)) {
    const kept = await readFile(join(spare, file));
    if (
      await readFile(join(repository, file)).then(
        (there) => there.equals(kept),
        () => false,
      )
    )
      continue;
    await rm(join(repository, file), { force: true });
    await put(spare, repository, file, `${spare}.file`);
    changed = true;
  }
  return changed;
}

export function removeSavedKeys(directory: string, name: string): Promise<void> {
  return rm(join(directory, SPARES, name), { recursive: true, force: true });
}

/** Under its name it is there as a whole or not at all. */
async function put(from: string, to: string, file: string, unfinished: string): Promise<void> {
  for (const each of [join(to, file), unfinished]) await mkdir(dirname(each), { recursive: true });
  await copyFile(join(from, file), unfinished);
  await rename(unfinished, join(to, file));
}

async function filesOf(repository: string): Promise<string[]> {
  const list = (folder: string) => readdir(join(repository, folder)).catch((): string[] => []);
  const there = await list(".");
  return [
    ...there.filter((name) => name === "config"),
    ...(await list("keys")).map((key) => join("keys", key)),
  ];
}
