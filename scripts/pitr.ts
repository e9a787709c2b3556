import { Command, Option } from "commander";
import pc from "picocolors";
import { serverOn, whileStopped, type ServerOnHost } from "../operations/docker/server";
import { isOnDocker } from "../stacks/tenant/spec";
import { agreed } from "./ask";
import { ROOT, tenants } from "./checkout";
import { copies } from "./copiesContainer";
import { folderOf } from "./onDocker";
import { refuseUnsecured, startSecured } from "./securedStart";
import { readTenant } from "./tenant";

interface Where {
  host?: string;
}

const say = (line: string) => Promise.resolve(console.log(line));

/** Does something to the cluster while nobody uses it, and brings the server back in any case. */
async function whileDown(server: ServerOnHost, work: () => Promise<void>): Promise<void> {
  await refuseUnsecured(server);
  await whileStopped(server, say, work).finally(() => startSecured(server, say));
}

/** @throws Error where nobody is there to be asked */
async function sure(question: string, { yes }: { yes?: boolean }): Promise<boolean> {
  return (
    yes || agreed(question, new Error(`${question} Cannot ask for confirmation here. Pass --yes to confirm.`))
  );
}

export const program = new Command("npm run pitr --").description(
  "Brings the database of a server on Docker back to a moment, from the copies on disk or in the cloud.",
);

function command(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .argument("<tenant>")
    .argument("<server>")
    .option(
      "--host <address>",
      "unix:///path/to/socket or ssh://user@host (default: that of the tenant's stack file, else DOCKER_HOST)",
    );
}

function find(tenant: string, name: string, { host }: Where): ServerOnHost {
  return serverOn(host ?? hostOf(tenant), tenant, name);
}

function hostOf(tenant: string): string {
  const folder = folderOf(tenant, ROOT);
  const spec = tenants(folder).includes(tenant) ? readTenant(tenant, folder) : undefined;
  if (!spec) return process.env["DOCKER_HOST"] || "unix:///var/run/docker.sock";
  if (!isOnDocker(spec))
    throw new Error(`${tenant} is on AWS, where RDS restores to a point in time (docs/recovery.md)`);
  return spec.target.docker.host;
}

/** What to type next about the same server. */
export function next(verb: string, tenant: string, name: string, { host }: Where): string {
  return `npm run pitr -- ${verb} ${tenant} ${name}${host ? ` --host ${host}` : ""}`;
}

command("list", "What there is to restore from, in both places.").action(
  (tenant: string, server: string, options: Where) => copies(find(tenant, server, options), ["list"]),
);

command("restore", "Restores beside the live database, then exchanges the two; the former is kept aside.")
  .option("--to <moment>", "such as '2026-11-25 10:00:00+00' (default: the newest there is)")
  .addOption(new Option("--from <place>", "the copies to take").choices(["disk", "cloud"]).default("disk"))
  .option("--yes", "do not ask")
  .action(
    async (tenant: string, name: string, options: Where & { to?: string; from: string; yes?: boolean }) => {
      const server = find(tenant, name, options);
      await copies(server, ["restore", options.from, ...(options.to ? [options.to] : [])]);
      if (
        !(await sure(
          `Stop ${server.application} and put what was restored in the database's place?`,
          options,
        ))
      )
        return console.log("Cancelled. The live database was not changed.");
      await whileDown(server, () => copies(server, ["swap"]));
      console.log(
        [
          "Next: log in and look at the newest data. Then one of these:",
          `  ${next("confirm", tenant, name, options)}  deletes the previous database`,
          `  ${next("undo", tenant, name, options)}  puts it back`,
        ].join("\n"),
      );
    },
  );

command("undo", "The former database comes back; the restored one is kept aside in its stead.")
  .option("--yes", "do not ask")
  .action(async (tenant: string, name: string, options: Where & { yes?: boolean }) => {
    const server = find(tenant, name, options);
    // Before anything is stopped.
    await copies(server, ["previous"]);
    if (!(await sure(`Stop ${server.application} and put its previous database back?`, options)))
      return console.log("Cancelled. Nothing was changed.");
    await whileDown(server, () => copies(server, ["undo"]));
  });

command("confirm", "Deletes, for good, what is kept aside.")
  .option("--yes", "do not ask")
  .action(async (tenant: string, name: string, options: Where & { yes?: boolean }) => {
    const server = find(tenant, name, options);
    if (!(await sure(`Delete for good what ${server.database} keeps of before the restore?`, options)))
      return console.log("Cancelled. Nothing was changed.");
    await copies(server, ["confirm"]);
  });

if (require.main === module) {
  program.parseAsync().catch((error: unknown) => {
    console.error(`${pc.red("error:")} ${(error as Error).message}`);
    process.exitCode = 1;
  });
}
