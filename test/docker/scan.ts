import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { onPath } from "../../tools/toolchain/installedEngine";
import { ROOT } from "../engine/tenants";

/** A scan of TLS by testssl.sh, which knows what is weak today better than a test of our own. */

/** As testssl.sh writes it. */
export interface Finding {
  id: string;
  severity: "DEBUG" | "OK" | "INFO" | "WARN" | "LOW" | "MEDIUM" | "HIGH" | "CRITICAL" | "FATAL";
  finding: string;
}

/** Debian's name of it, and its own. */
const PROGRAMS = ["testssl", "testssl.sh"];
/** Kept for a person to read; git ignores the folder. */
export const REPORTS = path.join(ROOT, ".dhistance", "reports");
const LIMIT = 240_000;

export function missingForScanner(): string | undefined {
  return program() ? undefined : "there is no testssl.sh: apt-get install testssl.sh";
}

function program(): string | undefined {
  return PROGRAMS.flatMap((name) => onPath(name, process.env))[0];
}

/**
 * Protocols, ciphers, forward secrecy, certificate, headers and known vulnerabilities of an address on this machine.
 * About a minute, most of it spent waiting for what does not answer.
 * @param name of the reports in `REPORTS`
 */
export async function scanTls(name: string, url: string, authority: string): Promise<Finding[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "scan-"));

  const [json, html] = ["json", "html"].map((kind) => path.join(REPORTS, `${name}.${kind}`)) as [
    string,
    string,
  ];
  try {
    const root = path.join(folder, "root.pem");
    writeFileSync(root, authority);
    for (const report of [json, html]) rmSync(report, { force: true });
    const checks = ["-p", "-s", "-f", "-S", "-h", "-U"];
    const quiet = ["--quiet", "--color", "0", "--warnings", "off"];
    const reports = ["--jsonfile", json, "--htmlfile", html];
    await promisify(execFile)(
      program() as string,
      [...quiet, "--ip", "127.0.0.1", "--add-ca", root, ...checks, ...reports, url],
      { cwd: folder, timeout: LIMIT, maxBuffer: 1 << 24 },
    ).catch((error: { killed?: boolean; stdout?: string }) => {
      // Its exit code counts findings.
      if (error.killed) throw new Error(`testssl.sh did not end in ${LIMIT / 1000} s:\n${error.stdout}`);
    });
    return JSON.parse(readFileSync(json, "utf8")) as Finding[];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
