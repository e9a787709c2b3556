/** What an import must never do: replace a live database by less than the dump holds, or by nothing. */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contents } from "../testing/everyKindOfObject";
import { dumpWith } from "../testing/hostile";
import { client, importInto, startImporting } from "../testing/importing";
import type { TestPostgres } from "../testing/postgres";
import { DumpError } from "./errors";
import { openDump } from "./format";
import { inspectDump } from "./inspect";

const run = promisify(execFile);

let postgres: TestPostgres;
let work: Awaited<ReturnType<typeof startImporting>>["work"];
let stop: () => Promise<void>;
let live: Record<string, string>;

beforeAll(async () => {
  ({ postgres, work, stop } = await startImporting());
  await writeFile(work.path("honest.sql"), dumpWith("").dump);
  await importInto(postgres, work.path("honest.sql"));
  live = await contents(postgres, "live");
});
afterAll(() => stop());

/** A dump of `database`; a directory archive is packed with tar. */
async function dump(name: string, database: string, flags: string[]): Promise<string> {
  const path = work.path(name);
  await client(postgres, "pg_dump", [...flags, "-f", path, database]);
  if (!flags.includes("-Fd")) return path;
  await run("tar", ["-czf", `${path}.tgz`, "-C", path, "."]);
  return `${path}.tgz`;
}

/** What `inspect` and `--dry-run` say, and what `run` says. */
async function refusals(path: string): Promise<string[]> {
  const inspected = await (async () => {
    const opened = await openDump(path);
    const { refused } = await inspectDump(opened).finally(() => opened.remove());
    return refused.map(({ reason }) => reason).join("\n");
  })().catch((error: unknown) => (error as Error).message);
  const ran = await importInto(postgres, path, { reimport: true, extensions: [] }).then(
    ({ rows }) => `imported, with ${rows} rows`,
    (error: unknown) => (error instanceof DumpError ? error.message : `${String(error)}, no DumpError`),
  );
  return [inspected, ran];
}

async function expectRefused(path: string, reason: RegExp): Promise<void> {
  const [inspected, ran] = await refusals(path);
  expect(ran).toMatch(reason);
  expect(inspected).toMatch(reason);
  expect(await contents(postgres, "live")).toEqual(live);
}

describe("does not replace the live database by", () => {
  beforeAll(async () => {
    await postgres.query("CREATE DATABASE empty");
    await postgres.query("CREATE DATABASE small");
    const rows = "INSERT INTO patient SELECT i, 'name ' || i FROM generate_series(1, 2000) i";
    await postgres.query(`CREATE TABLE patient (id int PRIMARY KEY, name text); ${rows}`, undefined, "small");
  });

  it.each([["-Fp"], ["-Fc"], ["-Ft"], ["-Fd"]])("a dump of an empty database (%s)", async (format) => {
    await expectRefused(await dump(`empty${format}`, "empty", [format]), /the dump makes no table/);
  });

  it.each([["-Fp"], ["-Fc"]])("a dump of tables without rows (%s --schema-only)", async (format) => {
    const path = await dump(`schema${format}`, "small", [format, "--schema-only"]);
    await expectRefused(path, /tables but not a single row .* without --schema-only/);
  });

  it("a dump whose only rows are those that are left out", async () => {
    const { dump } = dumpWith("");
    const path = work.path("analytics-only.sql");
    const generated = dump.toString("utf8").replaceAll("public.honest", "public.analytics_2025");
    await writeFile(path, generated);
    await expectRefused(path, /not a single row/);
  });

  it("an archive with a damaged table of contents", async () => {
    const path = await dump("contents.dump", "small", ["-Fc"]);
    const bytes = await readFile(path);
    const list = (await run("pg_restore", ["--list", path])).stdout;
    const version = /Dumped by pg_dump version: (.*)$/m.exec(list)?.[1] ?? "";
    // The number of entries follows pg_dump's version: a sign, and four bytes.
    const at = bytes.indexOf(version, bytes.indexOf(version) + version.length) + version.length;
    expect(bytes.readInt32LE(at + 1)).toBe(Number(/TOC Entries: (\d+)/.exec(list)?.[1]));
    for (const [sign, count] of [[1, 6] as const, [0, 0] as const]) {
      bytes.writeUInt8(sign, at);
      bytes.writeInt32LE(count, at + 1);
      await writeFile(path, bytes);
      await expectRefused(path, /damaged: its table of contents has (-6|0) entries/);
    }
  });

  describe("what a terminal has damaged (docker exec -t)", () => {
    const throughTerminal = (bytes: Buffer) =>
      Buffer.from(bytes.toString("latin1").replaceAll("\n", "\r\n"), "latin1");

    it.each([
      ["custom", ["-Fc"], undefined],
      ["tar", ["-Ft"], undefined],
      ["plain SQL in gzip", ["-Fp"], "gzip"],
      ["plain SQL in zstd", ["-Fp"], "zstd"],
    ] as const)("%s", async (name, flags, pack) => {
      const path = await dump(`terminal-${name}`, "small", [...flags]);
      const packed = pack === undefined ? path : `${path}.packed`;
      if (pack) await run("bash", ["-c", `${pack} -c < "$1" > "$2"`, "-", path, packed]);
      await writeFile(packed, throughTerminal(await readFile(packed)));
      await expectRefused(packed, /damaged by a terminal.*docker exec -t/);
    });

    it("packed afterwards", async () => {
      const path = await dump("terminal.dump", "small", ["-Fc"]);
      await writeFile(path, throughTerminal(await readFile(path)));
      await run("gzip", ["-k", path]);
      await run("zip", ["-q", "-j", `${path}.zip`, path]);
      await expectRefused(`${path}.gz`, /damaged by a terminal.*docker exec -t/);
      await expectRefused(`${path}.zip`, /damaged by a terminal.*docker exec -t/);
    });
  });
});

