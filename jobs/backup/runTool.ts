/** Runs the tools that do the work: restic, pg_dump, pg_restore, PostgreSQL itself. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A tool that failed; what it said is in the message. */
export class ToolError extends Error {
  override readonly name = "ToolError";

  constructor(
    readonly tool: string,
    /** Undefined when a signal ended it, or when it could not be started. */
    readonly code: number | undefined,
    readonly complaint: string,
    /** All that it said, for whoever looks for certain words in it. */
    readonly said = complaint,
  ) {
    super(`${tool}: ${complaint || (code === undefined ? "was killed" : `ended with ${code}`)}`);
  }
}

export interface RunOptions {
  env: Record<string, string>;
  signal: AbortSignal;
  cwd?: string;
  /** The account it runs as. @default ours */
  uid?: number;
  gid?: number;
  /** How much of what it says on standard error is kept, in characters. @default 65,536 */
  keep?: number;
  /** Called with each line of its standard output, which is then not returned. */
  onLine?: (line: string) => void;
}

/** Most of what a tool said that goes into a message, in characters. */
const LONGEST_COMPLAINT = 600;

/**
 * Runs a program to its end and returns what it wrote.
 * @throws ToolError; the signal's reason when that ended it
 */
export async function runTool(program: string, parameters: string[], options: RunOptions): Promise<Buffer> {
  const { env, signal, cwd, uid, gid, onLine, keep = 64 * 1024 } = options;
  signal.throwIfAborted();
  const child = spawn(...killedWithParent(program, parameters), {
    ...{ env, stdio: ["ignore", "pipe", "pipe"] },
    ...(cwd !== undefined && { cwd }),
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  });
  const written: Buffer[] = [];
  if (onLine) createInterface({ input: child.stdout }).on("line", onLine);
  else child.stdout.on("data", (chunk: Buffer) => written.push(chunk));
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-keep)));
  const stop = () => child.kill("SIGTERM");
  signal.addEventListener("abort", stop);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  })
    .catch((error: NodeJS.ErrnoException) => {
      const missing = error.code === "ENOENT" ? "is not on this machine" : error.message;
      throw new ToolError(program, undefined, missing);
    })
    .finally(() => signal.removeEventListener("abort", stop));
  signal.throwIfAborted();
  if (code !== 0) throw new ToolError(nameOf(program), code ?? undefined, complaintOf(said), said);
  return Buffer.concat(written);
}

/** A killed job must not leave a restic or a pg_dump behind that goes on beside the next run. */
export function killedWithParent(program: string, parameters: string[]): [string, string[]] {
  return process.platform === "linux"
    ? ["setpriv", ["--pdeathsig", "KILL", "--", program, ...parameters]]
    : [program, parameters];
}

function nameOf(program: string): string {
  return program.slice(program.lastIndexOf("/") + 1);
}

/** The first lines and the last, as people read them. */
function complaintOf(said: string): string {
  const lines = said
    .split("\n")
    .map((line) =>
      messageIn(line)
        .trim()
        .replace(/\s*\n\s*/g, " "),
    )
    .filter((line) => line !== "");
  const different = [...new Set(lines)];
  const told = different.length > 4 ? [...different.slice(0, 2), "…", ...different.slice(-2)] : different;
  return told.join("; ").slice(0, LONGEST_COMPLAINT);
}

/** A line of a tool, or the message in it when it is JSON. */
export function messageIn(line: string): string {
  if (!line.startsWith("{")) return line;
  try {
    const { message, error } = JSON.parse(line) as { message?: string; error?: { message?: string } };
    return message ?? error?.message ?? line;
  } catch {
    return line;
  }
}

const DEBIAN = "/usr/lib/postgresql";

/**
 * One of PostgreSQL's programs: the newest on this machine, which reads what any older one wrote. Debian keeps each
 * version in a folder of its own.
 */
export function postgresProgram(name: string): string {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN) : [];
  const newest = versions
    .filter((version) => existsSync(join(DEBIAN, version, "bin", name)))
    .sort((a, b) => Number(b) - Number(a))[0];
  return newest === undefined ? name : join(DEBIAN, newest, "bin", name);
}
