import { Command, Option } from "commander";
import pc from "picocolors";
import { serverOn, startAgain, whileStopped, type ServerOnHost } from "../components/docker/server";
import { agreed } from "./ask";
import { copies } from "./copiesContainer";

interface Where {
  host: string;
}

const say = (line: string) => Promise.resolve(console.log(line));

/** Does something to the cluster while nobody uses it, and brings the server back in any case. */
async function whileDown(server: ServerOnHost, work: () => Promise<void>): Promise<void> {
  await whileStopped(server, say, work).finally(() => startAgain(server, server.application, say));
}

/** @throws Error where nobody is there to be asked */
async function sure(question: string, { yes }: { yes?: boolean }): Promise<boolean> {
  return yes || agreed(question, new Error(`${question} Say --yes to have it done.`));
}

const program = new Command("npm run pitr --").description(
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
      "unix:///path/to/socket or ssh://user@host",
      process.env["DOCKER_HOST"] || "unix:///var/run/docker.sock",
    );
}

command("list", "What there is to restore from, in both places.").action(
  (tenant: string, server: string, { host }: Where) =>
    copies(serverOn(host, `${tenant}-${server}`), ["list"]),
);

command("restore", "Restores beside the live database, then exchanges the two; the former is kept aside.")
  .option("--to <moment>", "such as '2026-11-25 10:00:00+00' (default: the newest there is)")
  .addOption(new Option("--from <place>", "the copies to take").choices(["disk", "cloud"]).default("disk"))
  .option("--yes", "do not ask")
  .action(
    async (tenant: string, name: string, options: Where & { to?: string; from: string; yes?: boolean }) => {
      const server = serverOn(options.host, `${tenant}-${name}`);
      await copies(server, ["restore", options.from, ...(options.to ? [options.to] : [])]);
      if (
        !(await sure(
          `Stop ${server.application} and put what was restored in the database's place?`,
          options,
        ))
      )
        return console.log("Nothing was exchanged.");
      await whileDown(server, () => copies(server, ["swap"]));
      console.log(
        `Look whether all is well. Then: pitr confirm ${tenant} ${name}, or back again: pitr undo ${tenant} ${name}`,
      );
    },
  );

command("undo", "The former database comes back; the restored one is kept aside in its stead.")
  .option("--yes", "do not ask")
  .action(async (tenant: string, name: string, options: Where & { yes?: boolean }) => {
    const server = serverOn(options.host, `${tenant}-${name}`);
    if (!(await sure(`Stop ${server.application} and bring its former database back?`, options))) return;
    await whileDown(server, () => copies(server, ["undo"]));
  });

command("confirm", "Deletes, for good, what is kept aside.")
  .option("--yes", "do not ask")
  .action(async (tenant: string, name: string, options: Where & { yes?: boolean }) => {
    const server = serverOn(options.host, `${tenant}-${name}`);
    if (!(await sure(`Delete for good what ${server.database} keeps aside?`, options))) return;
    await copies(server, ["confirm"]);
  });

program.parseAsync().catch((error: unknown) => {
  console.error(`${pc.red("error:")} ${(error as Error).message}`);
  process.exitCode = 1;
});
