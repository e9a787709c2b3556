/** The gateway's Caddy as a process of this machine, with the generated configuration on free ports. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { caddyfile, PATHS, PORTS, type Gateway } from "../../../components/Gateway/docker/caddyfile";
import { PAGES } from "../../../components/Gateway/docker/pages";
import { freePort } from "../../../jobs/testing/postgres";
import { onPath } from "../../../tools/toolchain/installedEngine";
import { giveCertificate } from "../certificate";

/** What this machine lacks for it; in CI that is a failure of the test, here a reason to skip it by name. */
export function missingForCaddy(): string | undefined {
  if (onPath("caddy", process.env)[0] || process.env["CI"]) return undefined;
  return "no caddy: apt-get install caddy";
}

export interface RunningCaddy {
  http: number;
  https: number;
  /** The CA of its certificate. */
  ca: string;
  output(): string;
  end(): Promise<void>;
}

/** @param names the certificate is for, such as `*.moh.test` */
export async function startCaddy(
  gateway: Pick<Gateway, "sites" | "published">,
  names: string,
): Promise<RunningCaddy> {
  const folder = mkdtempSync(path.join(tmpdir(), "caddy-"));
  const { certificate, privateKey } = giveCertificate(folder, names);
  const pages = path.join(folder, "pages");
  mkdirSync(pages);
  for (const [file, html] of Object.entries(PAGES)) writeFileSync(path.join(pages, file), html);
  const ports = { http: await freePort(), https: await freePort() };
  const moved: [string, string][] = [
    [PATHS.certificate, certificate],
    [PATHS.privateKey, privateKey],
    [PATHS.pages, pages],
    [`http_port ${PORTS.http}`, `http_port ${ports.http}`],
    [`https_port ${PORTS.https}`, `https_port ${ports.https}`],
    [`:${PORTS.health}`, `:${await freePort()}`],
    [`:${PORTS.state}`, `:${await freePort()}`],
  ];
  const text = moved.reduce(
    (config, [from, to]) => config.replaceAll(from, to),
    caddyfile({ ...gateway, certificates: "given" }),
  );
  const file = path.join(folder, "Caddyfile");
  writeFileSync(file, text);

  let output = "";
  const child = spawn("caddy", ["run", "--config", file, "--adapter", "caddyfile"], {
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(child, "exit");
  await new Promise<void>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", () => reject(new Error(`Caddy does not start:\n${output}`)));
    child.stderr.on("data", (data) => {
      output += String(data);
      if (output.includes("serving initial configuration")) resolve();
    });
  });
  return {
    ...ports,
    ca: readFileSync(path.join(folder, "authority.pem"), "utf8"),
    output: () => output,
    end: async () => {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}
