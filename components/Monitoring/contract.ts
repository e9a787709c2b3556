import type { Target, TenantIdentity } from "../contract/target";
import type { Vault } from "../BackupVault/contract";
import type { Server } from "../DataManagementServer/contract";
import type { GatewayOutputs } from "../Gateway/contract";

export interface MonitoringArgs {
  tenant: TenantIdentity;
  /** The tenant's name, for people. */
  displayName: string;
  servers: readonly Server[];
  gateway: Pick<GatewayOutputs, "resources">;
  vault: Pick<Vault, "resources">;
  target: Target;
}

export interface MonitoringOutputs {
  /** Address of the page on which people see how the servers are. */
  page: string;
}
