/** The stand-in for DHIS2 (`test/docker/stand-in`) as a process of this machine, on a test's own PostgreSQL. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, type TestPostgres } from "./postgres";

const PROGRAM = path.join(__dirname, "../../test/docker/stand-in/stand-in.py");
/** Debian's packages are for Debian's Python, which need not be the first on the PATH. */
const NOBODY = 65534;
const PYTHONS = ["python3", "/usr/bin/python3"];

export interface StandIn {
  /** `http://127.0.0.1:PORT`. */
  url: string;
  /** Its DHIS2_HOME. */
  home: string;
  /** What it has printed. */
  output(): string;
  /** Whether the process is there still. */
  runs(): boolean;
  /** Ends it as a container's stop does, and starts it again without waiting for it. */
  restart(version?: string): Promise<void>;
  /** Until `/api/ping` is 200. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

export interface StandInOptions {
  /** Of DHIS2, such as 42.5.2. */
  version: string;
  postgres: TestPostgres;
  database: string;
  /** Of the application's role, `dhis2`. */
  rolePassword: string;
  /** More lines of `dhis.conf`. */
  settings?: Record<string, string>;
  /** Files below `files/` of its home, which make it fail or be slow. @default quick migrations */
  told?: Record<string, string>;
  /** A program that starts it, with its arguments. It gets the port in DHIS2_PORT and has DHIS2's home as TMPDIR. */
  startedBy?: string[];
}

function python(): string | undefined {
  return PYTHONS.find((name) => {
    try {
      execFileSync(name, ["-c", "import psycopg2, bcrypt"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
}

/** What this machine lacks for it; in CI that is a failure of the test, here a reason to skip it by name. */
export function missingForStandIn(): string | undefined {
  if (python() || process.env["CI"]) return undefined;
  return "no Python with psycopg2 and bcrypt: apt-get install python3-psycopg2 python3-bcrypt";
}

export async function startStandIn(options: StandInOptions): Promise<StandIn> {
  const { postgres, database, rolePassword, settings = {}, told = {}, startedBy = [] } = options;
  const home = mkdtempSync(path.join(tmpdir(), "dhis2-"));
  const port = await freePort();
  const conf = {
    "connection.url": `jdbc:postgresql://${postgres.host}:${postgres.port}/${database}`,
    "connection.username": "dhis2",
    "connection.password": rolePassword,
    "encryption.password": "of a stand-in, and long enough",
    ...settings,
  };
  writeFileSync(
    path.join(home, "dhis.conf"),
    Object.entries(conf)
      .map(([key, value]) => `${key} = ${value}\n`)
      .join(""),
  );
  const program = path.join(home, "stand-in.py");
  copyFileSync(PROGRAM, program);
  mkdirSync(path.join(home, "files"));
  for (const [name, text] of Object.entries({ "migration-seconds": "0.1", ...told }))
    writeFileSync(path.join(home, "files", name), text);
  // As in its image: root may write to any home.
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if (user.uid) for (const it of [home, path.join(home, "files")]) chownSync(it, user.uid, user.gid);

  let output = "";
  const start = (version: string): ChildProcess => {
    const environment = { DHIS2_HOME: home, PORT: String(port), VERSION: version, PORT_SECONDS: "0.2" };
    const forStarter = { DHIS2_PORT: String(port), TMPDIR: home };
    const [file = "", ...parameters] = [...startedBy, python() ?? "python3", "-u", program];
    const child = spawn(file, parameters, {
      ...user,
      env: { ...process.env, ...environment, ...(startedBy.length > 0 && forStarter) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data) => (output += String(data)));
    return child;
  };
  let child = start(options.version);
  const runs = () => child.exitCode === null && child.signalCode === null;
  const end = async () => {
    if (!runs()) return;
    const ended = once(child, "exit");
    child.kill();
    await ended;
  };
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    home,
    output: () => output,
    runs,
    restart: async (version = options.version) => {
      await end();
      child = start(version);
    },
    ready: async () => {
      for (let tries = 0; ; tries++) {
        const status = await fetch(`${url}/api/ping`).then(
          (response) => response.status,
          () => 0,
        );
        if (status === 200) return;
        if (!runs() || status === 404 || tries > 600) throw new Error(`it does not start:\n${output}`);
        await sleep(50);
      }
    },
    stop: async () => {
      await end();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** A log-in as DHIS2's page does it: its status and, where it is 200, its loginStatus. */
export async function logIn(url: string, username: string, password: string): Promise<string> {
  const response = await fetch(`${url}/api/auth/login`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ username, password }),
  });
  const text = await response.text();
  return response.status === 200
    ? (JSON.parse(text) as { loginStatus: string }).loginStatus
    : String(response.status);
}