describe("keeps the rows of a ministry's own tables, whatever they are called", () => {
  const own = [
    ...["public._moh_stock", "hr._staff", 'public."analytics 2020 notes"', 'public."analytics_2020 "'],
    ...[
      'public."analytics.2020"',
      'public."ANALYTICS_2020"',
      'public."analytics_""x"""',
      "hr.analytics_2020",
    ],
    ...['"public analytics".analytics', '"DATA".public', "public.analyticsperiodboundary"],
  ];
  const generated = [
    "public.analytics_2020",
    "public._orgunitstructure",
    "public.analytics_event_ipr7m9hxkf1_2020",
  ];
  let origin: Record<string, string>;

  beforeAll(async () => {
    await postgres.query('CREATE ROLE "analytics owner" SUPERUSER');
    await postgres.query("CREATE DATABASE names");
    const tables = [...own, ...generated].map(
      (name, i) =>
        `CREATE TABLE ${name} (a int, b text); INSERT INTO ${name} VALUES (${i}, 'a'), (${i}, 'b');`,
    );
    const schemas = 'CREATE SCHEMA hr; CREATE SCHEMA "public analytics"; CREATE SCHEMA "DATA"; ';
    await postgres.query(schemas + tables.join("\n"), undefined, "names");
    await postgres.query('ALTER TABLE hr._staff OWNER TO "analytics owner"', undefined, "names");
    origin = await contents(postgres, "names");
    for (const name of generated) origin[name] = "0 ";
  });

  it.each([
    ["plain SQL", ["-Fp"]],
    ["plain SQL as INSERTs", ["-Fp", "--inserts"]],
    ["custom", ["-Fc"]],
    ["custom as INSERTs", ["-Fc", "--inserts", "--rows-per-insert=2"]],
    ["tar", ["-Ft"]],
    ["directory", ["-Fd"]],
  ])("%s; what is left out is named with its rows", async (name, flags) => {
    const path = await dump(`names-${name}`, "names", flags);
    const options = { database: "named", reimport: true, extensions: ["postgis"] };
    const result = await importInto(postgres, path, options);
    const named = await contents(postgres, "named");
    expect({ ...named, schema: "" }).toEqual({ ...origin, schema: "" });
    const about = result.leftOut.find(({ what }) => what.includes("analytics"));
    expect(about?.rows).toBe(6);
    expect(about?.tables?.toSorted((a, b) => a.name.localeCompare(b.name))).toEqual(
      generated.map((table) => ({ name: table, rows: 2 })).toSorted((a, b) => a.name.localeCompare(b.name)),
    );
  });
});

