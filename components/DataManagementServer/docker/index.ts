import * as pulumi from "@pulumi/pulumi";
import type { Context } from "../../contract/context";
import { DATABASE_HOST, dockerCommand, type DockerTarget } from "../../contract/dockerTarget";
import type { DataManagementServerArgs, ServerOutputs } from "../contract";
import { applicationOnDocker } from "./application";
import { dataOnDocker } from "./data";
import { versionOnDocker } from "./version";

/** Networks, volumes and the database; then the version, the import and the application. */
export function serverOnDocker(context: Context<DataManagementServerArgs, DockerTarget>): ServerOutputs {
  const { args, target } = context;
  const data = dataOnDocker(context);
  const version = versionOnDocker(context, data);
  // An import waits until this version may have the database.
  const imported = args.import?.load({
    server: args.server,
    resources: { kind: "docker", ...data, prepared: version.accepted },
  });
  return {
    database: data.dataNetwork.apply((network) => `${DATABASE_HOST} in ${network}`),
    files: data.volumes.files,
    logs: pulumi.output(`${dockerCommand(target.host)} logs ${data.application}`),
    resources: { kind: "docker", ...applicationOnDocker(context, data, version, imported) },
  };
}
