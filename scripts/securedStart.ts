import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { FILES } from "../components/BackupVault/docker/portableFiles";
import { startAgain, type ServerOnHost, type Show } from "../operations/docker/server";
import { APPLICATION_PORT } from "../components/contract/application";
import { DATABASE_HOST } from "../components/contract/dockerTarget";
import { roleAt } from "../components/jobs";
import { runIn } from "./copiesContainer";

/**
 * The start of DHIS2 on a database that was restored, exchanged or rolled back: DHIS2's default password may be in it.
 * The container that keeps the portable copies has what this needs.
 */
const BEFORE = [
  ...["secure-admin", "before-start", "--server", roleAt(DATABASE_HOST), "--password-file", FILES.role],
  ...["--admin-password-file", FILES.admin],
];

/** @throws Error for a person, before anything is stopped, if the start could not be secured */
export async function refuseUnsecured(server: ServerOnHost): Promise<void> {
  const ready = ["sh", "-c", `test -r ${FILES.role} && secure-admin before-start --help`];
  if (await succeeds(server, ready, () => Promise.resolve())) return;
  throw new Error(
    `${server.portable} is of an earlier version, and cannot make sure that DHIS2's default password opens nothing ` +
      "afterwards. Nothing was changed. Run pulumi up first.",
  );
}

/** @throws Error for a person if the default password may open DHIS2 */
export async function startSecured(server: ServerOnHost, show: Show): Promise<void> {
  if (!(await succeeds(server, BEFORE, show)))
    throw new Error(
      `DHIS2 was not started: its default password may be in the database, and was not replaced. The lines above say ` +
        `why. Once that is mended: docker exec ${server.portable} ${BEFORE.join(" ")} && docker start ${server.application}`,
    );
  await startAgain(server, server.application, show);
  const after = [
    ...["secure-admin", "after-start", "--application", `http://${server.application}:${APPLICATION_PORT}`],
    ...["--admin-password-file", FILES.admin, "--wait", "60s"],
  ];
  if (!(await succeeds(server, after, show)))
    throw new Error(
      `DHIS2 runs, but it was not confirmed that its default password opens nothing. The lines above say why. Until ` +
        `that is mended: docker stop ${server.application}`,
    );
}

/** Shows each line that the command prints, on either stream. */
async function succeeds(server: ServerOnHost, command: string[], show: Show): Promise<boolean> {
  const output = new PassThrough();
  const shown = (async () => {
    for await (const line of createInterface({ input: output })) await show(line);
  })();
  const code = await runIn(server, server.portable, command, [output, output]);
  output.end();
  await shown;
  return code === 0;
}
