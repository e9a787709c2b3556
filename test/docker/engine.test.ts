import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BASE, buildImage, useEngine, type Engine } from "./engine";

let engine: Engine;
let folder: string;
beforeAll(async () => {
  engine = await useEngine();
  folder = mkdtempSync(path.join(tmpdir(), "image-"));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await engine.release();
});

it("builds on Debian 13 and runs what it built", async () => {
  const { docker } = engine;
  writeFileSync(path.join(folder, "Dockerfile"), `FROM ${BASE}\nCOPY word /word\nUSER 65534\n`);
  writeFileSync(path.join(folder, "word"), "as copied\n");
  await buildImage(docker, "dhistance-test/engine", { context: folder });
  try {
    const container = await docker.createContainer({
      Image: "dhistance-test/engine",
      Cmd: ["sh", "-c", ". /etc/os-release; echo $VERSION_CODENAME; id -u; cat /word"],
      Tty: true,
    });
    await container.start();
    const { StatusCode } = (await container.wait()) as { StatusCode: number };
    const output = await container.logs({ stdout: true });
    await container.remove();
    expect({ StatusCode, output: output.toString().split(/\r?\n/) }).toEqual({
      StatusCode: 0,
      output: ["trixie", "65534", "as copied", ""],
    });
  } finally {
    await docker.getImage("dhistance-test/engine").remove();
  }
});

it("says what a build failed with", async () => {
  writeFileSync(path.join(folder, "Dockerfile"), `FROM ${BASE}\nRUN echo the reason >&2; exit 3\n`);
  await expect(buildImage(engine.docker, "dhistance-test/fails", { context: folder })).rejects.toThrow(
    /dhistance-test\/fails[\s\S]*non-zero code: 3[\s\S]*the reason/,
  );
});
