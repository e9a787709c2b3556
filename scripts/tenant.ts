import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { Command } from "commander";
import pc from "picocolors";
import { parse } from "yaml";
import { SpecError } from "../stacks/config";
import { undecrypted } from "../stacks/tenant/secrets";
import { SIZE_TERMS } from "../components/DataManagementServer/sizes";
import {
  isOnDocker,
  parseTenant,
  warningsOf,
  type AwsTenant,
  type DockerTenant,
  type Tenant,
} from "../stacks/tenant/spec";
import { askSecret } from "./ask";
import { ROOT, stackFileOf, stackFolder, tenants } from "./checkout";
import { estimate, money, PRICES, total } from "./cost";

/** `npm run tenant`: what a tenant's stack file asks for, and what that costs. */

/**
 * A tenant's spec as its stack file has it; a value that is encrypted there is not decrypted.
 * @throws Error for a person if there is no such file, or if something in it is wrong
 */
export function readTenant(name: string, project = ROOT): Tenant {
  const file = path.join(stackFolder(project), `Pulumi.${name}.yaml`);
  if (!existsSync(file)) {
    throw new Error(
      `tenant "${name}" has no stack file; there are ${tenants(project).join(", ")}. Write ${stackFileOf(name)} first.`,
    );
  }
  const { config } = parse(readFileSync(file, "utf8")) as { config?: Record<string, unknown> };
  try {
    return parseTenant(undecrypted(config?.["dhistance:tenant"] ?? {}));
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    throw new Error(
      [`${stackFileOf(name)}:`, ...error.problems.map((problem) => `- ${problem}`)].join("\n"),
      {
        cause: error,
      },
    );
  }
}

/** What a tenant on a Docker host takes of it, in GiB of memory that its containers are limited to; AWS asks nothing. */
export function memoryOn({ servers }: DockerTenant): { server: string; memoryGiB: number }[] {
  return servers.map(({ name, size }) => {
    const { application, database } = SIZE_TERMS[size];
    return { server: name, memoryGiB: application.memoryGiB + database.memoryGiB };
  });
}

/** For a person. */
export function describeTenant(name: string, tenant: Tenant): string {
  return isOnDocker(tenant) ? describeHost(name, tenant) : describeCost(name, tenant);
}

function describeHost(name: string, tenant: DockerTenant): string {
  const each = memoryOn(tenant);
  const width = Math.max(...each.map(({ server }) => server.length)) + 2;
  const line = (what: string, gib: number) => `${what.padEnd(width)}${String(gib).padStart(4)} GiB of memory`;
  return [
    `${pc.bold(tenant.displayName)} ${pc.dim(`(${name})`)}`,
    `on the Docker host ${tenant.target.docker.host}: nothing of it is on AWS or on AWS's bill. It takes of the host:`,
    "",
    ...each.map(({ server, memoryGiB }) => line(server, memoryGiB)),
    pc.bold(
      line(
        "all",
        each.reduce((sum, { memoryGiB }) => sum + memoryGiB, 0),
      ),
    ),
    pc.dim("and less than 1 GiB for its gateway"),
  ].join("\n");
}

function describeCost(name: string, tenant: AwsTenant): string {
  const lines = estimate(tenant);
  const width = Math.max(...lines.map(({ what }) => what.length)) + 4;
  const amount = (value: number) => money(value).padStart(7);
  const components = [...new Set(lines.map(({ component }) => component))];
  return [
    `${pc.bold(tenant.displayName)} ${pc.dim(`(${name})`)}`,
    "",
    ...components.flatMap((component) => {
      const own = lines.filter((line) => line.component === component);
      return [
        `${pc.bold(component.padEnd(width + 2))}${amount(total(own))}`,
        ...own.map(({ what, amount: each }) => pc.dim(`    ${what.padEnd(width - 2)}${amount(each)}`)),
      ];
    }),
    "",
    `${pc.bold(`${PRICES.currency} a month`.padEnd(width + 2))}${amount(total(lines))}`,
    pc.dim(
      `An estimate with prices of ${PRICES.region}, ${PRICES.date}, ${PRICES.unchecked.length} of them unchecked; ` +
        "which, and what it assumes: docs/cost.md",
    ),
  ].join("\n");
}

function forPrograms(name: string, tenant: Tenant): object {
  if (isOnDocker(tenant))
    return { tenant: name, docker: { host: tenant.target.docker.host, memory: memoryOn(tenant) } };
  const { region, date, currency, unchecked } = PRICES;
  const lines = estimate(tenant);
  return { tenant: name, prices: { region, date, currency, unchecked }, lines, total: total(lines) };
}

export function command(): Command {
  const program = new Command("tenant").description("A tenant's stack file and what it costs");
  program
    .command("show")
    .description(
      "what a tenant's servers and copies cost in a month on AWS, by component, or take of its Docker host",
    )
    .argument("<tenant>", "the name of its stack")
    .option("--json", "for programs")
    .action((name: string, { json = false }: { json?: boolean }) => {
      const tenant = readTenant(name);
      const warnings = warningsOf(tenant);
      for (const warning of warnings) console.error(`${pc.yellow("warning:")} ${warning}`);
      const said = { ...forPrograms(name, tenant), warnings };
      console.log(json ? JSON.stringify(said, null, 2) : describeTenant(name, tenant));
    });
  program
    .command("secret")
    .description(
      "encrypts a secret of a tenant of npm start -- --target docker, and puts it into the stack file; for a stack of " +
        "your own it is pulumi config set --secret --path",
    )
    .argument("<tenant>", "the name of its stack")
    .argument("<path>", "where it belongs, such as backups.copies[1].s3.secretAccessKey")
    .action(async (name: string, at: string) => {
      // Only now: it brings the engine and Docker along.
      const { setSecret } = await import("./onDocker");
      await setSecret(name, at, () => askSecret(`${at} (not shown): `));
      console.log(`${stackFileOf(name)}: ${at} is set, encrypted.`);
    });
  return program;
}

if (require.main === module) {
  command()
    .parseAsync()
    .catch((error: unknown) => {
      console.error(pc.red((error as Error).message));
      process.exitCode = 1;
    });
}
