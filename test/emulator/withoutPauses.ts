import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { cached, cacheFolder, contentHash } from "../../tools/toolchain/cache";
import { Obstacle } from "../../tools/toolchain/engine";
import { findGo } from "../../tools/toolchain/go";

const SOURCE = path.join(__dirname, "without-pauses/main.go");

/**
 * Copies a Go program into one that does not pause (see `without-pauses/main.go`), in the cache, under the program's own name.
 * @throws Obstacle if there is no Go, or if the pauses of the program cannot be removed
 */
export async function withoutPauses(program: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const go = findGo(env);
  if (!go) {
    throw new Obstacle(
      "there is no Go, which removes the pauses of the provider",
      "install Go 1.25 or later: https://go.dev/dl/",
    );
  }
  const { size, mtimeMs } = statSync(program);
  const hash = contentHash([program, String(size), String(mtimeMs)], [SOURCE]);
  const name = path.basename(program);
  const { folder } = await cached(cacheFolder(env), `without-pauses-${hash}`, {
    make: async (folder) => {
      await promisify(execFile)(go, ["run", SOURCE, program, path.join(folder, name)], { env }).catch(
        ({ stderr, message }: Error & { stderr?: string }) => {
          throw new Obstacle(
            `the pauses of the provider cannot be removed: ${(stderr || message).trim()}`,
            "run this tier on Linux on amd64",
          );
        },
      );
    },
  });
  return path.join(folder, name);
}
