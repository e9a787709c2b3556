import { execFileSync, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S3Client } from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { inPieces } from "../testing/dumps";
import { openSource } from "./source";

const contents = randomBytes(300_000);
const sha256 = createHash("sha256").update(contents).digest("hex");
const other = "0".repeat(64);

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "dhistance-source-"));
  writeFileSync(join(directory, "dump"), contents);
});
afterAll(() => rm(directory, { recursive: true, force: true }));
// What was taken to disk is gone, whatever happened.
afterEach(async () => expect(await readdir(directory)).toEqual(["dump"]));

describe("a file", () => {
  const path = () => join(directory, "dump");

  test("is read where it is, and stays", async () => {
    const source = await openSource(path());
    expect(source).toMatchObject({ name: path(), path: path(), size: contents.length });
    expect(await source.sha256()).toBe(sha256);
    await source.remove();
    expect(existsSync(path())).toBe(true);
  });

  test("with the right checksum, told of as it is read", async () => {
    const told: [number, number | undefined][] = [];
    await openSource(path(), { sha256: sha256.toUpperCase(), progress: (...bytes) => told.push(bytes) });
    expect(told.at(-1)).toEqual([contents.length, contents.length]);
  });

  test("with another checksum, or none that could be one", async () => {
    await expect(openSource(path(), { sha256: other })).rejects.toMatchObject({
      fault: "checksum",
      message: `${path()} has the SHA-256 ${sha256}, not ${other}: it is another dump, or was damaged on its way`,
    });
    await expect(openSource(path(), { sha256: "abc" })).rejects.toThrow('"abc" is not a SHA-256');
  });

  test("that is not there, or a directory", async () => {
    await expect(openSource(join(directory, "none"))).rejects.toThrow(/there is no such file/);
    await expect(openSource(directory)).rejects.toThrow(/is a directory; pack.*tar -cf/);
  });

  test("a pipe is taken to disk", async () => {
    const pipe = join(directory, "pipe");
    execFileSync("mkfifo", [pipe]);
    spawn("sh", ["-c", 'cat "$0" > "$1"', path(), pipe], { stdio: "ignore" });
    const source = await openSource(pipe, { sha256, spoolDirectory: directory });
    expect(readFileSync(source.path).equals(contents)).toBe(true);
    await source.remove();
    await rm(pipe);
  });
});

describe("standard input", () => {
  test("is taken to disk", async () => {
    const source = await openSource("-", {
      sha256,
      stdin: inPieces(contents, 1000),
      spoolDirectory: directory,
    });
    expect(source.size).toBe(contents.length);
    expect(readFileSync(source.path).equals(contents)).toBe(true);
    await source.remove();
    expect(existsSync(source.path)).toBe(false);
  });

  test("has a limit, and a checksum", async () => {
    const stdin = () => inPieces(contents, 1000);
    await expect(
      openSource("-", { stdin: stdin(), maxSpoolBytes: 1000, spoolDirectory: directory }),
    ).rejects.toMatchObject({
      fault: "too-big",
      message: expect.stringContaining("--max-spool") as string,
    });
    await expect(
      openSource("-", { stdin: stdin(), sha256: other, spoolDirectory: directory }),
    ).rejects.toMatchObject({ fault: "checksum" });
  });

  test("can be given up", async () => {
    const controller = new AbortController();
    const progress = () => {
      controller.abort(new Error("stopped"));
    };
    const options = {
      stdin: inPieces(contents, 1000),
      progress,
      signal: controller.signal,
      spoolDirectory: directory,
    };
    await expect(openSource("-", options)).rejects.toThrow("stopped");
  });
});

describe("S3, by a server that stands in for it", () => {
  let server: Server;
  let client: S3Client;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let ranges: (string | undefined)[];

  beforeAll(async () => {
    server = createServer((request, response) => {
      ranges.push(request.headers.range);
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    client = new S3Client({
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId: "a", secretAccessKey: "b" },
      maxAttempts: 1,
    });
  });
  afterAll(() => {
    client.destroy();
    server.close();
  });

  /** Gives the object from where it is asked for, and breaks off after `most` bytes. */
  function give(most: number) {
    return (request: IncomingMessage, response: ServerResponse) => {
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, { etag: '"1"', "content-length": contents.length - from });
      const part = contents.subarray(from, from + most);
      response.write(part, () => {
        if (from + most < contents.length) response.destroy();
        else response.end();
      });
    };
  }

  function fail(status: number, code: string) {
    return (_request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(status, { "content-type": "application/xml" });
      response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>x</Message></Error>`);
    };
  }

  const open = (options = {}) => {
    ranges = [];
    return openSource("s3://bucket/a/dump.sql", { s3: client, spoolDirectory: directory, ...options });
  };

  test("an object is taken to disk", async () => {
    answer = give(contents.length);
    const source = await open({ sha256 });
    expect(source.size).toBe(contents.length);
    expect(ranges).toEqual([undefined]);
    await source.remove();
  });

  test("its address and account come from the environment", async () => {
    answer = give(contents.length);
    ranges = [];
    const { AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env;
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: "a",
      AWS_SECRET_ACCESS_KEY: "b",
    });
    try {
      const source = await openSource("s3://bucket/dump", { sha256, spoolDirectory: directory });
      await source.remove();
    } finally {
      for (const [name, value] of Object.entries({
        AWS_ENDPOINT_URL,
        AWS_ACCESS_KEY_ID,
        AWS_SECRET_ACCESS_KEY,
      })) {
        if (value === undefined) Reflect.deleteProperty(process.env, name);
        else process.env[name] = value;
      }
    }
  });

  test("a connection that breaks is taken up where it was", async () => {
    answer = give(130_000);
    const source = await open({ sha256 });
    // How much of a broken answer gets through is the network's affair.
    const from = ranges.map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? "bytes=0-")?.[1]));
    expect(from.length).toBeGreaterThanOrEqual(3);
    expect(from).toEqual([...new Set(from)].sort((a, b) => a - b));
    await source.remove();
  });

  test("an object that was replaced meanwhile is refused", async () => {
    answer = (request, response) => {
      if (!request.headers.range) give(1000)(request, response);
      else if (request.headers["if-match"] === '"1"') fail(412, "PreconditionFailed")(request, response);
    };
    await expect(open()).rejects.toMatchObject({
      fault: "unreadable",
      message: expect.stringContaining("replaced while") as string,
    });
  });

  test.each([
    [404, "NoSuchKey", "no such object in the bucket"],
    [404, "NoSuchBucket", "no such bucket"],
    [403, "AccessDenied", "s3:GetObject"],
  ])("%s %s", async (status, code, message) => {
    answer = fail(status, code);
    await expect(open()).rejects.toMatchObject({
      fault: "unreadable",
      message: expect.stringContaining(message) as string,
    });
  });

  test("an address that is none", async () => {
    await expect(openSource("s3://bucket")).rejects.toThrow("is not an S3 address; such as s3://bucket/key");
  });
});
