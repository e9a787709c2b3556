import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { create } from "tar";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { archiveName, checksumOf, download } from "./download";
import { Obstacle } from "./engineSource";
import { ENGINE_VERSION } from "./pins";
import { silent } from "./progress";

/** Programs are started, which takes its time on a busy machine. */
vi.setConfig({ testTimeout: 30_000 });

const ARCHIVE = archiveName(ENGINE_VERSION, process.platform, process.arch);
const LIST = `pulumi-${ENGINE_VERSION}-checksums.txt`;

let folder: string;
let cache: string;
let server: Server;
let origin: string;
/** What the server has for a path; a function answers by itself. */
let files: Record<string, Buffer | string | RequestListener>;
let requests: string[];

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "download-"));
  cache = path.join(folder, "cache");
  files = {};
  requests = [];
  server = createServer((request, response) => {
    requests.push(request.url ?? "");
    const file = files[(request.url ?? "").slice(1)];
    if (typeof file === "function") return file(request, response);
    response.statusCode = file === undefined ? 404 : 200;
    response.end(file ?? "no such file");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const fetchIt = () => download({ cache, env: {}, progress: silent }, { archives: origin, checksums: origin });

/** An archive as the official ones are laid out, with a `pulumi` that says its version. */
function archive(version = ENGINE_VERSION, programs = ["pulumi", "pulumi-language-nodejs"]): Buffer {
  const content = path.join(folder, "content");
  mkdirSync(path.join(content, "pulumi"), { recursive: true });
  for (const name of programs) {
    writeFileSync(path.join(content, "pulumi", name), `#!/bin/sh\necho v${version}\n`);
    chmodSync(path.join(content, "pulumi", name), 0o755);
  }
  create({ file: path.join(folder, "a.tgz"), cwd: content, gzip: true, sync: true }, ["pulumi"]);
  return readFileSync(path.join(folder, "a.tgz"));
}
const sha256 = (content: Buffer) => createHash("sha256").update(content).digest("hex");

/** Nothing that could be taken for a tool is left of a failure. */
function expectNothingLeft() {
  expect(existsSync(cache) ? readdirSync(cache) : []).toEqual([]);
}

describe("download", () => {
  it("unpacks an archive that has the published checksum, and asks for it once", async () => {
    const content = archive();
    files = { [ARCHIVE]: content, [LIST]: `${sha256(content)}  ${ARCHIVE}\n` };
    const first = await fetchIt();
    expect(first.made).toBe(true);
    expect(readFileSync(first.pulumi, "utf8")).toContain(ENGINE_VERSION);
    expect(readdirSync(path.dirname(first.pulumi)).sort()).toEqual(["pulumi", "pulumi-language-nodejs"]);
    requests = [];
    expect(await fetchIt()).toEqual({ pulumi: first.pulumi, made: false });
    expect(requests).toEqual([]);
  });

  it("refuses an archive with another checksum, naming both, and does not keep it", async () => {
    const published = "0".repeat(64);
    const content = archive();
    files = { [ARCHIVE]: content, [LIST]: `${published}  ${ARCHIVE}\n` };
    await expect(fetchIt()).rejects.toThrow(
      `has sha256 ${sha256(content)}, published is ${published}: not used`,
    );
    expectNothingLeft();
  });

  it("refuses an archive that was truncated on the way", async () => {
    const content = archive();
    files = {
      [LIST]: `${sha256(content)}  ${ARCHIVE}\n`,
      [ARCHIVE]: (_, response) => {
        response.writeHead(200, { "content-length": content.length });
        response.write(content.subarray(0, content.length / 2), () => response.destroy());
      },
    };
    await expect(fetchIt()).rejects.toThrow(Obstacle);
    expectNothingLeft();
  });

  it("refuses an archive that is not in the list, holds another version or no language host", async () => {
    files = { [LIST]: `${"0".repeat(64)}  pulumi-v${ENGINE_VERSION}-windows-x64.zip\n` };
    await expect(fetchIt()).rejects.toThrow(`the published checksums do not name ${ARCHIVE}`);
    const old = archive("3.1.0");
    files = { [ARCHIVE]: old, [LIST]: `${sha256(old)}  ${ARCHIVE}\n` };
    await expect(fetchIt()).rejects.toThrow("is 3.1.0");
    rmSync(path.join(folder, "content"), { recursive: true });
    const bare = archive(ENGINE_VERSION, ["pulumi"]);
    files = { [ARCHIVE]: bare, [LIST]: `${sha256(bare)}  ${ARCHIVE}\n` };
    await expect(fetchIt()).rejects.toThrow("holds no pulumi-language-nodejs");
    expectNothingLeft();
  });

  it("follows a redirection, as a release's files have one", async () => {
    const content = archive();
    files = {
      [ARCHIVE]: content,
      [LIST]: (_, response) => response.writeHead(302, { location: "/elsewhere" }).end(),
      elsewhere: `${sha256(content)}  ${ARCHIVE}\n`,
    };
    expect((await fetchIt()).made).toBe(true);
  });

  it("says what a server answers, and that there is none", async () => {
    await expect(fetchIt()).rejects.toThrow(`${origin}/${LIST} answers 404`);
    const nobody = createServer();
    await new Promise<void>((resolve) => nobody.listen(0, "127.0.0.1", resolve));
    const { port } = nobody.address() as AddressInfo;
    await new Promise((resolve) => nobody.close(resolve));
    const closed = `http://127.0.0.1:${port}`;
    const failure = download({ cache, env: {}, progress: silent }, { archives: closed, checksums: closed });
    await expect(failure).rejects.toThrow(/ECONNREFUSED/);
    expectNothingLeft();
  });
});

describe("archiveName", () => {
  it("knows the platforms that have one", () => {
    expect(archiveName("1.2.3", "linux", "x64")).toBe("pulumi-v1.2.3-linux-x64.tar.gz");
    expect(archiveName("1.2.3", "darwin", "arm64")).toBe("pulumi-v1.2.3-darwin-arm64.tar.gz");
    expect(() => archiveName("1.2.3", "freebsd", "x64")).toThrow("there is no archive for freebsd x64");
    expect(() => archiveName("1.2.3", "linux", "riscv64")).toThrow("linux riscv64");
  });
});

describe("checksumOf", () => {
  const sum = "a".repeat(64);
  it("reads lists in both of sha256sum's forms", () => {
    expect(checksumOf("x.tgz", `${"b".repeat(64)}  y.tgz\n${sum}  x.tgz\n`)).toBe(sum);
    expect(checksumOf("x.tgz", `${sum} *x.tgz`)).toBe(sum);
  });
  it("takes nothing that is not a checksum for one", () => {
    expect(() => checksumOf("x.tgz", "")).toThrow("do not name x.tgz");
    expect(() => checksumOf("x.tgz", "<html>  x.tgz")).toThrow("do not name x.tgz");
  });
});
