/** A Redis as a cluster on AWS has it: TLS alone, a password, and a certificate of a CA that clients get. */
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onPath } from "../../tools/toolchain/installedEngine";

/** What this machine lacks for it, if anything. */
export function missingForRedis(): string | undefined {
  const lacking = ["redis-server", "redis-cli", "openssl"].filter(
    (name) => onPath(name, process.env).length === 0,
  );
  return lacking.length > 0 ? `there is no ${lacking.join(", no ")}` : undefined;
}

export interface TestRedis {
  /** `rediss://localhost:port`. */
  address: string;
  password: string;
  /** File with the certificate of its CA. */
  ca: string;
  /** Runs one command. @returns what it prints */
  command(...words: string[]): string;
  stop(): Promise<void>;
}

export async function startRedis(): Promise<TestRedis> {
  const folder = mkdtempSync(path.join(tmpdir(), "redis-"));
  const [key, ca] = [path.join(folder, "key.pem"), path.join(folder, "ca.pem")];
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
      ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", ca],
    ],
    { stdio: "ignore" },
  );
  const port = await freePort();
  const password = randomBytes(16).toString("hex");
  const server = spawn("redis-server", ["-"], { cwd: folder, stdio: ["pipe", "ignore", "inherit"] });
  const ended = new Promise<void>((resolve) => server.once("close", () => resolve()));
  server.stdin.end(
    [
      ...["bind 127.0.0.1", "port 0", `tls-port ${port}`, `tls-cert-file ${ca}`, `tls-key-file ${key}`],
      ...[`tls-ca-cert-file ${ca}`, "tls-auth-clients no", `requirepass ${password}`, 'save ""', ""],
    ].join("\n"),
  );
  const command = (...words: string[]) =>
    execFileSync("redis-cli", ["-h", "localhost", "-p", `${port}`, "--tls", "--cacert", ca, ...words], {
      encoding: "utf8",
      env: { ...process.env, REDISCLI_AUTH: password },
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  const stop = async () => {
    server.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const answers = () => {
    try {
      return command("PING") === "PONG";
    } catch {
      return false;
    }
  };
  while (!answers()) {
    if (server.exitCode !== null) throw new Error(`redis-server ended with ${server.exitCode}`);
    await sleep(50);
  }
  return { address: `rediss://localhost:${port}`, password, ca, command, stop };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
