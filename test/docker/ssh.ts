import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../jobs/testing/postgres";
import { onPath } from "../../tools/toolchain/installedEngine";

const SBIN = { PATH: [process.env["PATH"], "/usr/sbin"].join(path.delimiter) };

/** Why this machine can be no SSH host of itself, if so. */
export function missingForSsh(): string | undefined {
  const missing = ["sshd", "ssh", "ssh-keygen", "docker"].filter((name) => onPath(name, SBIN).length === 0);
  return missing.length === 0
    ? undefined
    : `there is no ${missing.join(", ")}: apt-get install openssh-server openssh-client docker.io docker-cli`;
}

export interface SshHost {
  /** For `target.docker.host`. */
  host: string;
  /** Goes in front on PATH: an `ssh` that knows this host and has a key for it, as a person's configuration would. */
  bin: string;
  /** Whoever has connected, by sshd's own words. */
  accepted(): number;
  stop(): void;
}

/** OpenSSH's server on a port of this machine alone, behind which an engine is reached; keys and all are made for it. */
export async function startSsh(engine: string): Promise<SshHost> {
  const folder = mkdtempSync(path.join(tmpdir(), "ssh-"));
  const at = (name: string) => path.join(folder, name);
  const port = await freePort();
  const { username } = userInfo();
  for (const key of ["host", "person"])
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", key, "-f", at(key)]);
  const publicKey = (key: string) => execFileSync("ssh-keygen", ["-y", "-f", at(key)], { encoding: "utf8" });
  writeFileSync(at("authorized"), publicKey("person"));
  writeFileSync(at("known"), `[127.0.0.1]:${port} ${publicKey("host")}`);
  writeFileSync(
    at("sshd_config"),
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${at("host")}`,
      `AuthorizedKeysFile ${at("authorized")}`,
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "UsePAM no",
      // The folder of a test is in one that everybody may write in.
      "StrictModes no",
      "PidFile none",
      `SetEnv DOCKER_HOST=${engine}`,
    ].join("\n"),
  );
  mkdirSync(at("bin"));
  const [ssh] = onPath("ssh", process.env);
  const known = `-o IdentityFile=${at("person")} -o IdentitiesOnly=yes -o UserKnownHostsFile=${at("known")} -o StrictHostKeyChecking=yes`;
  writeFileSync(at("bin/ssh"), `#!/bin/sh\nexec ${ssh} ${known} "$@"\n`);
  chmodSync(at("bin/ssh"), 0o755);
  // Where sshd, as root, wants to be able to lock itself up.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
  const [sshd] = onPath("sshd", SBIN);
  const daemon = spawn(sshd as string, ["-D", "-e", "-f", at("sshd_config")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  daemon.stderr.on("data", (data) => (said += String(data)));
  for (let tries = 0; !(await answers(port)); tries++) {
    if (tries === 100 || daemon.exitCode !== null) throw new Error(`sshd does not answer:\n${said}`);
    await sleep(100);
  }
  return {
    host: `ssh://${username}@127.0.0.1:${port}`,
    bin: at("bin"),
    accepted: () => said.split("Accepted publickey").length - 1,
    stop: () => {
      daemon.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.end(() => resolve(true)));
    socket.on("error", () => resolve(false));
  });
}
