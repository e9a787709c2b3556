/** Point-in-time recovery of one database with pgBackRest: makes the backups, verifies and heals them, restores. */
import { Command, CommanderError, Argument } from "commander";
import { BACKUP_TYPES, type BackupType } from "./info";
import { parseRepository, PitrError } from "./repositories";
import { tolerateClosedPipes } from "../terminal";
import { takeSecrets } from "./secrets";

const ABOUT = `Keeps the backups of one database with pgBackRest, and restores from them.

A repository is "disk" or "cloud". What goes wrong is a line that begins with "ALARM backup:".
Exit codes: 0 done; 1 not done, the message says why.`;

/** A failure that was reported already. */
class Reported extends Error {}

function unless(done: boolean): void {
  if (!done) throw new Reported();
}

/** Each command loads what it needs: Docker asks for the health every ten seconds. */
export function program(): Command {
  const all = new Command("pitr").description(ABOUT);
  const command = (name: string, description: string) => all.command(name).description(description);
  command("schedule", "run for good: make each repository's backups when they are due, and check them")
    .argument("<REPOSITORY=FULL,DIFF,INCR...>", "hours after which a backup of each type is due")
    .action(async (texts: string[]) => {
      const { parseSchedules, schedule } = await import("./schedule");
      await schedule(parseSchedules(texts));
    });
  command("healthy", "whether everything is fine, for Docker").action(async () =>
    (await import("./health")).checkHealth(),
  );
  command("list", "the backups in both repositories; waits half a minute for each at most")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }) => {
      const { listBackups } = await import("./list");
      unless(await listBackups(options));
    });
  command("backup", "make one backup now")
    .argument("<repository>")
    .addArgument(new Argument("<type>").choices(BACKUP_TYPES))
    .action(async (name: string, type: BackupType) => {
      const { backUp } = await import("./backup");
      unless(await backUp(parseRepository(name), type));
    });
  command("verify", "read every file and compare checksums; the next round heals what is damaged")
    .argument("<repository>")
    .action(async (name: string) => {
      const { verify } = await import("./verify");
      unless(await verify(parseRepository(name)));
    });
  command("drop-future", "delete the backups that were made while the clock was ahead")
    .argument("<repository>")
    .action(async (name: string) => {
      const { dropFuture } = await import("./future");
      await dropFuture(parseRepository(name));
    });
  command("restore", "restore beside the live database")
    .argument("<repository>")
    .argument("[point in time]", "such as '2026-11-25 10:00:00+00' (default: the newest there is)")
    .action(async (name: string, moment?: string) => {
      const { restore } = await import("./restore");
      await restore(parseRepository(name), moment);
    });
  command("branch", "make fit to be live again what `upgrade keep` has kept").action(async () =>
    (await import("./restore")).branch(),
  );
  command("previous", "whether a previous database is kept that can be put back").action(async () =>
    (await import("./swap")).checkPrevious(),
  );
  command(
    "swap",
    "with PostgreSQL stopped: make the restored database live and keep the previous one",
  ).action(async () => (await import("./swap")).swap());
  command("undo", "with PostgreSQL stopped: make the previous database live again").action(async () =>
    (await import("./swap")).undo(),
  );
  command("kept", "what `confirm` would delete").action(async () => (await import("./swap")).showKept());
  command("confirm", "delete, for good, the previous database").action(async () =>
    (await import("./swap")).confirm(),
  );
  return all;
}

/** @returns the exit code */
export async function main(parameters: string[]): Promise<number> {
  tolerateClosedPipes();
  const commandLine = program();
  for (const each of [commandLine, ...commandLine.commands]) each.exitOverride();
  try {
    takeSecrets();
    await commandLine.parseAsync(parameters, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 1;
    if (error instanceof PitrError) process.stderr.write(`${error.message}\n`);
    else if (!(error instanceof Reported)) process.stderr.write(`${(error as Error).stack}\n`);
    return 1;
  }
}

// Not by an exit of its own: a failed schedule leaves a round behind.
if (require.main === module) void main(process.argv.slice(2)).then((code) => process.exit(code));
