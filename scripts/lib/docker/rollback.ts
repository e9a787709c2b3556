import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { PassThrough } from "node:stream";
import { LocalWorkspace } from "@pulumi/pulumi/automation";
import { serverOn, startAgain, whileStopped, type ServerOnHost } from "../../../operations/docker/server";
import { markOf, onClusters, type ClusterJob, type Mark } from "../../../operations/docker/upgrade";
import { isOnDocker } from "../../../stacks/tenant/spec";
import { ensureToolchain, useToolchain } from "../../../tools/toolchain";
import { ROOT, stackFolder } from "../checkout";
import { confirm, type Confirmable } from "../confirm";
import { FOLDER, projectFolderOf } from "../dockerTenant/project";
import { applyChanges } from "../dockerTenant/up";
import { CommandError, UsageError } from "../errors";
import type { Output } from "../output";
import { steps } from "../progress";
import { changesText, printWarnings, up, type Outcome } from "../pulumi/stacks";
import { withVersion } from "../stackFile";
import { readTenant, refuseUnknownServer } from "../tenants";
import { noContainer, runPitr } from "./backupContainers";

/** Undoes an upgrade of DHIS2 on Docker. */

export interface RollbackOptions extends Confirmable {
  cwd: string;
  forget?: boolean;
}

/** A server, and the databases that an upgrade has left on its volume. */
interface Upgraded {
  tenant: string;
  name: string;
  job: ClusterJob;
  /** From before the upgrade. */
  kept: Mark | undefined;
  /** The live one, if it is one from before the upgrade. */
  live: Mark | undefined;
}

export async function rollback(
  tenant: string,
  name: string,
  options: RollbackOptions,
  output: Output,
): Promise<void> {
  const job = await findJob(tenant, name, options.cwd);
  const [kept, live] = [await markOf(job.server, "kept"), await markOf(job.server, "live")];
  const upgraded = { tenant, name, job, kept, live };
  return options.forget ? forget(upgraded, options, output) : undo(upgraded, options, output);
}

/** @throws CommandError if the server's database is not where the stack file says */
async function findJob(tenant: string, name: string, cwd: string): Promise<ClusterJob> {
  const spec = readTenant(tenant, projectFolderOf(tenant, cwd));
  refuseUnknownServer(tenant, spec, name);
  if (!isOnDocker(spec)) {
    throw new UsageError(
      `${tenant} is on AWS; undo an upgrade there with npm run restore -- ${tenant} ${name}.`,
    );
  }
  const { host } = spec.target.docker;
  const server = serverOn(host, tenant, name);
  const { Image, Mounts } = await server.docker
    .getContainer(server.database)
    .inspect()
    .catch((error: Error) => {
      throw noContainer(server.database, host, error);
    });
  const volume = Mounts.find(({ Destination }) => Destination === "/var/lib/postgresql/data")?.Name ?? "";
  return { server, image: Image, volume, show: () => Promise.resolve() };
}

