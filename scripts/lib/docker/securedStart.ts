import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { FILES } from "../../../components/BackupVault/docker/portableFiles";
import { APPLICATION_PORT } from "../../../components/contract/application";
import { DATABASE_HOST } from "../../../components/contract/dockerTarget";
import { roleAt } from "../../../components/jobs";
import { startAgain, type ServerOnHost, type Show } from "../../../operations/docker/server";
import { CommandError } from "../errors";
import { runIn } from "./backupContainers";

/**
 * Starts DHIS2 on a database that was restored, exchanged or rolled back. Such a database may contain DHIS2's default
 * password, so it is replaced before the start and tested after it. The container of the portable backups has the
 * tools and files for that.
 */
const BEFORE = [
  "secure-admin",
  "before-start",
  "--server",
  roleAt(DATABASE_HOST),
  "--password-file",
  FILES.role,
  "--admin-password-file",
  FILES.admin,
];
/** @throws CommandError, before anything is stopped, if the container cannot replace the default password */
export async function requireSecureAdmin(server: ServerOnHost): Promise<void> {
  const ready = ["sh", "-c", `test -r ${FILES.role} && secure-admin before-start --help`];
  if (await succeeds(server, ready, () => Promise.resolve())) return;
  throw new CommandError(
    `${server.portable} is of an earlier version and cannot replace DHIS2's default password. Nothing was changed. ` +
      "Run pulumi up first.",
  );
}

/** @throws CommandError if the default password may open DHIS2 */
export async function startSecured(server: ServerOnHost, show: Show): Promise<void> {
  const { application, portable } = server;
  if (!(await succeeds(server, BEFORE, show)))
    throw new CommandError(
      "DHIS2 was not started: the database may contain its default password, which could not be replaced. See the " +
        `output above. Then: docker exec ${portable} ${BEFORE.join(" ")} && docker start ${application}`,
    );
  await startAgain(server, application, show);
  const url = `http://${application}:${APPLICATION_PORT}`;
  const password = ["--admin-password-file", FILES.admin];
  const after = ["secure-admin", "after-start", "--application", url, ...password, "--wait", "60s"];
  if (!(await succeeds(server, after, show)))
    throw new CommandError(
      "DHIS2 runs, but its default password may open it. See the output above. To stop it until that is fixed: " +
        `docker stop ${application}`,
    );
}

/** Shows each line that the command prints, on either stream. */
async function succeeds(server: ServerOnHost, command: string[], show: Show): Promise<boolean> {
  const output = new PassThrough();
  const shown = (async () => {
    for await (const line of createInterface({ input: output })) await show(line);
  })();
  const code = await runIn(server, server.portable, command, { streams: [output, output] });
  output.end();
  await shown;
  return code === 0;
}
