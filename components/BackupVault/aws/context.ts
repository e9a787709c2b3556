import type * as pulumi from "@pulumi/pulumi";
import type { Context } from "../../contract/context";
import { resourcesOn, type AwsTarget } from "../../contract/target";
import type { AwsServer } from "../../DataManagementServer/contract";
import type { BackupVaultArgs } from "../contract";

/** A server on AWS by its name. */
export interface SavedServer {
  server: string;
  aws: AwsServer;
}

/** What every part of a vault on AWS is made with. */
export interface VaultContext extends Context<BackupVaultArgs, AwsTarget> {
  servers: SavedServer[];
  /** Whether backups, and the keys without which nobody can read them, have to outlive a mistake. */
  keepsBackups: boolean;
}

/** The portable repositories' bucket. */
export interface Repository {
  name: pulumi.Output<string>;
  arn: pulumi.Output<string>;
}

/** What is needed to read what the exports have written, and to know it for theirs. */
export interface ExportKeys {
  /** Of the repositories. */
  password: pulumi.Output<string>;
  /** Verifies the signatures; PEM. */
  publicKey: pulumi.Output<string>;
  /** The secrets that have them. */
  secretArns: pulumi.Output<string>[];
}

export function vaultContext(context: Context<BackupVaultArgs, AwsTarget>): VaultContext {
  const servers = context.args.servers.map((server) => ({
    server: server.server,
    aws: resourcesOn("aws", server),
  }));
  return { ...context, servers, keepsBackups: servers.some(({ aws }) => aws.keepsData) };
}
