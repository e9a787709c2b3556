import type * as pulumi from "@pulumi/pulumi";
import type { DockerCopies } from "../../contract/dockerTarget";
import type { DockerServer } from "../../DataManagementServer/contract";

/** A server, and where its backups go. */
export interface SavedServer extends DockerCopies {
  server: string;
  docker: DockerServer;
  /** A network through which containers reach the cloud. */
  world: pulumi.Output<string>;
}