describe("does not store bytes that are no text in the new database", () => {
  beforeAll(async () => {
    await postgres.query("CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'");
    await postgres.query("CREATE TABLE village (id int, name text)", undefined, "bytes");
  });
  const fill = (...names: string[]) =>
    postgres.query(
      `TRUNCATE village; INSERT INTO village VALUES ${names.map((name, i) => `(${i}, E'${name}')`).join(", ")}`,
      undefined,
      "bytes",
    );

  it.each([["-Fp"], ["-Fp", "--inserts"], ["-Fc"], ["-Fc", "--inserts"], ["-Ft"]])(
    "of a SQL_ASCII database (%s %s)",
    async (...flags) => {
      await fill("Accra", "C\\364te");
      const path = await dump(`latin1${flags.join("")}`, "bytes", flags);
      // An archive's lines are those of a text that nobody has.
      const where = flags.includes("-Fp") ? "Line \\d+: " : "";
      await expectRefused(
        path,
        new RegExp(
          `^${where}(the statement "INSERT INTO public.village|row 2 of COPY public.village) .*not UTF-8 \\(0xf4\\), in a dump of .* SQL_ASCII`,
        ),
      );
    },
  );

  it("and names table, row and line", async () => {
    await fill("Accra", "Tema", "C\\364te", "Ho");
    const path = await dump("row.sql", "bytes", ["-Fp"]);
    const line =
      (await readFile(path, "latin1")).split("\n").findIndex((text) => text.includes("C\xf4te")) + 1;
    await expectRefused(path, new RegExp(`Line ${line}: row 3 of COPY public.village .*0xf4`));
  });

  it.each([["-Fp"], ["-Fp", "--inserts"], ["-Fc"], ["-Fc", "--inserts"], ["-Ft"]])(
    "and converts them from the encoding that is named (%s %s)",
    async (...flags) => {
      await fill("Accra", "C\\364te", "\\244\\344");
      const path = await dump(`named${flags.join("")}`, "bytes", flags);
      const options = { database: "converted", reimport: true, extensions: ["postgis"] };
      await importInto(postgres, path, { ...options, encoding: "LATIN9" });
      const names = await postgres.query("SELECT name FROM village ORDER BY id", undefined, "converted");
      expect(names.map(({ name }) => name as string)).toEqual(["Accra", "Côte", "€ä"]);
      // 0x81 is not a character of WIN1252.
      await fill("Accra", "C\\201te");
      const undefinedByte = await dump(`undefined${flags.join("")}`, "bytes", flags);
      await expect(importInto(postgres, undefinedByte, { ...options, encoding: "WIN1252" })).rejects.toThrow(
        /no text in WIN1252|0x81 in encoding "WIN1252" has no equivalent/,
      );
    },
  );

  it("and does not convert a dump that says in which encoding it is", async () => {
    await postgres.query(
      "CREATE TABLE IF NOT EXISTS village (name text); INSERT INTO village VALUES ('Côte')",
    );
    const path = await dump("says.sql", "postgres", ["-Fp"]);
    await expect(importInto(postgres, path, { reimport: true, encoding: "LATIN1" })).rejects.toThrow(
      /--encoding LATIN1 is only for a dump of a SQL_ASCII database; this one says that its text is UTF8/,
    );
    await importInto(postgres, path, { database: "says", encoding: "UTF8" });
  });

  it("of a dump that says that it is UTF-8, and takes the one that is", async () => {
    await fill("Accra", "C\\303\\264te");
    const path = await dump("utf8.sql", "bytes", ["-Fp"]);
    await importInto(postgres, path, { database: "villages", extensions: ["postgis"] });
    const names = await postgres.query(
      "SELECT upper(name) AS name FROM village ORDER BY id",
      undefined,
      "villages",
    );
    expect(names.map(({ name }) => name as string)).toEqual(["ACCRA", "CÔTE"]);
    const text = (await readFile(path, "latin1"))
      .replace("SQL_ASCII", "UTF8")
      .replace("C\xc3\xb4te", "C\xf4te");
    await writeFile(path, Buffer.from(text, "latin1"));
    await expectRefused(path, /row 2 of COPY public.village .*client_encoding UTF8/);
  });
});
