/** Secrets of one run, in files that nobody else can read, gone with the run. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Configuration } from "./configuration";

export class Vault {
  private constructor(private readonly directory: string) {
    process.once("exit", this.removeNow);
  }

  /** In memory where there is such a place. */
  static async open(scratch: string): Promise<Vault> {
    const memory = await mkdtemp("/dev/shm/dhistance-").catch(() => undefined);
    return new Vault(memory ?? (await mkdtemp(join(scratch, "dhistance-secrets-"))));
  }

  /** Returns the file it is kept in. */
  async keep(name: string, secret: string): Promise<string> {
    const file = join(this.directory, name);
    await writeFile(file, secret, { mode: 0o600 });
    return file;
  }

  /** Both restic and the AWS library find credentials so. */
  useCredentials(file: string): void {
    process.env["AWS_SHARED_CREDENTIALS_FILE"] = file;
  }

  /** Temporary credentials against a certificate, asked for again whenever the last ones run out. */
  useRolesAnywhere({ rolesAnywhere, region }: Configuration): void {
    if (region !== undefined) process.env["AWS_REGION"] = region;
    if (!rolesAnywhere) return;
    const file = join(this.directory, "aws-credentials");
    writeFileSync(file, credentialProcess(rolesAnywhere), { mode: 0o600 });
    this.useCredentials(file);
  }

  async close(): Promise<void> {
    process.removeListener("exit", this.removeNow);
    await rm(this.directory, { recursive: true, force: true });
  }

  private readonly removeNow = (): void => {
    rmSync(this.directory, { recursive: true, force: true });
  };
}

/** A profile that asks AWS's own helper, which is in the image: https://github.com/aws/rolesanywhere-credential-helper */
export function credentialProcess(access: NonNullable<Configuration["rolesAnywhere"]>): string {
  const { helper, certificate, privateKey, trustAnchorArn, profileArn, roleArn } = access;
  const command = [
    ...[helper, "credential-process", "--certificate", certificate, "--private-key", privateKey],
    ...["--trust-anchor-arn", trustAnchorArn, "--profile-arn", profileArn, "--role-arn", roleArn],
  ];
  return `[default]\ncredential_process = ${command.join(" ")}\n`;
}
