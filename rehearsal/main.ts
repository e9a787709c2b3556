import { basename } from "node:path";
import { serve } from "./serve";

/**
 * The plugin that the engine starts: `pulumi-resource-aws`, `-docker`, `-random` and `-tls` are this one program
 * under four names. A provider is loaded only when it is the one asked for: every preview starts all four.
 */
async function main(): Promise<void> {
  const name = basename(process.argv[1] ?? "").replace(/^pulumi-resource-/, "");
  switch (name) {
    case "aws":
      return serve((await import("./aws")).aws);
    case "docker":
      return serve((await import("./docker")).docker);
    case "random":
      return serve((await import("./random")).random);
    case "tls":
      return serve((await import("./tls")).tls);
    default:
      process.stderr.write(
        `rehearsal: start it as pulumi-resource-aws, -docker, -random or -tls, not "${name}"\n`,
      );
      process.exitCode = 1;
  }
}

void main();
