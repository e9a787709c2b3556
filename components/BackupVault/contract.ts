import type * as pulumi from "@pulumi/pulumi";
import type { Nothing, OnTarget, Target, TenantIdentity } from "../contract/target";
import type { Server } from "../DataManagementServer/contract";
import type { Backup } from "./locations";

/** A second location in the cloud. */
export interface BackupRegion {
  region: string;
  /** The provider of that region. */
  provider: pulumi.ProviderResource;
}

/** A Docker host in the customer's own building. */
export interface OnPremisesHost {
  /** Its address, as people know it. */
  host: string;
  /** The directory on it that holds the backups, writable for uid 65534. */
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
  servers: readonly Server[];
  /** On AWS, at least one in another region and one on premises; on Docker the target says where the backups go. */
  regions: BackupRegion[];
  onPremises: OnPremisesHost[];
  target: Target;
}

/** What stays when a tenant is destroyed. */
export interface Outliving {
  what: string;
  where: string;
  region: string;
  /** ARN of the key without which nobody can read it; it stays as well. */
  key: string;
  /** ARNs of the secrets that are needed to use it; they stay as well. */
  secrets: string[];
  /** For how long. */
  daysAfterDestroy: number | string;
}

/** A vault, for components that work with it. */
export interface Vault {
  /** Known once they have been accepted. */
  backups: pulumi.Output<Backup[]>;
  /** What stays when the tenant is destroyed. @default nothing */
  outlives?: pulumi.Output<Outliving[]> | undefined;
  /** What it consists of, for components on the same target (`resourcesOn`). */
  resources: OnTarget<{ aws: Nothing; docker: DockerVault }>;
}

export interface DockerVault {
  /** By server: the volumes in which the containers that make its backups report, by a name for each. */
  reports: Record<string, Record<string, pulumi.Output<string>>>;
}
