import { Command } from "commander";
import { stackFileOf } from "../lib/checkout";
import { askSecret } from "../lib/confirm";
import { Output } from "../lib/output";

export function tenantCommand(): Command {
  const tenant = new Command("tenant").description("Read and change a tenant's stack file.");
  tenant
    .command("list")
    .description("List the tenants that have a stack file, with their targets and servers.")
    .option("--json", "print one JSON object")
    .action(async ({ json }: { json?: boolean }) => {
      const { listTenants } = await import("../lib/listTenants");
      listTenants(new Output(json));
    });
  tenant
    .command("show")
    .description("Show the monthly cost on AWS by component, or the memory needed on the Docker host.")
    .argument("<tenant>", "name of a stack file")
    .option("--json", "print one JSON object")
    .action(async (name: string, { json }: { json?: boolean }) => {
      const { showTenant } = await import("../lib/cost/show");
      showTenant(name, new Output(json));
    });
  tenant
    .command("secret")
    .description(
      "Encrypt a secret and write it into the stack file of a tenant of npm start -- --target docker. For your own " +
        "stack use pulumi config set --secret --path instead.",
    )
    .argument("<tenant>", "name of a stack file")
    .argument("<path>", "where the secret belongs, such as backups.locations[1].s3.secretAccessKey")
    .option("--json", "print one JSON object")
    .action(async (name: string, at: string, { json }: { json?: boolean }) => {
      const { setSecret } = await import("../lib/dockerTenant/secret");
      await setSecret(name, at, () => askSecret(`${at} (input is hidden): `));
      const file = stackFileOf(name);
      new Output(json).result({ tenant: name, path: at, file }, `${file}: ${at} is set, encrypted.`);
    });
  return tenant;
}
