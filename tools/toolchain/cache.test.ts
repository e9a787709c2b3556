import { spawn } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cached, cacheFolder, contentHash, lock } from "./cache";

/** A program is started, and locks are waited for. */
vi.setConfig({ testTimeout: 60_000 });

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(path.join(tmpdir(), "cache-"));
});
afterEach(() => rmSync(cache, { recursive: true, force: true }));

const writes = (content: string) => (folder: string) =>
  Promise.resolve(writeFileSync(path.join(folder, "tool"), content));
const read = (folder: string) => readFileSync(path.join(folder, "tool"), "utf8");

describe("cacheFolder", () => {
  it("is the one asked for, else XDG's, else the user's", () => {
    expect(cacheFolder({ DHISTANCE_CACHE: "/a", XDG_CACHE_HOME: "/b" })).toBe("/a");
    expect(cacheFolder({ XDG_CACHE_HOME: "/b" })).toBe("/b/dhistance");
    expect(cacheFolder({ XDG_CACHE_HOME: "relative" })).toBe(path.join(homedir(), ".cache/dhistance"));
    expect(cacheFolder({})).toBe(path.join(homedir(), ".cache/dhistance"));
  });
});

describe("contentHash", () => {
  it("is another for another content, order or split", () => {
    const file = path.join(cache, "file");
    writeFileSync(file, "one");
    const hash = contentHash(["a"], [file]);
    expect(contentHash(["a"], [file])).toBe(hash);
    writeFileSync(file, "two");
    expect(contentHash(["a"], [file])).not.toBe(hash);
    expect(contentHash(["ab", "c"])).not.toBe(contentHash(["a", "bc"]));
  });
});

describe("cached", () => {
  it("makes a folder once", async () => {
    const first = await cached(cache, "tool-1", { make: writes("first") });
    const second = await cached(cache, "tool-1", { make: writes("second") });
    expect([first.made, second.made]).toEqual([true, false]);
    expect(read(second.folder)).toBe("first");
    expect(readdirSync(cache)).toEqual(["tool-1"]);
  });

  it("leaves nothing when the making fails, and makes it whole the next time", async () => {
    const half = async (folder: string) => {
      await writes("half")(folder);
      throw new Error("no space");
    };
    await expect(cached(cache, "tool-1", { make: half })).rejects.toThrow("no space");
    expect(readdirSync(cache)).toEqual([]);
    const { folder, made } = await cached(cache, "tool-1", { make: writes("whole") });
    expect(made).toBe(true);
    expect(read(folder)).toBe("whole");
  });

  it("makes it once for two that ask at the same time, and tells the one that waits", async () => {
    let making = 0;
    let waiting = 0;
    const ask = () =>
      cached(cache, "tool-1", {
        make: async (folder) => {
          making++;
          await new Promise((resolve) => setTimeout(resolve, 300));
          await writes("whole")(folder);
        },
        onWait: () => waiting++,
      });
    const found = await Promise.all([ask(), ask()]);
    expect(found.map(({ folder }) => read(folder))).toEqual(["whole", "whole"]);
    expect([making, waiting]).toEqual([1, 1]);
    expect(readdirSync(cache)).toEqual(["tool-1"]);
  });

  it("clears away what a killed run left and what has not been used for long, but no engine of last month", async () => {
    const age = (name: string, days: number) => {
      const then = new Date(Date.now() - days * 24 * 3600 * 1000);
      writeFileSync(path.join(cache, name), "");
      utimesSync(path.join(cache, name), then, then);
    };
    age(".unfinished-tool-0-abc", 2);
    age("tools-old", 30);
    age("engine-last-month", 30);
    age("engine-last-year", 365);
    age("tools-recent", 3);
    await cached(cache, "tool-1", { make: writes("new") });
    expect(readdirSync(cache).sort()).toEqual(["engine-last-month", "tool-1", "tools-recent"]);
  });
});

describe("lock", () => {
  const STALE = 2_000;

  it("is held as long as its holder lives, and free soon after that is killed", async () => {
    const file = path.join(cache, "x.lock");
    const holder = spawn(
      process.execPath,
      [
        "--require",
        "tsx/cjs",
        "--eval",
        `require(${JSON.stringify(path.join(__dirname, "cache.ts"))})
          .lock(${JSON.stringify(file)}, () => false, undefined, ${STALE})
          .then(() => { console.log("held"); setInterval(() => undefined, 1000); });`,
      ],
      { cwd: __dirname, stdio: ["ignore", "pipe", "inherit"] },
    );
    try {
      await new Promise((resolve) => holder.stdout.once("data", resolve));
      let taken = false;
      let waits = 0;
      const taking = lock(
        file,
        () => false,
        () => waits++,
        STALE,
      ).then((release) => {
        taken = true;
        return release;
      });
      // Longer than a holder may be silent.
      await new Promise((resolve) => setTimeout(resolve, 2.5 * STALE));
      expect([taken, waits]).toEqual([false, 1]);

      holder.kill("SIGKILL");
      const release = await taking;
      expect(taken).toBe(true);
      await release?.();
      expect(existsSync(file)).toBe(false);
    } finally {
      holder.kill("SIGKILL");
    }
  });

  it("is not waited for when there is no more need of it", async () => {
    const file = path.join(cache, "x.lock");
    await lock(file, () => false);
    let done = false;
    const waiting = lock(file, () => done);
    done = true;
    expect(await waiting).toBeUndefined();
  });
});
