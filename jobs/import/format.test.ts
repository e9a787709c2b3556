import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDump, recognise, type FormatOptions, type Packing } from "./format";
import { checkFileNames } from "./packing/directory";

let directory: string;
const sql = `-- PostgreSQL database dump\n${"SELECT 1; -- é\n".repeat(20_000)}-- PostgreSQL database dump complete\n`;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "dhistance-format-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

let files = 0;
/** A file with a name that says nothing. */
function file(contents: Buffer | string): string {
  const path = join(directory, `file-${files++}`);
  writeFileSync(path, contents);
  return path;
}

function command(program: string, parameters: string[], input: Buffer | string): Buffer {
  return execFileSync(program, parameters, { input, maxBuffer: 1 << 28 });
}

const zstd = (input: Buffer | string) => command("zstd", ["-q", "-c"], input);

/** A tar or zip of files, made by the programs that people use. */
function pack(kind: "tar" | "zip", contents: Record<string, string | Buffer>): Buffer {
  const path = join(directory, `pack-${files++}`);
  mkdirSync(path);
  for (const [name, text] of Object.entries(contents)) {
    mkdirSync(join(path, name, ".."), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  const names = Object.keys(contents);
  if (kind === "tar") return execFileSync("tar", ["-cf", "-", "-C", path, ...names], { maxBuffer: 1 << 28 });
  execFileSync("zip", ["-q", "-r", "../packed.zip", ...names], { cwd: path });
  const zip = readFileSync(join(directory, "packed.zip"));
  execFileSync("rm", [join(directory, "packed.zip")]);
  return zip;
}

/** Looks like pg_dump's, as far as telling formats apart goes. */
const toc = Buffer.from("PGDMP\x01\x0e\x00\x04\x08\x01\x01");

/** What it is taken for, and what comes out of it. */
async function read(path: string, options?: FormatOptions) {
  const dump = await openDump(path, { spoolDirectory: directory, ...options });
  try {
    if (dump.kind === "archive") {
      const contents =
        dump.format === "directory" ? (await readdir(dump.path)).sort() : readFileSync(dump.path);
      return { kind: dump.kind, format: dump.format, packing: dump.packing, contents };
    }
    const hash = createHash("sha256");
    for await (const chunk of dump.read()) hash.update(chunk);
    const whole = hash.digest("hex") === createHash("sha256").update(sql).digest("hex");
    return { kind: dump.kind, packing: dump.packing, whole, read: dump.bytesRead() };
  } finally {
    await dump.remove();
  }
}

describe("recognised by content", () => {
  test.each<[what: string, make: () => Buffer | string, packing: Packing[]]>([
    ["plain SQL", () => sql, []],
    ["gzip", () => gzipSync(sql), ["gzip"]],
    [
      "gzip of several members",
      () => Buffer.concat([gzipSync(sql.slice(0, 999)), gzipSync(sql.slice(999))]),
      ["gzip"],
    ],
    ["zstd", () => zstd(sql), ["zstd"]],
    [
      "zstd of several frames",
      () => Buffer.concat([zstd(sql.slice(0, 999)), zstd(sql.slice(999))]),
      ["zstd"],
    ],
    ["zip", () => pack("zip", { "a.sql": sql }), ["zip"]],
    ["zip as macOS makes it", () => pack("zip", { "a/a.sql": sql, "__MACOSX/._a.sql": "x" }), ["zip"]],
    ["zip of gzip", () => pack("zip", { "a.gz": gzipSync(sql) }), ["zip", "gzip"]],
    ["tar of one file", () => pack("tar", { "x/a": sql }), ["tar"]],
    ["tar.gz of one file", () => gzipSync(pack("tar", { a: sql })), ["gzip", "tar"]],
    ["zstd of gzip", () => zstd(gzipSync(sql)), ["zstd", "gzip"]],
    ["gzip of zip", () => gzipSync(pack("zip", { a: sql })), ["gzip", "zip"]],
  ])("%s", async (_what, make, packing) => {
    const contents = Buffer.from(make());
    expect(await read(file(contents))).toMatchObject({ kind: "sql", packing, whole: true });
  });

  test("bytes read are those of the file", async () => {
    const packed = gzipSync(sql);
    expect(await read(file(packed))).toMatchObject({ read: packed.length });
    expect(await read(file(sql))).toMatchObject({ read: Buffer.byteLength(sql) });
  });

  const directoryArchive = {
    "toc.dat": toc,
    "3.dat.gz": "x",
    "blobs.toc": "1 blob_1.dat\n",
    "blob_1.dat": "x",
  };
  const fromWithin = Object.fromEntries(
    Object.entries(directoryArchive).map(([name, text]) => [`./${name}`, text]),
  );
  const inFolder = Object.fromEntries(
    Object.entries(directoryArchive).map(([name, text]) => [`dump/${name}`, text]),
  );
  test.each<[what: string, make: () => Buffer, format: string, packing: Packing[]]>([
    ["custom", () => toc, "custom", []],
    ["custom in gzip", () => gzipSync(toc), "custom", ["gzip"]],
    ["custom in zip", () => pack("zip", { "a.sql": toc }), "custom", ["zip"]],
    ["tar", () => pack("tar", { "toc.dat": toc, "1.dat": "x", "restore.sql": "x" }), "tar", []],
    ["tar in zstd", () => zstd(pack("tar", { "toc.dat": toc, "restore.sql": "x" })), "tar", ["zstd"]],
    ["directory in tar", () => pack("tar", directoryArchive), "directory", ["tar"]],
    ["directory in tar, from within", () => pack("tar", fromWithin), "directory", ["tar"]],
    ["directory with its folder in tar", () => pack("tar", inFolder), "directory", ["tar"]],
    ["directory in tar.gz", () => gzipSync(pack("tar", inFolder)), "directory", ["gzip", "tar"]],
    ["directory in zip", () => pack("zip", inFolder), "directory", ["zip"]],
  ])("an archive: %s", async (_what, make, format, packing) => {
    const found = await read(file(make()));
    expect(found).toMatchObject({ kind: "archive", format, packing });
    if (format === "directory") expect(found.contents).toEqual(Object.keys(directoryArchive).sort());
    if (format === "custom") expect(found.contents).toEqual(toc);
  });

  test("nothing is left behind", async () => {
    const dump = await openDump(file(gzipSync(toc)), { spoolDirectory: directory });
    if (dump.kind !== "archive") throw new Error(dump.kind);
    expect(existsSync(dump.path)).toBe(true);
    await dump.remove();
    expect(existsSync(dump.path)).toBe(false);
  });
});

describe("refused by what it is", () => {
  test.each<[what: string, make: () => Buffer | string, fault: string, message: RegExp]>([
    ["nothing", () => "", "unknown-format", /empty/],
    ["nothing, packed", () => gzipSync(""), "unknown-format", /empty/],
    ["UTF-16", () => Buffer.from(`\ufeff${sql}`, "utf16le"), "unknown-format", /UTF-16.*PowerShell/],
    ["UTF-16 without a mark", () => Buffer.from(sql, "utf16le"), "unknown-format", /UTF-16.*PowerShell/],
    ["bzip2", () => "BZh91AY", "unknown-format", /bzip2/],
    ["xz", () => Buffer.from("\xfd7zXZ\0\0", "latin1"), "unknown-format", /xz/],
    ["an image", () => Buffer.from("\x89PNG\r\n\x1a\n\0", "latin1"), "unknown-format", /no PostgreSQL dump/],
    ["a dump of MySQL", () => "-- MySQL dump 10.13  Distrib 8.0\n", "unknown-format", /MySQL/],
    [
      "an error page",
      () => "<?xml version='1.0'?><Error><Code>AccessDenied",
      "unknown-format",
      /error message/,
    ],
    ["JSON", () => '{"a": 1}', "unknown-format", /JSON/],
    ["an encrypted file", () => "Salted__xxxx", "unknown-format", /encrypted/],
    ["gzip cut short", () => gzipSync(sql).subarray(0, -20), "truncated", /gzip data end too early/],
    ["zstd cut short", () => zstd(sql).subarray(0, 30), "truncated", /zstd data end too early/],
    ["zip cut short", () => pack("zip", { a: sql }).subarray(0, -30), "truncated", /zip file ends too early/],
    [
      "tar cut short",
      () => pack("tar", { a: sql }).subarray(0, 3000),
      "truncated",
      /tar file ends too early/,
    ],
    ["gzip damaged", () => damaged(gzipSync(sql)), "corrupt", /gzip data are damaged/],
    ["zstd damaged", () => damaged(zstd(sql)), "corrupt", /zstd data are damaged/],
    ["zip damaged", () => damaged(pack("zip", { a: sql })), "corrupt", /zip/],
    ["tar damaged", () => damaged(pack("tar", { a: sql }), 100), "corrupt", /tar file is damaged/],
    ["zip of several files", () => pack("zip", { a: sql, b: sql }), "unknown-format", /2 files \(a, b\)/],
    ["tar of several files", () => pack("tar", { a: sql, b: sql }), "unknown-format", /neither.*a, b/],
    [
      "packed over and over",
      () => [1, 2, 3, 4, 5].reduce((all) => gzipSync(all), Buffer.from(sql)),
      "unsupported",
      /4 times/,
    ],
    [
      "a directory archive that refers to another file",
      () => pack("tar", { "toc.dat": Buffer.concat([toc, Buffer.from("\0\x10\0\0\0../../etc/passwd\0")]) }),
      "refused",
      /outside of it: "..\/..\/etc\/passwd/,
    ],
    [
      "a list of large objects that refers to another file",
      () => pack("tar", { "toc.dat": toc, "blobs.toc": "1 ../../etc/passwd\n" }),
      "refused",
      /outside of it/,
    ],
  ])("%s", async (_what, make, fault, message) => {
    await expect(read(file(make()))).rejects.toMatchObject({
      name: "DumpError",
      fault,
      message: expect.stringMatching(message) as string,
    });
  });

  function damaged(contents: Buffer, at = contents.length >> 1): Buffer {
    const copy = Buffer.from(contents);
    for (let i = 0; i < 20; i++) copy[at + i] = (copy[at + i] as number) ^ 0xa5;
    return copy;
  }

  test("a tar's links and paths outside of it are not followed", async () => {
    const path = join(directory, "evil");
    mkdirSync(path);
    writeFileSync(join(path, "toc.dat"), toc);
    execFileSync("ln", ["-s", "/etc/passwd", join(path, "3.dat")]);
    const parameters = ["-cf", "-", "-C", path, "--transform=s,^9.dat,../../9.dat,", "toc.dat", "3.dat"];
    const found = await read(file(execFileSync("tar", parameters)));
    expect(found).toMatchObject({ format: "directory", contents: ["toc.dat"] });
  });

  test("what its file names may be", () => {
    const reference = (name: string) =>
      Buffer.concat([toc, Buffer.from([0, name.length, 0, 0, 0]), Buffer.from(name)]);
    for (const name of ["../x", "./../x", "//../x", "../../../proc/self/environ"]) {
      expect(() => checkFileNames("toc.dat", reference(name))).toThrow(/outside/);
    }
    for (const name of ["3.dat.gz", "CREATE VIEW a AS SELECT '../x'", "a/../b is text"]) {
      expect(() => checkFileNames("toc.dat", reference(name))).not.toThrow();
    }
  });
});

describe("limits", () => {
  const zeros = Buffer.alloc(2 << 20);
  test.each([
    ["gzip", () => gzipSync(Buffer.concat([Buffer.from("-- "), zeros.fill("a")]))],
    ["zstd", () => zstd(Buffer.concat([Buffer.from("-- "), zeros.fill("a")]))],
    ["zip", () => pack("zip", { a: Buffer.concat([Buffer.from("-- "), zeros.fill("a")]) })],
  ])("on what %s expands to", async (_what, make) => {
    const error = {
      fault: "too-big",
      message: expect.stringMatching(/more than 1 MiB.*--max-decompressed-size/) as string,
    };
    await expect(read(file(make()), { maxBytes: 1 << 20 })).rejects.toMatchObject(error);
    await expect(read(file(make()), { maxBytes: 1 << 22 })).resolves.toMatchObject({ kind: "sql" });
  });

  test("on how many times its size, past 1 GiB", async () => {
    // 1.2 GB of zeros are 1.2 MB of gzip, or a few dozen kB when these are compressed again.
    const bomb = execFileSync(
      "sh",
      ["-c", "{ printf -- '-- '; head -c 1200000000 /dev/zero | tr '\\0' a; } | gzip -1"],
      {
        maxBuffer: 1 << 28,
      },
    );
    await expect(read(file(bomb))).rejects.toMatchObject({
      fault: "too-big",
      message: expect.stringMatching(/more than 200 times.*--max-ratio/) as string,
    });
  });

  test("on an archive that has to be unpacked first", async () => {
    await expect(
      read(file(gzipSync(Buffer.concat([toc, zeros]))), { maxBytes: 1 << 20 }),
    ).rejects.toMatchObject({ fault: "too-big" });
    await expect(
      read(file(gzipSync(pack("tar", { "toc.dat": toc, "1.dat": zeros }))), { maxBytes: 1 << 20 }),
    ).rejects.toMatchObject({ fault: "too-big" });
  });
});

test("recognise looks at the first bytes alone", () => {
  expect(recognise(Buffer.from("  \n-- hello"))).toBe("sql");
  expect(recognise(Buffer.from("\ufeff-- hello"))).toBe("sql");
  expect(recognise(Buffer.from("PGDMP"))).toBe("custom");
  expect(() => recognise(Buffer.from("1,2,3\n"))).toThrow('it begins with "1,2,3');
});
