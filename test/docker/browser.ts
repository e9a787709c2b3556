import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { chromium, type BrowserContext } from "playwright-core";
import type { TestContext } from "vitest";
import { onPath } from "../../tools/toolchain/installedEngine";

/** Why no browser can be opened here, if so. */
export function missingForBrowser(): string | undefined {
  const missing = ["chromium", "certutil"].filter((name) => onPath(name, process.env).length === 0);
  return missing.length === 0
    ? undefined
    : `there is no ${missing.join(", ")}: apt-get install chromium libnss3-tools`;
}

/** Here a test is left out with a reason; in CI that is a failure. */
export function needs({ skip }: TestContext, lacking: string | undefined): void {
  if (lacking && process.env["CI"] === "true") throw new Error(lacking);
  skip(lacking !== undefined, lacking);
}

export interface Browser {
  context: BrowserContext;
  close(): Promise<void>;
}

/** Against the noise of a browser that looks for updates; the tests reach this machine alone. */
const QUIET = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-quic",
  "--no-first-run",
];

/**
 * Debian's Chromium as a person who has just installed it: its own home directory, with the given CA in its certificate
 * store, or none.
 * @param authority CA (PEM) to trust for websites, as the settings dialogue does it
 */
export async function openBrowser(authority?: string): Promise<Browser> {
  const home = mkdtempSync(path.join(tmpdir(), "browser-"));
  try {
    if (authority) await trust(home, authority);
    const context = await chromium.launchPersistentContext(path.join(home, "profile"), {
      executablePath: onPath("chromium", process.env)[0] as string,
      headless: true,
      // Root has no sandbox to put it in.
      chromiumSandbox: process.getuid?.() !== 0,
      args: QUIET,
      env: { ...(process.env as Record<string, string>), HOME: home },
    });
    return {
      context,
      close: async () => {
        await context.close();
        rmSync(home, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw error;
  }
}

async function trust(home: string, authority: string): Promise<void> {
  const store = path.join(home, ".pki/nssdb");
  const file = path.join(home, "root.pem");
  await mkdir(store, { recursive: true });
  writeFileSync(file, authority);
  const certutil = (...args: string[]) => promisify(execFile)("certutil", ["-d", `sql:${store}`, ...args]);
  await certutil("-N", "--empty-password");
  await certutil("-A", "-n", "tenant", "-t", "C,,", "-i", file);
}
