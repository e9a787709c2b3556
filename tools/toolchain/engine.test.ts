import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { download } from "./download";
import { findEngine, NoEngine, ENGINE_SOURCES } from "./engine";
import { findInstalledEngine } from "./installedEngine";
import { ENGINE_VERSION } from "./pins";
import { silent } from "./progress";
import { buildFromSource } from "./mirror-only/buildFromSource";
import { Obstacle, type EngineSource } from "./engineSource";

/** Programs are started, which takes its time on a busy machine. */
vi.setConfig({ testTimeout: 30_000 });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "engine-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const context = (PATH = "") => ({ cache: path.join(folder, "cache"), env: { PATH }, progress: silent });
const leadsTo = (name: string): EngineSource => ({
  name,
  find: () => Promise.resolve({ pulumi: `/${name}`, made: false }),
});
const blocked = (name: string): EngineSource => ({
  name,
  find: () => Promise.reject(new Obstacle(`no ${name}`, `get ${name}`)),
});

describe("findEngine", () => {
  it("tries the least work first", () => {
    expect(ENGINE_SOURCES.map(({ name }) => name)).toEqual([
      "on this machine",
      "official download",
      "built from source",
    ]);
  });

  it("takes the first way that leads to an engine and tries none after it", async () => {
    const tried: string[] = [];
    const third: EngineSource = {
      name: "third",
      find: () => Promise.reject(new Error(`tried ${tried.push("third")}`)),
    };
    expect(await findEngine(context(), [blocked("first"), leadsTo("second"), third])).toEqual({
      pulumi: "/second",
      made: false,
      way: "second",
    });
    expect(tried).toEqual([]);
  });

  it("takes what a later way has made earlier before it tries one with a network again", async () => {
    mkdirSync(path.join(folder, "cache/built"), { recursive: true });
    const ways = [
      blocked("machine"),
      { ...leadsTo("download"), entry: "fetched" },
      { ...blocked("build"), entry: "built" },
    ];
    expect(await findEngine(context(), ways)).toEqual({
      pulumi: path.join(folder, "cache/built/pulumi"),
      made: false,
      way: "build",
    });
    // What is on the machine still comes first.
    expect(await findEngine(context(), [leadsTo("machine"), ...ways])).toMatchObject({ way: "machine" });
  });

  it("does not take a fault of its own for an obstacle", async () => {
    const faulty: EngineSource = {
      name: "faulty",
      find: () => Promise.reject(new TypeError("x is undefined")),
    };
    await expect(findEngine(context(), [faulty, leadsTo("second")])).rejects.toThrow(TypeError);
  });

  it("names, when no way leads to one, each way, what stands in it and what would open it", async () => {
    // A machine with nothing on PATH, no way out and no Go: the real ways.
    const refusing = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => refusing.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`;
    const ways: EngineSource[] = [
      { name: "on this machine", find: findInstalledEngine },
      { name: "official download", find: (c) => download(c, { archives: origin, checksums: origin }) },
      { name: "built from source", find: (c) => buildFromSource(c, [path.join(folder, "go/bin")]) },
    ];
    try {
      const error = await findEngine(context(folder), ways).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(NoEngine);
      const lines = (error as NoEngine).message.split("\n");
      expect(lines[0]).toBe(`no Pulumi ${ENGINE_VERSION}: each way to it was tried.`);
      expect(lines[1]).toBe("  1. on this machine: there is no `pulumi` on PATH");
      expect(lines[2]).toMatch(/^ {2}2\. official download: (other side closed|.*ECONNRESET)/);
      expect(lines[3]).toMatch(/^ {2}3\. built from source: there is no `go` on PATH nor in .*go\/bin$/);
      expect(lines[4]).toBe("One of these is enough:");
      expect(lines[5]).toContain(`install Pulumi ${ENGINE_VERSION}`);
      expect(lines[6]).toContain(`let this machine reach ${origin}/pulumi-v${ENGINE_VERSION}-`);
      expect(lines[7]).toMatch(/install Go 1\.\d+(\.\d+)? or later/);
      expect(lines).toHaveLength(8);
    } finally {
      await new Promise((resolve) => refusing.close(resolve));
    }
  });
});

describe("building from source", () => {
  it("passes on what Go complains of, and keeps nothing", async () => {
    const go = path.join(folder, "go");
    writeFileSync(
      go,
      '#!/bin/sh\necho "go: go.mod requires go >= 9.9 (running go 1.2; GOTOOLCHAIN=local)" >&2\nexit 1\n',
    );
    chmodSync(go, 0o755);
    const error = await buildFromSource(context(folder), []).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Obstacle);
    expect((error as Obstacle).message).toBe(
      "go list ended with 1: go: go.mod requires go >= 9.9 (running go 1.2; GOTOOLCHAIN=local)",
    );
  });
});
