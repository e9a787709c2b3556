import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { PassThrough } from "node:stream";
import { LocalWorkspace } from "@pulumi/pulumi/automation";
import { Command } from "commander";
import pc from "picocolors";
import { serverOn, startAgain, whileStopped, type ServerOnHost } from "../operations/docker/server";
import { markOf, onClusters, type ClusterJob, type Mark } from "../operations/docker/upgrade";
import { isOnDocker } from "../stacks/tenant/spec";
import { ensureToolchain, useToolchain } from "../tools/toolchain";
import { agreed } from "./ask";
import { ROOT, stackFolder } from "./checkout";
import { copies } from "./copiesContainer";
import { changed, showWarnings, up, type Outcome } from "./engine";
import { applyChanges, FOLDER, folderOf } from "./onDocker";
import { withVersion } from "./stackFile";
import { steps } from "./steps";
import { readTenant } from "./tenant";

interface Options {
  cwd: string;
  forget?: boolean;
  yes?: boolean;
  json?: boolean;
}

export const program = new Command("npm run rollback --")
  .description(
    "The way back from an upgrade of DHIS2 on Docker: the database as it was kept before, the former version in the " +
      "stack file, pulumi up. Cut off in between, it is run again and goes on. The database that is left is kept aside.",
  )
  .argument("<tenant>", "the stack's name")
  .argument("<server>", "its name in the stack file")
  .option(
    "--forget",
    "instead: delete, for good, what is kept from before the upgrade, and what is kept aside",
  )
  .option("-C, --cwd <folder>", "where Pulumi.yaml and the stack file are", ROOT)
  .option("--yes", "do not ask")
  .option("--json", "print the outcome as JSON and nothing else on standard output")
  .action(async (tenant: string, name: string, options: Options) => {
    const { server, volume, image } = await find(tenant, name, options);
    const job = { server, volume, image, show: () => Promise.resolve() };
    const marks = { kept: await markOf(server, "kept"), live: await markOf(server, "live") };
    await (options.forget ? forget : rollBack)(tenant, name, job, marks, options);
  });

if (require.main === module) {
  program.parseAsync().catch((error: unknown) => {
    console.error(`${pc.red("error:")} ${(error as Error).message}`);
    process.exitCode = 1;
  });
}

interface Marks {
  kept: Mark | undefined;
  live: Mark | undefined;
}

/** @throws Error for a person if the server is not where its stack file has it */
async function find(tenant: string, name: string, options: Options) {
  const spec = readTenant(tenant, folderOf(tenant, options.cwd));
  if (!isOnDocker(spec)) throw new Error(`${tenant} is on AWS, where the way back is npm run restore`);
  const names = spec.servers.map((each) => each.name);
  if (!names.includes(name))
    throw new Error(`tenant ${tenant} has no server "${name}"; it has ${names.join(", ")}`);
  const { host } = spec.target.docker;
  const server = serverOn(host, tenant, name);
  const { Image, Mounts } = await server.docker
    .getContainer(server.database)
    .inspect()
    .catch((error: Error & { statusCode?: number }) => {
      throw new Error(
        error.statusCode === 404
          ? `there is no container ${server.database} at ${host}. Has pulumi up been run?`
          : `no Docker engine answers at ${host} (${error.message})`,
      );
    });
  const volume = Mounts.find(({ Destination }) => Destination === "/var/lib/postgresql/data")?.Name ?? "";
  return { server, image: Image, volume };
}

