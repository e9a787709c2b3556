import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { runOnce } from "../../docker/runOnce";
import type { Context } from "../../contract/context";
import { resourcesOn } from "../../contract/target";
import { DATABASE_HOST, type DockerTarget } from "../../contract/dockerTarget";
import { DATABASE_PATIENCE } from "../../../operations/patience";
import { importCommand, SECRETS } from "../../jobs";
import { verifyDump } from "../dump";
import type { DumpImporterArgs } from "../contract";
import { importedBy, refuseReimport } from "../reimport";

/** In the job's own scratch volume, which goes with it. */
const DUMP = "/tmp/dump";

/** The job that loads the dump, and its run. */
export function importOnDocker({
  name,
  args,
  target,
  opts,
}: Context<DumpImporterArgs, DockerTarget>): pulumi.Stash {
  const { server, sha256, reimport = false } = args;
  const { dataNetwork, jobs, passwords, prepared, volumes, application } = resourcesOn("docker", server);
  const from = path.resolve(args.directory ?? ".", args.dump);
  const now = importedBy(args);
  const command = importCommand(DATABASE_HOST, { ...args, dump: DUMP });
  return runOnce(
    `${name}-imported`,
    target,
    {
      title: `import into ${server.server}`,
      // Before it is sent anywhere; the job checks it again.
      verify: () => verifyDump(from, sha256),
      job: pulumi
        .all([jobs, command, dataNetwork, passwords.administrator])
        .apply(([image, command, network, password]) => ({
          name,
          image,
          command,
          network,
          secrets: { [SECRETS.administrator]: password },
          file: { from, to: DUMP },
          memory: 4096,
          patience: DATABASE_PATIENCE,
        })),
      because: { ...now, volume: volumes.database },
      refuse: (before) => refuseReimport(server.server, before, now, reimport),
      // A running DHIS2 would write what it has cached of the previous database into the new one.
      stops: application,
    },
    { ...opts, dependsOn: [prepared] },
  );
}
