import type * as pulumi from "@pulumi/pulumi";
import { componentTags } from "../../aws/tags";
import { fargateTask } from "../../aws/task";
import { importedAccounts } from "../adminPassword";
import { redisOnAws } from "./cluster";
import type { AwsData, ServerContext } from "./context";
import { dhis2Task } from "./dhis2Task";
import { secureAdmin } from "./secureAdmin";
import { dhis2Service } from "./service";
import { versionOnAws } from "./version";

/** The replacement of the default administrator's password, the application, and the opening to the load balancer. */
export function applicationOnAws(
  server: ServerContext,
  data: AwsData,
  imported: pulumi.Resource | undefined,
): void {
  const { name, args, opts } = server;
  const redis = redisOnAws(server, data);
  const context = { ...server, data, redis, tags: componentTags(args.server) };

  const { encryptionPassword, snapshot } = versionOnAws(context);
  const dhis2 = dhis2Task(context, encryptionPassword);
  const task = fargateTask(
    `${name}-application`,
    { ...dhis2, containers: dhis2.containers() },
    { ...opts, dependsOn: [snapshot] },
  );
  // Whatever may have brought other accounts.
  const because = { ...importedAccounts(args), secured: "by DHIS2 itself" };
  const before = [snapshot, data.prepared, ...(imported ? [imported] : [])];
  const secured = secureAdmin(context, dhis2, { because, dependsOn: before });
  dhis2Service(context, task, { because, secured });
}
