import * as pulumi from "@pulumi/pulumi";
import type { DataManagementServer } from "../DataManagementServer";
import type { Target, TenantIdentity } from "../contract/target";
import { onPremisesAgents } from "./aws/agent";
import { vaultOnAws } from "./aws";
import { copiesOnDocker, vaultOnDocker, type Told } from "./docker";
import { whereOf } from "./onPremises";
import { RETENTION } from "../../plans/retention";

/** A second place in the cloud. */
export interface RegionCopy {
  region: string;
  /** The provider of that region. */
  provider: pulumi.ProviderResource;
}

/** A Docker host in the customer's own building. */
export interface OnPremisesCopy {
  /** Its address, as people know it. */
  host: string;
  /** The directory on it that holds the copy, writable for uid 65534. */
  path: string;
  /** Names it for good, whatever its address. @default made of the host */
  name?: string | undefined;
  /** The host is given up: nothing runs there and it has no access; the password is kept. @default false */
  retire?: boolean;
  /** The Docker provider of that host. */
  provider: pulumi.ProviderResource;
}

export interface BackupVaultArgs {
  tenant: TenantIdentity;
  /** Whose data it keeps. */
  servers: DataManagementServer[];
  /** On AWS, at least one in another region and one on premises; on Docker the target says where the copies go. */
  regions: RegionCopy[];
  onPremises: OnPremisesCopy[];
  target: Target;
}

/** The kind of a backup on premises. */
export const PULLED = "portable, pulled by the customer's own host";

/** One copy, for people. */
export interface Copy {
  where: string;
  kind: string;
  retentionDays: number;
}

/**
 * Where a tenant's data are kept besides its servers: snapshots and logs in its own and in a second region, and a
 * portable repository, which needs no AWS to be restored, in the cloud and at the customer's own place. On Docker: the
 * database's log and copies of it, and a portable repository, each in two places.
 */
export class BackupVault extends pulumi.ComponentResource {
  /** Known once they have been accepted. */
  readonly copies: pulumi.Output<Copy[]>;
  /** On Docker, by server: where the containers that keep its copies tell how those are. None if none are made. */
  readonly docker?: Record<string, Told>;

  constructor(name: string, args: BackupVaultArgs, opts?: pulumi.ComponentResourceOptions) {
    const { tenant, target } = args;
    const copies = copiesOf(args);
    const properties = { tenant: tenant.id, copies, retentionDays: RETENTION[tenant.plan].snapshots };
    super("dhistance:index:BackupVault", name, properties, opts);
    switch (target.kind) {
      case "aws": {
        const repository = vaultOnAws(this, name, args, target);
        const known = onPremisesAgents(this, name, args, target, repository, repository.keys);
        this.copies = known.urn.apply(() => copies);
        break;
      }
      case "docker":
        this.docker = vaultOnDocker(this, args, target);
        this.copies = pulumi.output(copies);
        break;
    }
    // Of a component a policy over the whole stack is shown the outputs alone.
    this.registerOutputs(properties);
  }
}

/** Every copy that the vault will keep, nearest first. */
export function copiesOf({
  tenant,
  target,
  regions,
  onPremises,
}: Pick<BackupVaultArgs, "tenant" | "target" | "regions" | "onPremises">): Copy[] {
  const kept = RETENTION[tenant.plan];
  if (target.kind === "docker") return target.copies ? copiesOnDocker(target.copies, kept) : [];
  const inRegion = (where: string): Copy[] => [
    { where, kind: "database, any moment", retentionDays: kept.pointInTime },
    { where, kind: "database and files, daily, locked", retentionDays: kept.snapshots },
  ];
  return [
    ...inRegion(target.region),
    { where: target.region, kind: "portable, daily, locked", retentionDays: kept.portable },
    ...regions.flatMap(({ region }) => inRegion(region)),
    ...onPremises
      .filter(({ retire }) => !retire)
      .map((copy) => ({ where: whereOf(copy), kind: PULLED, retentionDays: kept.onPremises })),
  ];
}
