import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createGzip } from "node:zlib";
import { Readable } from "node:stream";
import { createWriteStream } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createDhis2Like } from "../testing/dhis2";
import { contents } from "../testing/everyKindOfObject";
import { dumpWith } from "../testing/hostile";
import { client, importInto, startImporting } from "../testing/importing";
import type { TestPostgres } from "../testing/postgres";
import { ImportProgress, type ImportOptions } from "./runImport";

const run = promisify(execFile);

let postgres: TestPostgres;
let work: Awaited<ReturnType<typeof startImporting>>["work"];
let stop: () => Promise<void>;
let before: Awaited<ReturnType<typeof state>>;

beforeAll(async () => {
  ({ postgres, work, stop } = await startImporting());
  await createDhis2Like(postgres, "origin", { dataValues: 60_000, events: 3_000 });
  await client(postgres, "pg_dump", ["-f", work.path("whole.sql"), "origin"]);
  await client(postgres, "pg_dump", ["-Fc", "-f", work.path("whole.dump"), "origin"]);
  await writeFile(work.path("first.sql"), dumpWith("").dump);
  await importInto(postgres, work.path("first.sql"));
  before = await state();
});
afterAll(() => stop());

async function state() {
  return {
    live: await contents(postgres, "live"),
    databases: await postgres.query(
      "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database ORDER BY 1",
    ),
    roles: await postgres.query("SELECT rolname FROM pg_roles ORDER BY 1"),
  };
}

/** Every fault ends the same way. */
afterEach(async () => {
  expect(await state()).toEqual(before);
});

async function fault(path: string, options: Partial<ImportOptions> = {}): Promise<string> {
  return importInto(postgres, path, { reimport: true, ...options }).then(
    () => expect.fail("it was imported"),
    (error: unknown) => `${(error as Error).name}: ${(error as Error).message}`,
  );
}

describe("a dump that was cut short", () => {
  it.each([
    ["in the rows", 0.5],
    ["before the keys", 0.97],
    ["before the closing comment", 0.9999],
  ])("plain SQL, %s", async (_where, part) => {
    const bytes = await readFile(work.path("whole.sql"));
    await writeFile(work.path("cut.sql"), bytes.subarray(0, Math.floor(bytes.length * part)));
    expect(await fault(work.path("cut.sql"))).toMatch(/DumpError: .*(ends|cut short)/);
  });

  it("gzip and zstd", async () => {
    for (const [program, end] of [
      ["gzip", "gz"],
      ["zstd", "zst"],
    ] as const) {
      const path = `${work.path("whole.sql")}.${end}`;
      await run(program, ["-q", "-k", "-f", work.path("whole.sql")]);
      const { length } = await readFile(path);
      await truncate(path, Math.floor(length * 0.7));
      expect(await fault(path)).toMatch(/DumpError: .*too early/);
    }
  });

  it.each([0.02, 0.5, 0.95])("a custom archive, at %d of its length", async (part) => {
    const bytes = await readFile(work.path("whole.dump"));
    await writeFile(work.path("cut.dump"), bytes.subarray(0, Math.floor(bytes.length * part)));
    expect(await fault(work.path("cut.dump"))).toMatch(/DumpError: /);
  });
});

describe("a damaged dump", () => {
  it("compressed, with a byte changed", async () => {
    const path = work.path("damaged.sql.gz");
    await pipeline(createReadStream(work.path("whole.sql")), createGzip(), createWriteStream(path));
    const bytes = await readFile(path);
    const middle = Math.floor(bytes.length / 2);
    bytes[middle] = (bytes[middle] ?? 0) ^ 0x55;
    await writeFile(path, bytes);
    expect(await fault(path)).toMatch(/Error: /);
  });

  it("with a row that does not fit its table: the line is named", async () => {
    const lines = (await readFile(work.path("whole.sql"), "utf8")).split("\n");
    const at = lines.findIndex((line) => line.startsWith("COPY public.datavalue ")) + 50_000;
    lines[at] = (lines[at] ?? "").replace(/^\d+/, "no number");
    await writeFile(work.path("row.sql"), lines.join("\n"));
    expect(await fault(work.path("row.sql"))).toMatch(
      new RegExp(`LoadError: Line ${at + 1}: .*invalid input syntax for type bigint: "no number"`),
    );
  });

  it("with a row twice: the key is refused", async () => {
    const lines = (await readFile(work.path("whole.sql"), "utf8")).split("\n");
    const at = lines.findIndex((line) => line.startsWith("COPY public.datavalue ")) + 1;
    lines.splice(at, 0, lines[at] ?? "");
    await writeFile(work.path("twice.sql"), lines.join("\n"));
    expect(await fault(work.path("twice.sql"))).toMatch(/LoadError: Line \d+: .*datavalue_pkey/);
  });

  it("with a row less that another refers to: the foreign key is refused", async () => {
    const lines = (await readFile(work.path("whole.sql"), "utf8")).split("\n");
    const at = lines.findIndex((line) => line.startsWith("COPY public.dataelement ")) + 3;
    lines.splice(at, 1);
    await writeFile(work.path("less.sql"), lines.join("\n"));
    expect(await fault(work.path("less.sql"))).toMatch(/LoadError: Line \d+: .*fk_datavalue_dataelementid/);
  });

  it("with an INSERT the server refuses: the line is named", async () => {
    const { dump, firstLine } = dumpWith(
      Array.from(
        { length: 50 },
        (_, i) => `INSERT INTO public.honest VALUES (${i === 33 ? "'x'" : i});`,
      ).join("\n"),
    );
    await writeFile(work.path("insert.sql"), dump);
    expect(await fault(work.path("insert.sql"))).toMatch(new RegExp(`LoadError: Line ${firstLine + 33}: `));
  });
});

