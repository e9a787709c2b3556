import path from "node:path";
import type { RuntimeOptions } from "./options";
import { nearest } from "./packages";

/** By which lock file a folder shows its package manager. */
const LOCK_FILES = {
  "pnpm-lock.yaml": "pnpm",
  "yarn.lock": "yarn",
  "bun.lock": "bun",
  "bun.lockb": "bun",
} as const;

export interface Installation {
  command: string;
  args: string[];
  folder: string;
}

/** How `pulumi install` installs a program's packages: where its lock file is, which for a workspace is above. */
export function installation(folder: string, { packagemanager, production }: RuntimeOptions): Installation {
  const manager =
    packagemanager === "auto"
      ? (Object.entries(LOCK_FILES).find(([file]) => nearest(folder, file))?.[1] ?? "npm")
      : packagemanager;
  const files = manager === "npm" ? ["package-lock.json"] : lockFilesOf(manager);
  const lock = files.map((file) => nearest(folder, file)).find(Boolean);
  return {
    command: manager,
    args: ["install", ...(production ? ["--production"] : [])],
    folder: lock ? path.dirname(lock) : folder,
  };
}

function lockFilesOf(manager: string): string[] {
  return Object.entries(LOCK_FILES)
    .filter(([, of]) => of === manager)
    .map(([file]) => file);
}
