/** The preparation job's command line. */
import { Command } from "commander";
import { parseName, serverConfig, type ServerOptions } from "../import/cli/options";
import { EXIT_CODES, runCommand, secretIn } from "../runCommand";
import { prepare } from "./prepare";

interface Flags extends ServerOptions {
  database: string;
  role: string;
  rolePasswordEnv: string;
  monitor?: string;
  monitorPasswordEnv?: string;
}

export function program(): Command {
  return new Command("prepare")
    .description("Makes DHIS2's role, database and extensions on a PostgreSQL server, or finds them made.")
    .requiredOption(
      "--server <url>",
      "administrator's address: postgres://admin@host:5432/postgres?sslmode=…",
    )
    .option("--password-file <path>", "file with the administrator's password (default: as PGPASSFILE says)")
    .option("--password-env <name>", "environment variable with it")
    .requiredOption("--database <name>", "the database", parseName)
    .requiredOption("--role <name>", "the role that owns it", parseName)
    .requiredOption("--role-password-env <name>", "environment variable with the role's password")
    .option("--monitor <name>", "a role that may see how the server is, and none of the data", parseName)
    .option("--monitor-password-env <name>", "environment variable with its password")
    .addHelpText("after", EXIT_CODES)
    .action(async (flags: Flags) => {
      const { made, versions } = await prepare({
        server: serverConfig(flags),
        database: flags.database,
        role: flags.role,
        rolePassword: secretIn(flags.rolePasswordEnv, "--role-password-env"),
        ...(flags.monitor && {
          monitor: {
            role: flags.monitor,
            password: secretIn(flags.monitorPasswordEnv ?? "", "--monitor-password-env"),
          },
        }),
      });
      const extensions = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
      console.log(made.length > 0 ? `Made ${made.join(", ")}.` : "Everything was there.");
      console.log(`${flags.database} belongs to ${flags.role} and has ${extensions.join(", ")}.`);
    });
}

if (require.main === module) {
  void runCommand(program(), process.argv.slice(2)).then((code) => (process.exitCode = code));
}
