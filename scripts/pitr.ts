import { Command, Option } from "commander";
import type Docker from "dockerode";
import pc from "picocolors";
import { connect } from "../components/docker/engine";
import { waitUntilHealthy } from "../components/docker/health";
import { agreed } from "./ask";

interface Where {
  host: string;
}

/** The containers of one server, as the components name them. */
function containersOf(tenant: string, server: string, { host }: Where) {
  const docker = connect(host);
  const name = (part: string) => `${tenant}-${server}-${part}`;
  return {
    ...{ docker, host, copies: name("copies"), database: name("database"), application: name("application") },
  };
}
type Server = ReturnType<typeof containersOf>;

/**
 * Runs the image's `copies` in the container that has the keys, and shows what it says.
 * @throws Error if it failed, or if there is no such container
 */
async function copies({ docker, host, copies }: Server, ...command: string[]): Promise<void> {
  const container = docker.getContainer(copies);
  const { State } = await container.inspect().catch((error: Error & { statusCode?: number }) => {
    throw new Error(
      error.statusCode === 404
        ? `there is no container ${copies} at ${host}: another tenant, server or host, or a server without copies`
        : `no Docker engine answers at ${host} (${error.message})`,
    );
  });
  if (!State.Running) throw new Error(`${copies} does not run. Start it: docker start ${copies}`);
  const Cmd = ["copies", ...command];
  const exec = await container.exec({ Cmd, AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({});
  docker.modem.demuxStream(stream, process.stdout, process.stderr);
  await new Promise((resolve, reject) => stream.on("end", resolve).on("error", reject));
  const { ExitCode } = await exec.inspect();
  if (ExitCode !== 0) throw new Error(`copies ${command[0]} did not succeed; the lines above say why`);
}

/** Does something to the cluster while nobody uses it, and brings the server back in any case. */
async function whileStopped(server: Server, work: () => Promise<void>): Promise<void> {
  const { docker, application, database, host } = server;
  const say = (line: string) => Promise.resolve(console.log(line));
  for (const name of [application, database]) {
    await say(`stopping ${name}`);
    await stop(docker, name);
  }
  try {
    await work();
  } finally {
    for (const name of [database, application]) {
      await say(`starting ${name}`);
      await docker.getContainer(name).start();
      await waitUntilHealthy(host, name, 3600, say, docker);
    }
  }
}

/** One that is stopped already is as well. */
async function stop(docker: Docker, name: string): Promise<void> {
  await docker
    .getContainer(name)
    .stop({ t: 120 })
    .catch((error: Error & { statusCode?: number }) => {
      if (error.statusCode !== 304) throw error;
    });
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
  (tenant: string, server: string, where: Where) => copies(containersOf(tenant, server, where), "list"),
);

command("restore", "Restores beside the live database, then exchanges the two; the former is kept aside.")
  .option("--to <moment>", "such as '2026-11-25 10:00:00+00' (default: the newest there is)")
  .addOption(new Option("--from <place>", "the copies to take").choices(["disk", "cloud"]).default("disk"))
  .option("--yes", "do not ask")
  .action(
    async (tenant: string, name: string, options: Where & { to?: string; from: string; yes?: boolean }) => {
      const server = containersOf(tenant, name, options);
      await copies(server, "restore", options.from, ...(options.to ? [options.to] : []));
      if (
        !(await sure(
          `Stop ${server.application} and put what was restored in the database's place?`,
          options,
        ))
      )
        return console.log("Nothing was exchanged.");
      await whileStopped(server, () => copies(server, "swap"));
      console.log(
        `Look whether all is well. Then: pitr confirm ${tenant} ${name}, or back again: pitr undo ${tenant} ${name}`,
      );
    },
  );

command("undo", "The former database comes back; the restored one is kept aside in its stead.")
  .option("--yes", "do not ask")
  .action(async (tenant: string, name: string, options: Where & { yes?: boolean }) => {
    const server = containersOf(tenant, name, options);
    if (!(await sure(`Stop ${server.application} and bring its former database back?`, options))) return;
    await whileStopped(server, () => copies(server, "undo"));
  });

command("confirm", "Deletes, for good, what is kept aside.")
  .option("--yes", "do not ask")
  .action(async (tenant: string, name: string, options: Where & { yes?: boolean }) => {
    const server = containersOf(tenant, name, options);
    if (!(await sure(`Delete for good what ${server.database} keeps aside?`, options))) return;
    await copies(server, "confirm");
  });

program.parseAsync().catch((error: unknown) => {
  console.error(`${pc.red("error:")} ${(error as Error).message}`);
  process.exitCode = 1;
});