async function undo(upgraded: Upgraded, options: RollbackOptions, output: Output): Promise<void> {
  const { tenant, name, job, kept, live } = upgraded;
  const { server } = job;
  const { cwd } = options;
  const { bold } = output.colors;
  const mark = kept ?? live;
  if (!mark) throw new UsageError(`${name} has no database from before an upgrade; nothing was changed.`);
  const { from, to, at } = mark;
  const file = path.join(stackFolder(cwd), `Pulumi.${tenant}.yaml`);
  const text = readFileSync(file, "utf8");
  const changedText = withVersion(text, name, from);
  const apply = await applyOf(tenant, cwd, output.json);

  await confirm(
    [
      `${bold(name)} goes back to DHIS2 ${from} and its database of ${at}.`,
      kept
        ? `Data entered after that is not in it. The database of DHIS2 ${to} is kept.`
        : "The database is already restored; the remaining steps follow.",
      `${path.basename(file)} gets dhis2: ${from}, then pulumi up runs. Files stay as they are.\nContinue?`,
    ].join("\n"),
    options,
  );
  const started = Date.now();
  let outcome: Outcome | undefined;
  await steps(output, [
    {
      title: `${path.basename(file)}: dhis2: ${from}`,
      task: () => {
        // First, because an up with the later version in the file might migrate once more.
        if (changedText !== text) writeFileSync(file, changedText);
      },
    },
    {
      title: `Database of ${at}`,
      task: (_, task) => restoreKept(job, kept, async (line) => void (task.output = line)),
    },
    {
      title: `Tenant ${tenant}`,
      task: async (_, task) => {
        outcome = await apply((doing) => (task.output = doing));
        task.title += `: ${changesText(outcome)}`;
      },
    },
    {
      title: `DHIS2 ${from}`,
      task: async (_, task) => {
        await startAgain(server, server.application, async (line) => void (task.output = line));
        task.title += ": answers";
      },
    },
  ]);
  printWarnings(outcome, output);
  const seconds = Math.round((Date.now() - started) / 1000);
  const forgetting = `npm run rollback -- ${tenant} ${name}${cwd === ROOT ? "" : ` --cwd ${cwd}`} --forget`;
  output.result(
    { tenant, server: name, dhis2: from, database: at, previous: to, seconds },
    `\n${name} is back at DHIS2 ${from} and its database of ${at}. The database of DHIS2 ${to} is kept; check whether ` +
      `you need it.\n  ${forgetting}  deletes it; until then, no upgrade is possible`,
  );
}

/** Puts the database from before the upgrade back, while nobody uses it. */
async function restoreKept(
  job: ClusterJob,
  kept: Mark | undefined,
  show: (line: string) => Promise<void>,
): Promise<void> {
  const { server } = job;
  if (kept && (await exists(server, server.pitr))) {
    await show("telling the backups that the write-ahead log continues from there");
    await branch(server, show);
  }
  await whileStopped(server, show, () => onClusters("exchange of the databases", { ...job, show }, "back"));
}

/** How `pulumi up` runs for the tenant. The stack must exist. */
async function applyOf(
  tenant: string,
  cwd: string,
  quiet: boolean,
): Promise<(report: (doing: string) => void) => Promise<Outcome>> {
  if (projectFolderOf(tenant, cwd) === FOLDER) return (report) => applyChanges(tenant, quiet, report);
  useToolchain(await ensureToolchain({ quiet }), { providers: "real" });
  await LocalWorkspace.selectStack({ stackName: tenant, workDir: cwd }).catch(() => {
    const backend = process.env["PULUMI_BACKEND_URL"] ?? "the backend that pulumi is logged in to";
    throw new UsageError(
      `there is no stack ${tenant} in ${backend}. Set PULUMI_BACKEND_URL to the backend with the tenant's stack.`,
    );
  });
  return (report) => up({ folder: cwd }, tenant, report);
}

async function forget(upgraded: Upgraded, options: RollbackOptions, output: Output): Promise<void> {
  const { tenant, name, job, kept, live } = upgraded;
  const what = kept
    ? `the database of DHIS2 ${kept.from} from before the upgrade (${kept.at}); a rollback is not possible after that`
    : live
      ? `the database of DHIS2 ${live.to}, which was rolled back`
      : "the previous database, if there is one";
  const question = `Delete, of ${output.colors.bold(name)}: ${what}? This cannot be undone.`;
  await confirm(question, options);
  await onClusters("deletion of the previous database", job, "forget");
  output.result({ tenant, server: name, forgotten: true }, "The previous database is deleted.");
}

function exists({ docker }: ServerOnHost, container: string): Promise<boolean> {
  return docker
    .getContainer(container)
    .inspect()
    .then(
      () => true,
      () => false,
    );
}

/** @throws CommandError with the last output of the command */
async function branch(server: ServerOnHost, show: (line: string) => Promise<void>): Promise<void> {
  let last = "";
  const stream = () =>
    new PassThrough().on("data", (data) => {
      last = `${last}${data}`.slice(-2000);
      void show(String(data).trim());
    });
  await runPitr(server, ["branch"], { streams: [stream(), stream()] }).catch((error: Error) => {
    throw new CommandError(`${error.message}\n${last}`, 1, { cause: error });
  });
}
