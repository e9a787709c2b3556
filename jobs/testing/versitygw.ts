/** versitygw as a process: an S3 server on a directory, which goes away and comes back as a test wants. */
import { spawn, type ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureTool } from "./tools";

export interface Versitygw {
  /** Returns when it answers. */
  start(): Promise<void>;
  /** Not reachable until `start`. */
  halt(): Promise<void>;
}

/**
 * @param options of its command line
 * @param answers whether it does; asked again until it does, for ten seconds at least
 */
export async function versitygw(
  options: string[],
  keys: { accessKeyId: string; secretAccessKey: string },
  answers: () => Promise<boolean>,
): Promise<Versitygw> {
  const program = await ensureTool("versitygw");
  let server: ChildProcess | undefined;
  return {
    start: async () => {
      // It dies with this process.
      const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", program, ...options], {
        stdio: "ignore",
        env: {
          ROOT_ACCESS_KEY: keys.accessKeyId,
          ROOT_SECRET_KEY: keys.secretAccessKey,
          PATH: process.env["PATH"],
        },
      });
      server = child;
      for (let tries = 0; !(await answers()); tries++) {
        if (child.exitCode !== null || tries > 200) throw new Error("versitygw does not answer");
        await sleep(50);
      }
    },
    halt: async () => {
      const child = server;
      server = undefined;
      if (!child || child.exitCode !== null) return;
      const ended = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGKILL");
      await ended;
    },
  };
}
