import type * as pulumi from "@pulumi/pulumi";
import type { Context } from "../../contract/context";
import type { AwsTarget } from "../../contract/target";
import type { AwsServer, DataManagementServerArgs } from "../contract";
import type { Redis } from "../dhisConf";

/** What every part of a server on AWS is made with. */
export type ServerContext = Context<DataManagementServerArgs, AwsTarget>;

/** A server's data, for its own application. */
export interface AwsData extends AwsServer {
  /** The value of `role`, which `dhis.conf` holds. */
  rolePassword: pulumi.Output<string>;
  /** The value of `redis`. @default there is one instance of DHIS2, and no Redis */
  redisPassword?: pulumi.Output<string>;
}

/** What every part of its application is made with. */
export interface ApplicationContext extends ServerContext {
  data: AwsData;
  /** Of a cluster. */
  redis: Redis | undefined;
  tags: Record<string, string>;
}
