import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parse, parseDocument } from "yaml";
import { pathText, secretsIn } from "../../../stacks/config";
import { tenantSchema } from "../../../stacks/tenant/spec";
import { ROOT, stackFileOf, tenants } from "../checkout";
import { UsageError } from "../errors";
import { openStack } from "../pulumi/stacks";
import { refuseUnknownTenant } from "../tenants";
import { FOLDER, prepareFolder, SECRETS_STACK, stackFile, useDockerProject } from "./project";

/**
 * Encrypts a secret with the folder's passphrase and writes it into the tenant's stack file.
 * @param at its path in the spec, such as `backups.locations[1].s3.secretAccessKey`
 * @param read asks for the secret, once its path is known to be valid
 */
export async function setSecret(tenant: string, at: string, read: () => Promise<string>): Promise<void> {
  const file = path.join(ROOT, stackFileOf(tenant));
  if (!existsSync(file)) refuseUnknownTenant(tenant, tenants());
  const document = parseDocument(readFileSync(file, "utf8"));
  const steps = ["config", "dhistance:tenant", ...stepsOf(at)];
  if (!document.hasIn(steps.slice(0, -1)))
    throw new UsageError(`${stackFileOf(tenant)} has no parent of ${at}; write its other keys first.`);
  document.setIn(steps, { secure: "" });
  const { config } = document.toJS() as { config: Record<string, unknown> };
  const secrets = secretsIn(tenantSchema, config["dhistance:tenant"]).map(pathText);
  if (!secrets.includes(at)) {
    throw new UsageError(
      `"${at}" is not a secret of a tenant's spec; allowed: a path such as servers[0].import.encryptionPassword or ` +
        "backups.locations[1].s3.secretAccessKey.",
    );
  }
  const value = await read();
  if (!value) throw new UsageError(`no value was given for ${at}; type it or pipe it in.`);
  prepareFolder();
  await useDockerProject(tenant, false);
  document.setIn(steps, document.createNode({ secure: await encrypt(value) }));
  writeFileSync(file, String(document));
}

function stepsOf(at: string): (string | number)[] {
  return at
    .split(/[.[\]]+/)
    .filter(Boolean)
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

async function encrypt(value: string): Promise<string> {
  await openStack("docker", SECRETS_STACK);
  const key = "dhistance:value";
  // The value goes in on standard input: every process of the machine can read a command line.
  execFileSync("pulumi", ["config", "set", "--secret", key, "--stack", SECRETS_STACK, "--non-interactive"], {
    cwd: FOLDER,
    input: value,
    stdio: ["pipe", "ignore", "inherit"],
  });
  const { config } = parse(readFileSync(stackFile(SECRETS_STACK), "utf8")) as {
    config: Record<string, { secure: string }>;
  };
  return config[key]?.secure ?? "";
}
