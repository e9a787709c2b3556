import type * as pulumi from "@pulumi/pulumi";
import type { DockerBackups } from "../../contract/dockerTarget";
import type { DockerServer } from "../../DataManagementServer/contract";

/** A server, and where its backups go. */
export interface SavedServer extends DockerBackups {
  server: string;
  docker: DockerServer;
  /** A network through which containers reach the cloud. */
  world: pulumi.Output<string>;
}
