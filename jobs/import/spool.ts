/** Temporary files that a dump passes through when it cannot be read where it is. */
import { rmSync } from "node:fs";
import { mkdtemp, open, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DumpError } from "./errors";

export class Spool {
  private constructor(readonly directory: string) {
    process.once("exit", this.removeNow);
  }

  /** A new private directory below `parent` (default: the system's, which `TMPDIR` moves). */
  static async create(parent = tmpdir()): Promise<Spool> {
    return new Spool(await mkdtemp(join(parent, "dhistance-import-")));
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Writes a stream into a new file and returns its path. Throws, saying how large it may be, when it is larger. */
  async write(
    name: string,
    chunks: AsyncIterable<Buffer>,
    limit: { bytes: number; raise: string },
  ): Promise<string> {
    const path = this.path(name);
    const file = await open(path, "wx", 0o600);
    try {
      let written = 0;
      for await (const chunk of chunks) {
        written += chunk.length;
        if (written > limit.bytes) {
          throw new DumpError("too-big", `more than ${bytesText(limit.bytes)}; ${limit.raise}`);
        }
        await file.writeFile(chunk);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOSPC") throw this.full();
      throw error;
    } finally {
      await file.close();
    }
    return path;
  }

  /** Throws when so many bytes will not fit. */
  async reserve(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.directory);
    if (bavail * bsize < bytes) throw this.full(bytes);
  }

  async remove(): Promise<void> {
    process.removeListener("exit", this.removeNow);
    await rm(this.directory, { recursive: true, force: true });
  }

  private readonly removeNow = (): void => {
    rmSync(this.directory, { recursive: true, force: true });
  };

  private full(bytes?: number): DumpError {
    const what = bytes === undefined ? "the dump" : `the ${bytesText(bytes)} of the dump`;
    return new DumpError(
      "too-big",
      `no space for ${what} in ${this.directory}; let TMPDIR name a directory on a larger disk`,
    );
  }
}

export function bytesText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${units[power]}`;
}
