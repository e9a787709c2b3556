import * as efs from "@pulumi/aws/efs";
import * as pulumi from "@pulumi/pulumi";
import { keepsData } from "../../../plans/plans";
import { policyDocument } from "../../aws/iam";
import { componentTags } from "../../aws/tags";
import type { AwsServer } from "../contract";
import type { ServerContext } from "./context";

/** DHIS2's file store: encrypted, in every zone, reached over TLS through one access point. */
export function fileStore(
  { name, args, target, opts }: ServerContext,
  securityGroupId: pulumi.Output<string>,
): Pick<AwsServer, "fileSystem" | "files"> {
  const tags = componentTags(args.server);
  const fileSystem = new efs.FileSystem(
    `${name}-files`,
    {
      encrypted: true,
      kmsKeyId: target.keyArn,
      throughputMode: "elastic",
      lifecyclePolicies: [{ transitionToIa: "AFTER_30_DAYS" }],
      tags: { ...tags, Name: `${name}-files` },
    },
    { ...opts, protect: keepsData(args.tenant.plan, args.retire ?? false) },
  );
  const accessPoint = new efs.AccessPoint(
    `${name}-files-access`,
    {
      fileSystemId: fileSystem.id,
      // Whoever comes in is this user: the image's own changed between DHIS2 41 and 42, the files' owner does not.
      posixUser: { uid: 65534, gid: 65534 },
      rootDirectory: {
        path: "/files",
        creationInfo: { ownerUid: 65534, ownerGid: 65534, permissions: "0750" },
      },
      tags: { ...tags, Name: `${name}-files` },
    },
    opts,
  );
  const policy = new efs.FileSystemPolicy(
    `${name}-files-policy`,
    {
      fileSystemId: fileSystem.id,
      policy: policyDocument([
        {
          sid: "OnlyOverTls",
          effect: "Deny",
          principal: { AWS: "*" },
          actions: ["elasticfilesystem:Client*"],
          resources: [fileSystem.arn],
          conditions: { Bool: { "aws:SecureTransport": "false" } },
        },
        {
          sid: "OnlyThroughTheAccessPoint",
          effect: "Deny",
          principal: { AWS: "*" },
          actions: ["elasticfilesystem:Client*"],
          resources: [fileSystem.arn],
          conditions: {
            StringNotEquals: { "elasticfilesystem:AccessPointArn": accessPoint.arn },
          },
        },
      ]),
    },
    opts,
  );
  const mountTargets = target.platform.network.taskSubnetIds.map(
    (subnetId, index) =>
      new efs.MountTarget(
        `${name}-files-mount-${index}`,
        { fileSystemId: fileSystem.id, subnetId, securityGroups: [securityGroupId] },
        opts,
      ),
  );
  // Known once it can be mounted.
  const fileSystemId = pulumi
    .all([fileSystem.id, policy.id, ...mountTargets.map((mount) => mount.id)])
    .apply(([id]) => id as string);
  return {
    fileSystem,
    files: { fileSystemId, accessPointId: accessPoint.id, accessPointArn: accessPoint.arn },
  };
}
