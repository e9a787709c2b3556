import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../jobs/testing/postgres";
import { ensureTool } from "../../jobs/testing/tools";
import { certify } from "./certificate";
import { addressForContainers, type Engine } from "./engine";

/**
 * A CA that issues certificates by ACME after it has verified the host name: pebble, Let's Encrypt's own for tests.
 * Every host name leads to this machine.
 */
export interface AcmeAuthority {
  directory: string;
  /** PEM of what its certificates stand on. */
  root: string;
  /** PEM file with that, and with what vouches for the directory. */
  authority: string;
  /** It gives no more certificates. */
  halt(): void;
  stop(): void;
}

/** @param published where whoever asks for a certificate has to answer, on this machine's loopback */
export async function startAcmeAuthority(
  { docker }: Engine,
  published: { http: number; https: number },
): Promise<AcmeAuthority> {
  const address = await addressForContainers(docker);
  const folder = mkdtempSync(path.join(tmpdir(), "acme-"));
  const at = (name: string) => path.join(folder, name);
  const files = { certificate: at("directory.pem"), privateKey: at("directory-key.pem") };
  certify(address, files);
  const [dns, port, management, dnsManagement] = [
    await freePort(),
    await freePort(address),
    await freePort(),
    await freePort(),
  ];
  const settings = {
    ...{ listenAddress: `${address}:${port}`, managementListenAddress: `127.0.0.1:${management}` },
    ...{ httpPort: published.http, tlsPort: published.https, ...files },
  };
  writeFileSync(at("pebble.json"), JSON.stringify({ pebble: settings }));
  const names = await start("pebble-challtestsrv", [
    ...["-dnsserver", `127.0.0.1:${dns}`, "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""],
    ...["-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", ""],
    ...["-management", `127.0.0.1:${dnsManagement}`],
  ]);
  const pebble = await start("pebble", ["-config", at("pebble.json"), "-dnsserver", `127.0.0.1:${dns}`]);
  const halt = () => void pebble.kill("SIGKILL");
  const stop = () => {
    for (const process of [pebble, names]) process.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const root = await firstRoot(management);
    if (names.exitCode !== null) throw new Error("pebble-challtestsrv has ended");
    writeFileSync(at("authority.pem"), `${readFileSync(files.certificate, "utf8")}${root}`);
    const directory = `https://${address}:${port}/dir`;
    return { directory, root, authority: at("authority.pem"), halt, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

/** It dies with this process. */
async function start(tool: "pebble" | "pebble-challtestsrv", options: string[]) {
  const program = await ensureTool(tool);
  // It need not wait as long as a real authority may.
  const env = { ...process.env, PEBBLE_VA_NOSLEEP: "1" };
  return spawn("setpriv", ["--pdeathsig", "KILL", "--", program, ...options], { stdio: "ignore", env });
}

/** Made again at each start; over an address on which it shows the directory's certificate. */
async function firstRoot(port: number): Promise<string> {
  for (let tries = 0; ; tries++) {
    const root = await new Promise<string>((resolve, reject) => {
      https
        .get(`https://127.0.0.1:${port}/roots/0`, { rejectUnauthorized: false }, (response) => {
          text(response).then(resolve, reject);
        })
        .on("error", reject);
    }).catch((error: Error) => error);
    if (typeof root === "string") return root;
    if (tries > 200) throw new Error(`pebble does not answer: ${root.message}`);
    await sleep(50);
  }
}