describe("a dump that is another, or none", () => {
  it("another SHA-256: refused before the server is touched", async () => {
    const sha256 = "0".repeat(64);
    const nowhere = { host: "127.0.0.1", port: 1, user: "nobody" };
    expect(await fault(work.path("whole.sql"), { sha256, server: nowhere })).toMatch(/DumpError: .*SHA-256/);
  });

  it("text that is no SQL, and bytes that are no text", async () => {
    await writeFile(work.path("text"), "Dear Sir or Madam,\nplease find the dump attached.\n");
    expect(await fault(work.path("text"))).toMatch(/DumpError: Line 1: /);
    await writeFile(work.path("bytes"), Buffer.from([0, 1, 2, 3, 0xff]));
    expect(await fault(work.path("bytes"))).toMatch(/DumpError: no PostgreSQL dump/);
  });

  it("an archive of a newer PostgreSQL", async () => {
    const bytes = await readFile(work.path("whole.dump"));
    bytes[6] = 99;
    await writeFile(work.path("newer.dump"), bytes);
    expect(await fault(work.path("newer.dump"))).toMatch(/DumpError: .*newer/);
  });

  it("of a newer DHIS2, in both forms", async () => {
    const options = { dhis2Version: "41.2" };
    for (const form of ["whole.sql", "whole.dump"]) {
      expect(await fault(work.path(form), options)).toMatch(
        /ValidationError: .*DHIS2 2\.42, newer than the server's 41\.2/,
      );
    }
  });

  it("of no DHIS2, for a DHIS2 server", async () => {
    expect(await fault(work.path("first.sql"), { dhis2Version: "42.0" })).toMatch(
      /ValidationError: .*no DHIS2/,
    );
  });
});

describe("a dump that is too large", () => {
  it("expands beyond the limit", async () => {
    const { dump } = dumpWith("");
    const [head, tail] = [dump.subarray(0, dump.indexOf("1\tone")), dump.subarray(dump.indexOf("1\tone"))];
    const zeros = Buffer.from(`1\t${"0".repeat(1000)}\n`.repeat(1000));
    async function* bomb() {
      yield head;
      for (let i = 0; i < 100; i++) yield zeros;
      yield tail;
    }
    await pipeline(Readable.from(bomb()), createGzip(), createWriteStream(work.path("bomb.sql.gz")));
    const options = { maxDecompressedBytes: 50_000_000 };
    expect(await fault(work.path("bomb.sql.gz"), options)).toMatch(/DumpError: .*--max-decompressed-size/);
  });

  it("an archive that expands beyond the limit", async () => {
    const options = { maxDecompressedBytes: 1_000_000 };
    expect(await fault(work.path("whole.dump"), options)).toMatch(/DumpError: .*--max-decompressed-size/);
  });

  it("makes a database larger than allowed", async () => {
    const options = { maxDatabaseBytes: 1_000_000 };
    expect(await fault(work.path("whole.sql"), options)).toMatch(/ServerError: .*--max-database-size/);
  });
});

it("interrupted: everything of it is removed", async () => {
  const controller = new AbortController();
  const progress = new ImportProgress();
  const timer = setInterval(() => {
    if (progress.load.rows > 1000) controller.abort(new Error("Interrupted"));
  }, 5);
  const message = await fault(work.path("whole.sql"), { progress, signal: controller.signal });
  clearInterval(timer);
  expect(message).toBe("Error: Interrupted");
});

it("the server is killed during the load: it comes back with the live database, and the next import succeeds", async () => {
  const progress = new ImportProgress();
  const importing = fault(work.path("whole.sql"), { progress });
  while (progress.load.rows < 20_000) await new Promise((resolve) => setTimeout(resolve, 5));
  await postgres.crash();
  expect(await importing).toMatch(/(LoadError|ServerError): /);
  expect(await contents(postgres, "live")).toEqual(before.live);
  const result = await importInto(postgres, work.path("whole.sql"), { database: "second" });
  expect(result.outcome).toBe("imported");
  // What the first attempt could not remove is the next one's to remove.
  const again = await importInto(postgres, work.path("first.sql"));
  expect(again).toMatchObject({ outcome: "unchanged" });
  expect(again.removed).toHaveLength(1);
  await postgres.query("DROP DATABASE second");
});

it("the SHA-256 is that of the file as it is stored", async () => {
  const digest = createHash("sha256")
    .update(await readFile(work.path("first.sql")))
    .digest("hex");
  const result = await importInto(postgres, work.path("first.sql"), { sha256: digest });
  expect(result).toMatchObject({ outcome: "unchanged", sha256: digest });
});
