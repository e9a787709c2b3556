import { Command, Option } from "commander";
import type { ImagesOptions } from "../lib/docker/images";
import { Output } from "../lib/output";

export function imagesCommand(): Command {
  return new Command("images")
    .description("Build DHIStance's own images on a Docker host. Unchanged images are not built again.")
    .option(
      "--host <address>",
      "unix:///path/to/socket or ssh://user@host",
      process.env["DOCKER_HOST"] || "unix:///var/run/docker.sock",
    )
    .addOption(
      new Option("--network <name>", "host: reach Debian's packages through the host's network").choices([
        "host",
      ]),
    )
    .option("--json", "print one JSON object")
    .action(async ({ json, ...options }: ImagesOptions & { json?: boolean }) => {
      const { buildImages } = await import("../lib/docker/images");
      await buildImages(options, new Output(json));
    });
}
