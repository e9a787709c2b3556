import { Command } from "commander";
import pc from "picocolors";
import { connect } from "../operations/docker/engine";
import { buildOwnImages, OWN_IMAGES } from "../images/build";

interface Options {
  host: string;
  network?: "host";
}

new Command("npm run images --")
  .description(
    "Builds our own images, PostgreSQL, the jobs and monitoring, on a Docker host; what is unchanged is not built again.",
  )
  .option(
    "--host <address>",
    "unix:///path/to/socket or ssh://user@host",
    process.env["DOCKER_HOST"] || "unix:///var/run/docker.sock",
  )
  .option("--network <name>", "host: reach Debian's packages through the host's own network")
  .action(async ({ host, network }: Options) => {
    const docker = connect(host);
    await docker.ping().catch((error: Error) => {
      throw new Error(`no Docker engine answers at ${host} (${error.message})`);
    });
    await buildOwnImages(docker, network && { network });
    for (const image of OWN_IMAGES) console.log(image);
  })
  .parseAsync()
  .catch((error: unknown) => {
    console.error(`${pc.red("error:")} ${(error as Error).message}`);
    process.exitCode = 1;
  });
