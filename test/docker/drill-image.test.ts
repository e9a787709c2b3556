import { copyFileSync, cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { DEFAULT_IMAGES } from "../../components/contract/dockerTarget";
import { buildOwnImages } from "../../images/build";
import { buildImage, ensureBase, useEngine, type Engine } from "./engine";

/** The image for drills, built as its Dockerfile says. */
const IMAGE = "dhistance-test/drill";
let engine: Engine;
let context: string;
beforeAll(async () => {
  engine = await useEngine();
  await ensureBase(engine.docker);
  await buildOwnImages(engine.docker, { images: [DEFAULT_IMAGES.drill], network: "host" });
  context = mkdtempSync(path.join(tmpdir(), "drill-image-"));
  cpSync(path.join(__dirname, "../../images/drill"), context, { recursive: true });
  // Where this machine is behind a proxy with its own CA, so is the build.
  const { NODE_EXTRA_CA_CERTS: authority, GOPROXY } = process.env;
  if (authority) copyFileSync(authority, path.join(context, "signing-helper/machine.crt"));
  await buildImage(engine.docker, IMAGE, { context, args: { ...(GOPROXY && { GOPROXY }) } });
});
afterAll(async () => {
  rmSync(context, { recursive: true, force: true });
  await engine?.release();
});

/** Runs a script in the image as a drill is run: no network, nothing to write to but `/tmp`, no capability. */
async function inImage(script: string): Promise<{ code: number; output: string }> {
  const output = new PassThrough();
  const said = text(output);
  const [{ StatusCode }] = (await engine.docker.run(IMAGE, ["sh", "-euc", script], output, {
    Tty: true,
    HostConfig: {
      ...{ ReadonlyRootfs: true, CapDrop: ["ALL"], SecurityOpt: ["no-new-privileges"], NetworkMode: "none" },
      AutoRemove: true,
    },
  })) as [{ StatusCode: number }];
  output.end();
  return { code: StatusCode, output: await said };
}

it("has the helper for temporary credentials, of the version that its module names", async () => {
  expect(await inImage("aws_signing_helper version")).toEqual({ code: 0, output: "1.4.0\r\n" });
});

it("starts a throwaway PostgreSQL with PostGIS, as nobody and without a network", async () => {
  const { code, output } = await inImage(`
    PATH=/usr/lib/postgresql/17/bin:$PATH
    initdb -D /tmp/drill -U drill --auth=trust >/dev/null
    pg_ctl start -w -D /tmp/drill -o "-k /tmp -c listen_addresses=" >/dev/null
    psql -h /tmp -U drill -qAt postgres -c "create extension postgis" -c "select postgis_lib_version()"
    pg_ctl stop -w -D /tmp/drill >/dev/null`);
  expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/^3\.\d+\.\d+\r\n$/) as string });
});

it("has the jobs and what they need", async () => {
  expect(await inImage("restic version >/dev/null && pg_restore --version && backup drill --help")).toEqual({
    code: 0,
    output: expect.stringMatching(/pg_restore \(PostgreSQL\) 17[^]*Usage: backup drill/) as string,
  });
});
