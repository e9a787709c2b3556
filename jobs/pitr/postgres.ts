/** The live database, and PostgreSQL's own programs. */
import { existsSync, readFileSync } from "node:fs";
import { run } from "./process";

export async function databaseAnswers(): Promise<boolean> {
  // 1: it refuses connections, because it starts or stops. 2: nobody is there. 3: its name is not known.
  return (await run("pg_isready", ["--quiet"])).code < 2;
}

/** @returns what it selects; undefined if that failed, which PostgreSQL's own message explains */
export async function sql(text: string): Promise<string | undefined> {
  const args = ["--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", text];
  const { code, output } = await run("psql", args, { output: "capture" });
  return code === 0 ? output.toString().trimEnd() : undefined;
}

/** One value of a cluster that may be stopped. */
export async function controlData(cluster: string, name: string): Promise<string | undefined> {
  const { output } = await run("pg_controldata", [cluster], { output: "capture" });
  const line = output
    .toString()
    .split("\n")
    .find((each) => each.startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim();
}

/** A line of a cluster's postmaster.pid, from 1; undefined while PostgreSQL does not run on it. */
export function postmaster(cluster: string, line: number): string | undefined {
  const file = `${cluster}/postmaster.pid`;
  return existsSync(file) ? readFileSync(file, "utf8").split("\n")[line - 1]?.trimEnd() : undefined;
}
