import type { Context } from "../../contract/context";
import type { AwsTarget } from "../../contract/target";
import type { DataManagementServerArgs, ServerOutputs } from "../contract";
import { applicationOnAws } from "./application";
import { dataOnAws } from "./data";

/** RDS, EFS and secrets; then the import; then the application as an ECS service. */
export function serverOnAws(context: Context<DataManagementServerArgs, AwsTarget>): ServerOutputs {
  const { args } = context;
  const data = dataOnAws(context);
  const resources = { kind: "aws", ...data } as const;
  const imported = args.import?.load({ server: args.server, resources });
  applicationOnAws(context, data, imported);
  return {
    database: data.database.address,
    files: data.fileSystem.id,
    logs: data.logs.name,
    resources,
  };
}