async function rollBack(
  tenant: string,
  name: string,
  job: ClusterJob,
  { kept, live }: Marks,
  options: Options,
): Promise<void> {
  const { server } = job;
  const { cwd, json = false } = options;
  const mark = kept ?? live;
  if (!mark) throw new Error(`nothing of ${name} is kept from before an upgrade`);
  const { from, to, at } = mark;
  const file = path.join(stackFolder(cwd), `Pulumi.${tenant}.yaml`);
  const text = readFileSync(file, "utf8");
  const changedText = withVersion(text, name, from);
  const project = await projectOf(tenant, options);

  await sure(
    [
      `${pc.bold(name)} goes back to DHIS2 ${from}, and its database to ${at}.`,
      kept
        ? `What was entered after that is not in it. The database of DHIS2 ${to} is kept aside.`
        : "The database is back already; what is left of the way is gone.",
      `${path.basename(file)} gets dhis2: ${from} again, and pulumi up is run. Files stay as they are.`,
    ].join("\n"),
    options,
  );
  const started = Date.now();
  let outcome: Outcome | undefined;
  await steps(json, [
    {
      title: `${path.basename(file)}: dhis2: ${from}`,
      task: () => {
        // First of all: with the later version in it an up might migrate once more.
        if (changedText !== text) writeFileSync(file, changedText);
      },
    },
    {
      title: `Database of ${at}`,
      task: async (_, task) => {
        const show = (line: string) => Promise.resolve(void (task.output = line));
        if (kept && (await exists(server, server.copies))) {
          await show("the copies are told that the log goes on from there");
          await branch(server, show);
        }
        await whileStopped(server, show, () => onClusters("the exchange", { ...job, show }, "back"));
      },
    },
    {
      title: `Tenant ${tenant}`,
      task: async (_, task) => {
        outcome = await project((doing) => (task.output = doing));
        task.title += `: ${changed(outcome)}`;
      },
    },
    {
      title: `DHIS2 ${from}`,
      task: async (_, task) => {
        const show = (line: string) => Promise.resolve(void (task.output = line));
        await startAgain(server, server.application, show);
        task.title += ": answers";
      },
    },
  ]);
  showWarnings(outcome);
  if (json) {
    const seconds = Math.round((Date.now() - started) / 1000);
    console.log(JSON.stringify({ tenant, server: name, dhis2: from, database: at, aside: to, seconds }));
  } else {
    console.log(
      `\n${name} is back at DHIS2 ${from} and ${at}. The database of ${to} is kept aside: look whether it is needed.\n` +
        `  npm run rollback -- ${tenant} ${name}${cwd === ROOT ? "" : ` --cwd ${cwd}`} --forget  deletes it; before that no other upgrade begins`,
    );
  }
}

/** How `pulumi up` is run for the tenant; the stack is known to be there. */
async function projectOf(
  tenant: string,
  options: Options,
): Promise<(report: (doing: string) => void) => Promise<Outcome>> {
  const { cwd, json = false } = options;
  if (folderOf(tenant, options.cwd) === FOLDER) return (report) => applyChanges(tenant, json, report);
  useToolchain(await ensureToolchain({ quiet: json }), { providers: "real" });
  await LocalWorkspace.selectStack({ stackName: tenant, workDir: cwd }).catch(() => {
    const backend = process.env["PULUMI_BACKEND_URL"] ?? "the backend that pulumi is logged in to";
    throw new Error(`there is no stack ${tenant} in ${backend}. Is PULUMI_BACKEND_URL that of the company?`);
  });
  return (report) => up({ folder: cwd }, tenant, report);
}

async function forget(
  tenant: string,
  name: string,
  job: ClusterJob,
  { kept, live }: Marks,
  options: Options,
): Promise<void> {
  const what = kept
    ? `the database of DHIS2 ${kept.from}, from before the upgrade (${kept.at}): after that there is no way back`
    : live
      ? `the database of DHIS2 ${live.to}, which was rolled back`
      : "a former database, if one is kept aside";
  await sure(`Deletes for good of ${pc.bold(name)}: ${what}.`, options);
  await onClusters("deletion of what is kept", job, "forget");
  if (options.json) console.log(JSON.stringify({ tenant, server: name, forgotten: true }));
  else console.log("What was kept is deleted.");
}

/** @throws Error if it is not wanted, or nobody is there to be asked */
async function sure(what: string, { yes }: Options): Promise<void> {
  if (yes) return;
  const nobody = new Error(`${what}\nCannot ask for confirmation here. Pass --yes to confirm.`);
  if (!(await agreed(`${what}\nGo on?`, nobody))) throw new Error("Cancelled. Nothing was changed.");
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

/** @throws Error with what was said last */
async function branch(server: ServerOnHost, show: (line: string) => Promise<void>): Promise<void> {
  let said = "";
  const stream = () =>
    new PassThrough().on("data", (data) => {
      said = `${said}${data}`.slice(-2000);
      void show(String(data).trim());
    });
  await copies(server, ["branch"], [stream(), stream()]).catch((error: Error) => {
    throw new Error(`${error.message}\n${said}`, { cause: error });
  });
}
