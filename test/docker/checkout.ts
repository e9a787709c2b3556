import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parse, stringify } from "yaml";
import type { Result } from "../engine/pulumi";
import { ROOT, type Draft } from "../engine/tenants";

/** What a checkout has grown by itself. */
const OWN = ["node_modules", ".git", ".dhistance", "dist", "coverage"];
/** In seconds: of a command, with all that it starts. */
const LIMIT = 300;

/** A checkout of its own, as a newcomer has it: this one's files and libraries, and nothing that was started before. */
export class Checkout {
  readonly folder = realpathSync(mkdtempSync(path.join(tmpdir(), "checkout-")));

  constructor() {
    cpSync(ROOT, this.folder, { recursive: true, filter: (file) => !OWN.includes(path.basename(file)) });
    symlinkSync(path.join(ROOT, "node_modules"), this.at("node_modules"));
  }

  at(...names: string[]): string {
    return path.join(this.folder, ...names);
  }

  read(file: string): string {
    return readFileSync(this.at(file), "utf8");
  }

  /** Changes the spec in a tenant's stack file. */
  change(tenant: string, change: (spec: Draft) => void): void {
    const name = `tenants/Pulumi.${tenant}.yaml`;
    const file = parse(this.read(name)) as Draft;
    change(file.config["dhistance:tenant"]);
    writeFileSync(this.at(name), stringify(file));
  }

  /** `npm start` with no terminal, to its end. */
  start(args: string[], more: NodeJS.ProcessEnv): Promise<Result> {
    return npm(["start", "--silent", "--", ...args], this.newcomers(more));
  }

  /** Where a newcomer is, and what is set there. */
  newcomers(more: NodeJS.ProcessEnv): Pick<NpmOptions, "cwd" | "env"> {
    const { DHISTANCE_ISSUERS: _, CI: __, ...env } = { ...process.env, ...more };
    return { cwd: this.folder, env };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface NpmOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Once it has said this it is killed, with all that it started. */
  killWhen?: RegExp;
}

/**
 * npm with no terminal, to its end.
 * @throws Error with what it has said when it takes longer than allowed
 */
export function npm(args: string[], { cwd, env, killWhen }: NpmOptions): Promise<Result> {
  const child = spawn("npm", args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const kill = () => process.kill(-(child.pid as number), "SIGKILL");
  const result: Result = { code: null, stdout: "", stderr: "" };
  child.stdout.on("data", (text: Buffer) => {
    result.stdout += String(text);
    if (killWhen?.test(result.stdout)) kill();
  });
  child.stderr.on("data", (text: Buffer) => (result.stderr += String(text)));
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => {
      kill();
      const said = `${result.stdout}\n${result.stderr}`;
      reject(new Error(`npm ${args.join(" ")} took longer than ${LIMIT} s; it said:\n${said}`));
    }, LIMIT * 1000);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(limit);
      resolve({ ...result, code });
    });
  });
}
