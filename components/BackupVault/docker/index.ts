import { Network } from "@pulumi/docker/network";
import * as pulumi from "@pulumi/pulumi";
import { isPaid } from "../../../plans/plans";
import type { Context } from "../../contract/context";
import type { DockerTarget } from "../../contract/dockerTarget";
import { resourcesOn } from "../../contract/target";
import { backupsOf } from "../backups";
import type { BackupVaultArgs, Vault } from "../contract";
import { pitrOnDocker } from "./pitr";
import { portableOnDocker } from "./portable";
import type { SavedServer } from "./context";

/** For each server the containers that make its backups. */
export function vaultOnDocker(context: Context<BackupVaultArgs, DockerTarget>): Vault {
  const { args, target, opts } = context;
  const { backups } = target;
  if (!backups && isPaid(args.tenant.plan)) {
    void pulumi.log.warn(
      "backups.locations: []; no backup of any server is made. Add { disk: … } and { s3: … } (docs/docker/backups.md)",
      opts.parent,
    );
  }
  const reports = backups
    ? args.servers.map((server) => {
        // The name of a network that running tenants have: it stays.
        const name = `${args.tenant.id}-${server.server}-copies`;
        const world = new Network(name, { name, driver: "bridge" }, opts).name;
        const docker = resourcesOn("docker", server);
        const saved: SavedServer = { server: server.server, docker, world, ...backups };
        const log = pitrOnDocker(context, saved);
        const portable = portableOnDocker(context, saved);
        return [
          server.server,
          { ...(log && { [server.server]: log }), [`${server.server}.portable`]: portable },
        ] as const;
      })
    : [];
  return {
    backups: pulumi.output(backupsOf(args)),
    resources: { kind: "docker", reports: Object.fromEntries(reports) },
  };
}
