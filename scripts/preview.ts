import { spawn } from "node:child_process";
import { Argument, Command } from "commander";
import pc from "picocolors";
import { ensureToolchain, useToolchain } from "../tools/toolchain";
import { ROOT, tenants } from "./checkout";
import { openStack, POLICIES } from "./engine";
import { PLATFORM, preparePlatform, prepareTenants } from "./rehearsal";

/** `npm run preview -- TENANT`: the plan of a change, as its reviewers see it, with no cloud and no credentials. */
new Command("npm run preview --")
  .description(
    "Shows what pulumi up would do to a tenant on the rehearsal target, the policy pack's say included.",
  )
  .addArgument(new Argument("<tenant>", "a stack file's name").choices(tenants()))
  .argument("[options...]", "more options for pulumi preview, after --, such as --diff or --json")
  .action(async (tenant: string, options: string[]) => {
    useToolchain(await ensureToolchain(), { providers: "rehearsal" });
    await prepareTenants();
    const platform = await openStack("platform", PLATFORM);
    if (Object.keys(await platform.outputs()).length === 0) {
      console.error(`Bringing up platform ${PLATFORM} first …`);
      await preparePlatform(() => undefined);
    }
    process.exitCode = await pulumi(["preview", "--stack", tenant, "--policy-pack", POLICIES, ...options]);
  })
  .parseAsync()
  .catch((error: unknown) => {
    console.error(`${pc.red("error:")} ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  });

function pulumi(args: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn("pulumi", args, { cwd: ROOT, stdio: "inherit" });
    child.on("error", reject);
    child.on("close", (code) => {
      resolve(code ?? 1);
    });
  });
}
