import * as pulumi from "@pulumi/pulumi";
import type { Context } from "../../contract/context";
import type { DockerTarget } from "../../contract/dockerTarget";
import { doOnce, remember, valueOf } from "../../doOnce";
import { ADMINISTRATOR, DATABASE } from "../../jobs";
import { randomPassword } from "../../password";
import { fingerprint, NONE_IMPORTED, refuseNewEncryption } from "../encryption";
import { keepsData } from "../../../plans/plans";
import { startsOn } from "../../../plans/releases";
import type { DataManagementServerArgs, DockerData } from "../contract";
import { majorOf, refuseDowngrade, refuseObstacles } from "../version";

/** The version of DHIS2, and the key of what it encrypts, that a server's data have been given to. */
export interface Version {
  encryptionPassword: pulumi.Output<string>;
  /** The database is there, and this version may have it. */
  accepted: pulumi.Resource;
}

/**
 * The record of the version. Before it becomes a later one, DHIS2 is stopped and the cluster kept as it is; it goes
 * back to an earlier one only with a cluster that is of it (`npm run rollback`), or that no later one has migrated.
 */
export function versionOnDocker(
  { name, args, target, opts }: Context<DataManagementServerArgs, DockerTarget>,
  data: DockerData,
): Version {
  const { tenant, server } = args;
  // Made even where the import brings one, so that no update has it to delete.
  const ownPassword = randomPassword(`${name}-encryption-password`, 40, {
    ...opts,
    protect: keepsData(args.tenant.plan, args.retire ?? false),
  });
  const encryptionPassword = pulumi.output(args.import?.encryptionPassword ?? ownPassword);
  const accepted = remember(
    `${name}-history`,
    {
      because: {
        dhis2: args.dhis2,
        data: args.import?.sha256 ?? NONE_IMPORTED,
        encryption: pulumi.unsecret(encryptionPassword.apply(fingerprint)),
      },
      refuse: async (was, is) => {
        const lower = refuseDowngrade(server, String(was["dhis2"]), String(is["dhis2"]));
        const version = String(is["dhis2"]);
        if (lower && !(await isFrom(version)) && !(await startsOnDatabase(version)))
          return `${lower} To what was kept before an upgrade: npm run rollback -- ${tenant.id} ${server}`;
        // Data that an import replaces need not be migrated.
        const inTheWay = was["data"] === is["data"] && (await obstacles(String(was["dhis2"]), version));
        if (inTheWay) return inTheWay;
        return refuseNewEncryption(server, was, is, args.import?.reimport ?? false);
      },
      change: async (was, is) => {
        const [from, to] = [String(was["dhis2"]), String(is["dhis2"])];
        const lower = refuseDowngrade(server, from, to);
        if (from !== to) await (lower ? takeBack(from, to, lower) : keep(from, to));
      },
    },
    { ...opts, dependsOn: [data.prepared] },
  );
  return { encryptionPassword, accepted };

  /** Whether the live cluster is one from before an upgrade of that version. */
  async function isFrom(version: string): Promise<boolean> {
    if (target.rehearsal) return false;
    const [{ serverOn }, { markOf }] = await onHost();
    return (await markOf(serverOn(target.host, tenant.id, server), "live"))?.from === version;
  }

  /** Whether no later version has migrated the database: DHIS2 rolls a migration that fails back as a whole. */
  async function startsOnDatabase(version: string): Promise<boolean> {
    if (target.rehearsal) return false;
    const { migrationsIn } = await import("../../../operations/docker/migrations");
    return startsOn(version, await migrationsIn(await databaseOnHost()));
  }

  async function databaseOnHost() {
    const [{ serverOn }] = await onHost();
    const found = serverOn(target.host, tenant.id, server);
    return { ...found, administrator: ADMINISTRATOR, name: DATABASE };
  }

  /** Before DHIS2 is stopped: what its migrations would fail on. */
  async function obstacles(from: string, to: string): Promise<string | undefined> {
    if (target.rehearsal) return undefined;
    const { obstaclesIn } = await import("../../../operations/docker/migrations");
    const found = await obstaclesIn(await databaseOnHost(), majorOf(from), majorOf(to));
    return refuseObstacles(server, to, found);
  }

  /** Back to the version before an upgrade that failed. Once it is stopped, the later one can migrate nothing. */
  async function takeBack(from: string, to: string, refusal: string): Promise<void> {
    if (target.rehearsal || (await isFrom(to))) return;
    const [{ serverOn, stop }] = await onHost();
    const onTheHost = serverOn(target.host, tenant.id, server);
    await stop(onTheHost, onTheHost.application, (line) => pulumi.log.info(line));
    if (!(await startsOnDatabase(to))) throw new Error(refusal);
    await pulumi.log.info(
      `the upgrade of ${server} to DHIS2 ${from} has changed nothing: its database is still that of ${to}`,
    );
  }

  async function keep(from: string, to: string): Promise<void> {
    const title = `backup of ${server} before its upgrade to DHIS2 ${to}`;
    if (target.rehearsal) return pulumi.log.info(`rehearsal: ${title} is only simulated, nothing was run`);
    const [, { keepCluster }] = await onHost();
    const show = (line: string) => pulumi.log.info(`${title}: ${line}`, undefined, undefined, true);
    await keepCluster(title, await clusterJob(args, target, data, show), { from, to });
    await pulumi.log.info(`${title}: made. To return to it: npm run rollback -- ${tenant.id} ${server}`);
  }
}

/** Only when something is to be done: a preview needs no client of the engine. */
function onHost() {
  return Promise.all([
    import("../../../operations/docker/server"),
    import("../../../operations/docker/upgrade"),
  ]);
}

async function clusterJob(
  { tenant, server }: DataManagementServerArgs,
  { host, images }: DockerTarget,
  { volumes }: DockerData,
  show: (line: string) => Promise<void>,
) {
  const [{ serverOn }] = await onHost();
  const volume = await valueOf(volumes.database);
  return { server: serverOn(host, tenant.id, server), image: images.postgres, volume, show };
}

/** The version has come to answer: what was kept before it gives way to what is kept before the next. */
export function versionStarted(
  { name, args, target, opts }: Context<DataManagementServerArgs, DockerTarget>,
  data: DockerData,
  started: pulumi.Resource,
): void {
  const { server, dhis2 } = args;
  const title = `end of ${server}'s upgrade`;
  doOnce(
    `${name}-upgraded`,
    {
      title,
      rehearsal: target.rehearsal,
      because: { dhis2 },
      work: async (show) => {
        const [, { onClusters }] = await onHost();
        await onClusters(title, await clusterJob(args, target, data, show), "done");
      },
    },
    { ...opts, dependsOn: [started] },
  );
}
