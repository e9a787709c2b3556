import { Command, Option } from "commander";
import { tenants } from "../lib/checkout";
import { YES } from "../lib/confirm";
import { UsageError } from "../lib/errors";
import { Output } from "../lib/output";
import { refuseUnknownTenant } from "../lib/tenants";

export interface StartOptions {
  target: "rehearsal" | "docker";
  tenant?: string;
  down?: boolean;
  yes?: boolean;
  json?: boolean;
}

export function startCommand(): Command {
  return new Command("start")
    .description(
      "Bring up an example tenant. Target rehearsal: the real Pulumi engine with providers that create nothing. " +
        "Target docker: a real server on this machine's Docker engine, or on that of DOCKER_HOST.",
    )
    .addOption(
      new Option("--target <target>", "where to bring it up")
        .choices(["rehearsal", "docker"])
        .default("rehearsal"),
    )
    .option("--tenant <name>", "the tenant (default: moh-premium; on docker: moh-docker)")
    .option("--down", "with --target docker: remove the tenant, including its data")
    .option("--yes", `with --down: ${YES}`)
    .option("--json", "print one JSON object")
    .action((options: StartOptions) => start(options, new Output(options.json)));
}

/** @throws UsageError if the options do not go together */
export async function start({ target, tenant, down, yes }: StartOptions, output: Output): Promise<void> {
  if (yes && !down) throw new UsageError("--yes needs --down.");
  if (target === "rehearsal") {
    if (down) throw new UsageError("--down needs --target docker.");
    const { OVER_QUOTA, startRehearsal } = await import("../lib/rehearsal");
    const allowed = tenants().filter((name) => name !== OVER_QUOTA);
    const chosen = tenant ?? "moh-premium";
    refuseUnknownTenant(chosen, allowed);
    return startRehearsal(chosen, output);
  }
  const chosen = tenant ?? "moh-docker";
  refuseUnknownTenant(chosen, tenants());
  const { dockerTenants } = await import("../lib/dockerTenant/project");
  const onDocker = dockerTenants(tenants());
  if (!onDocker.includes(chosen))
    throw new UsageError(`tenant ${chosen} is not on Docker; tenants on Docker: ${onDocker.join(", ")}.`);
  if (down) {
    const { takeDown } = await import("../lib/dockerTenant/down");
    return takeDown(chosen, yes ? { yes } : {}, output);
  }
  const { startOnDocker } = await import("../lib/dockerTenant/up");
  return startOnDocker(chosen, output);
}
