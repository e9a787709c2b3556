import type { RunFailed } from "../../../operations/runFailed";
import { exitCodeOf } from "../../../jobs/backup/cli";
import { ROOT } from "../checkout";
import type { Confirmable } from "../confirm";
import { CommandError } from "../errors";
import type { Output } from "../output";

/** What a restore has in common on every target. */

export interface RestoreOptions extends Confirmable {
  from?: string;
  snapshot?: string;
  replace?: boolean;
  /** Only the file store is restored; with `undo` or `confirm` that is undone or confirmed. */
  filesOnly?: boolean;
  undo?: boolean;
  confirm?: boolean;
  analytics?: boolean;
  to?: string;
  passwordFile?: string;
  /** Name of the database on another server. */
  database: string;
  /** Folder with capacity for the whole database. */
  scratch: string;
  /** The folder with Pulumi.yaml. */
  cwd: string;
}

export interface RestoreRequest extends RestoreOptions {
  tenant: string;
  server: string;
  output: Output;
}

export const jsonOption = ({ output }: RestoreRequest) => (output.json ? ["--json"] : []);

/** The command as the person typed it, without its options except `--cwd`. */
export function restoreCommand({
  tenant,
  server,
  cwd,
}: Pick<RestoreRequest, "tenant" | "server" | "cwd">): string {
  return `npm run restore -- ${tenant} ${server}${cwd === ROOT ? "" : ` --cwd ${cwd}`}`;
}

export const GENERATING_ANALYTICS =
  "Generating analytics tables (backups do not contain them). DHIS2 continues if you stop this command.";

/** Says how to generate analytics tables later: if they fail, the restore has still succeeded. */
export function sayAnalyticsLater(request: RestoreRequest): void {
  const command = `${restoreCommand(request)} --analytics`;
  request.output.progress(`DHIS2 runs. To generate its analytics tables: ${command}`);
}

/** What to do after a restore. */
export function nextSteps(request: Pick<RestoreRequest, "tenant" | "server" | "cwd">): string {
  const command = restoreCommand(request);
  return (
    "Next: log in and check the newest data, a file, a report. Then one of these:\n" +
    `  ${command} --confirm  deletes the previous database\n  ${command} --undo  puts it back`
  );
}

/** An error of the jobs or of a task, with the exit code that the backup job gives it. */
export function restoreError(heading: string, error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  const { message, brief = message, exitCode } = error as Error & Partial<RunFailed>;
  return new CommandError(`${heading} ${brief}`, exitCode ?? exitCodeOf(error), { cause: error });
}
