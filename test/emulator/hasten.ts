import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { cached, cacheFolder, contentHash } from "../../tools/toolchain/cache";
import { Obstacle } from "../../tools/toolchain/engine";
import { findGo } from "../../tools/toolchain/go";

const SOURCE = path.join(__dirname, "hasten/main.go");

/**
 * A copy of a Go program that does not pause (see `hasten/main.go`), in the cache, under the program's own name.
 * @throws Obstacle if there is no Go, or if the program is not one that can be hastened
 */
export async function hastened(program: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const go = findGo(env);
  if (!go) {
    throw new Obstacle(
      "there is no Go to hasten the provider with",
      "install Go 1.25 or later: https://go.dev/dl/",
    );
  }
  const { size, mtimeMs } = statSync(program);
  const hash = contentHash([program, String(size), String(mtimeMs)], [SOURCE]);
  const name = path.basename(program);
  const { folder } = await cached(cacheFolder(env), `hastened-${hash}`, {
    make: async (folder) => {
      await promisify(execFile)(go, ["run", SOURCE, program, path.join(folder, name)], { env }).catch(
        ({ stderr, message }: Error & { stderr?: string }) => {
          throw new Obstacle(
            `the provider cannot be hastened: ${(stderr || message).trim()}`,
            "run this tier on Linux on amd64",
          );
        },
      );
    },
  });
  return path.join(folder, name);
}
