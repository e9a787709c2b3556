/** Dumps by hand; those of real tools are in `honest.test.ts`. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dumpWith, hostileCorpus } from "../testing/hostile";
import { openDump } from "./format";
import { inspectDump, type Inspection, type InspectOptions } from "./inspect";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "dhistance-inspect-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function inspect(dump: string | Buffer, options?: InspectOptions): Promise<Inspection> {
  const path = join(directory, "dump");
  await writeFile(path, dump);
  const opened = await openDump(path);
  try {
    return await inspectDump(opened, options);
  } finally {
    await opened.remove();
  }
}

const flyway =
  "CREATE TABLE public.flyway_schema_history (\n installed_rank int, version varchar, success boolean\n);\n";

describe("what a dump holds", () => {
  test("is reported, with its packing", async () => {
    const progress: [number, string][] = [];
    const found = await inspect(gzipSync(dumpWith("").dump), { progress: (...told) => progress.push(told) });
    expect(found).toEqual({
      format: "sql",
      packing: ["gzip"],
      serverVersion: "15.3",
      dumpVersion: "15.3",
      encoding: "UTF8",
      failedMigrations: [],
      tables: [{ name: "public.honest", rows: 1, bytes: 6 }],
      rows: 1,
      extensions: [],
      leftOut: [],
      refused: [],
    });
    expect(progress).toEqual([[1, "public.honest"]]);
  });

  test.each([
    [
      "COPY",
      "COPY public.flyway_schema_history (installed_rank, success, version) FROM stdin;\n1\tt\t2.41.3\n2\tf\t2.42.1\n3\tt\t\\N\n\\.\n",
    ],
    [
      "INSERT",
      "INSERT INTO public.flyway_schema_history VALUES (1, '2.41.3', true), (2, '2.42.1', false), (3, NULL, true);\n",
    ],
    [
      "INSERT with columns",
      "INSERT INTO public.flyway_schema_history (version, success) VALUES ('2.42.1', 'f');" +
        "INSERT INTO public.flyway_schema_history (version) VALUES ('2.41.3');\n",
    ],
  ])("DHIS2's version and failed migrations from %s", async (_what, rows) => {
    const found = await inspect(dumpWith(flyway + rows).dump);
    expect(found).toMatchObject({ dhis2Version: "2.42", failedMigrations: ["2.42.1"] });
    // As a run would say.
    expect(found.refused.map(({ reason }) => reason)).toEqual([
      expect.stringContaining("(2.42.1) had failed"),
    ]);
  });

  test("what would be left out, by reason", async () => {
    const found = await inspect(
      dumpWith(
        "ALTER TABLE public.honest OWNER TO a;\nALTER TABLE public.honest OWNER TO b;\nGRANT SELECT ON public.honest TO c;\n",
      ).dump,
    );
    expect(found.leftOut).toEqual([
      { what: expect.stringMatching(/^owners/) as string, statements: 2, rows: 0 },
      { what: expect.stringMatching(/^grants/) as string, statements: 1, rows: 0 },
    ]);
  });

  test("one of several databases", async () => {
    const dump =
      "-- PostgreSQL database cluster dump\n\\connect a\nCREATE TABLE public.t (b int);\nCOPY public.t FROM stdin;\n1\n\\.\n" +
      "\\connect c\nCREATE TABLE public.u (b int);\n-- PostgreSQL database cluster dump complete\n";
    expect((await inspect(dump)).refused).toMatchObject([
      { line: 8, reason: expect.stringContaining("several databases") as string },
    ]);
    expect(await inspect(dump, { database: "a" })).toMatchObject({ refused: [], rows: 1 });
  });
});

describe("what would be refused", () => {
  test("is all of it, not only the first", async () => {
    const hostile = ["ALTER SYSTEM SET a = 'b';", "\\! touch x", "SELECT 1;", "DO 'x';"];
    const { dump, firstLine } = dumpWith(hostile.join("\n"));
    const found = await inspect(dump);
    expect(found.refused.map(({ line, statement }) => [line, statement])).toEqual(
      hostile.map((statement, i) => [firstLine + i, statement.replace(/;$/, "")]),
    );
    expect(found.tables).toEqual([{ name: "public.honest", rows: 1, bytes: 6 }]);
  });

  test("each of the hostile things, and nothing before or after it", async () => {
    for (const { what, sql, line = 1, reason } of hostileCorpus("/tmp/canary")) {
      const { dump, firstLine } = dumpWith(sql);
      const { refused } = await inspect(dump);
      expect([what, refused[0]?.line]).toEqual([what, firstLine + line - 1]);
      expect(refused[0]?.reason).toMatch(reason);
    }
  });

  test("a dump that was cut short, damaged, or is too long", async () => {
    const { dump } = dumpWith("");
    const end = (text: string) => ({
      refused: [{ statement: "", reason: expect.stringContaining(text) as string }],
    });
    expect(await inspect(dump.subarray(0, -45))).toMatchObject(end("closing comment"));
    expect(await inspect(dump.subarray(0, dump.indexOf("one\n")))).toMatchObject(end("the dump ends"));
    expect(await inspect(Buffer.concat([dump, Buffer.from("SELECT '\xff';", "latin1")]))).toMatchObject(
      end("not UTF-8"),
    );
  });

  test("no more than a hundred", async () => {
    expect((await inspect(dumpWith("SELECT 1;".repeat(200)).dump)).refused).toHaveLength(100);
  });

  test("can be given up", async () => {
    await expect(
      inspect(dumpWith("").dump, { signal: AbortSignal.abort(new Error("stopped")) }),
    ).rejects.toThrow("stopped");
  });
});
