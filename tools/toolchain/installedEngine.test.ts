import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { findInstalledEngine } from "./installedEngine";
import { ENGINE_VERSION } from "./pins";
import { silent } from "./progress";

/** Programs are started, which takes its time on a busy machine. */
vi.setConfig({ testTimeout: 30_000 });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "machine-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** An executable that says something. */
function program(file: string, said: string): string {
  mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
  writeFileSync(path.join(folder, file), `#!/bin/sh\necho ${said}\n`);
  chmodSync(path.join(folder, file), 0o755);
  return path.join(folder, file);
}

const find = (...places: string[]) =>
  findInstalledEngine({
    cache: path.join(folder, "cache"),
    env: { PATH: places.map((place) => path.join(folder, place)).join(path.delimiter) },
    progress: silent,
  });

it("takes the pinned version with its language host beside it", async () => {
  const pulumi = program("bin/pulumi", `v${ENGINE_VERSION}`);
  program("bin/pulumi-language-nodejs", "");
  expect(await find("empty", "bin")).toEqual({ pulumi, made: false });
});

it("looks for the language host where a link leads", async () => {
  const real = program("cellar/pulumi", `v${ENGINE_VERSION}`);
  program("cellar/pulumi-language-nodejs", "");
  mkdirSync(path.join(folder, "bin"));
  symlinkSync(real, path.join(folder, "bin/pulumi"));
  expect(await find("bin")).toMatchObject({ pulumi: path.join(folder, "bin/pulumi") });
});

it("refuses another version, even one that begins the same, and names both", async () => {
  program("bin/pulumi-language-nodejs", "");
  for (const version of ["3.100.0", `${ENGINE_VERSION}-dev.0`]) {
    const pulumi = program("bin/pulumi", `v${version}`);
    await expect(find("bin")).rejects.toThrow(`${pulumi} is ${version}, not ${ENGINE_VERSION}`);
  }
});

it("refuses one without its language host, one that cannot be run, and none", async () => {
  program("bare/pulumi", `v${ENGINE_VERSION}`);
  await expect(find("bare")).rejects.toThrow("lacks its language host");
  const broken = program("broken/pulumi", "");
  writeFileSync(broken, "#!/nowhere/sh\n");
  await expect(find("broken")).rejects.toThrow(`${broken} is not to be run`);
  await expect(find("empty")).rejects.toThrow("there is no `pulumi` on PATH");
});

it("does not take what this project has put on PATH for the machine's own", async () => {
  program("cache/tools/pulumi", `v${ENGINE_VERSION}`);
  program("cache/tools/pulumi-language-nodejs", "");
  await expect(find("cache/tools")).rejects.toThrow("there is no `pulumi` on PATH");
});
