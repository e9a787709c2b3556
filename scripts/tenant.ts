import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Command } from "commander";
import pc from "picocolors";
import { parse } from "yaml";
import { SpecError } from "../stacks/config";
import { parseTenant, type Tenant } from "../stacks/tenant/spec";
import { estimate, money, PRICES, total } from "./cost";

/** `npm run tenant`: what a tenant's stack file asks for, and what that costs. */

const ROOT = path.resolve(__dirname, "..");

/** The tenants that have a stack file here. */
export function tenantsIn(folder: string): string[] {
  return readdirSync(folder).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);
}

/**
 * A tenant's spec as its stack file has it; a value that is encrypted there is not decrypted.
 * @throws Error for a person if there is no such file, or if something in it is wrong
 */
export function readTenant(name: string, folder = ROOT): Tenant {
  const file = path.join(folder, `Pulumi.${name}.yaml`);
  if (!existsSync(file)) {
    throw new Error(
      `tenant "${name}" has no stack file; there are ${tenantsIn(folder).join(", ")}. Write Pulumi.${name}.yaml first.`,
    );
  }
  const { config } = parse(readFileSync(file, "utf8")) as { config?: Record<string, unknown> };
  try {
    return parseTenant(config?.["dhistance:tenant"] ?? {});
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    throw new Error([`Pulumi.${name}.yaml:`, ...error.problems.map((problem) => `- ${problem}`)].join("\n"), {
      cause: error,
    });
  }
}

/** For a person. */
export function describeCost(name: string, tenant: Tenant): string {
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
    pc.dim(`An estimate with prices of ${PRICES.region}, ${PRICES.date}; what it assumes: docs/cost.md`),
  ].join("\n");
}

export function command(): Command {
  const program = new Command("tenant").description("A tenant's stack file and what it costs");
  program
    .command("show")
    .description("what a tenant's servers and copies cost in a month, by component")
    .argument("<tenant>", "the name of its stack")
    .option("--json", "for programs")
    .action((name: string, { json = false }: { json?: boolean }) => {
      const tenant = readTenant(name);
      const { region, date, currency } = PRICES;
      const lines = estimate(tenant);
      console.log(
        json
          ? JSON.stringify(
              { tenant: name, prices: { region, date, currency }, lines, total: total(lines) },
              null,
              2,
            )
          : describeCost(name, tenant),
      );
    });
  return program;
}

if (require.main === module) {
  try {
    command().parse();
  } catch (error) {
    console.error(pc.red((error as Error).message));
    process.exitCode = 1;
  }
}
