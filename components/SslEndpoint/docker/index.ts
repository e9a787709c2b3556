import type { Context } from "../../contract/context";
import type { DockerTarget } from "../../contract/dockerTarget";
import { authority } from "../../docker/address";
import type { Endpoint, SslEndpointArgs } from "../contract";

/** The tenant's gateway serves the host name; there is nothing to make for one server alone. */
export function endpointOnDocker({ args, target }: Context<SslEndpointArgs, DockerTarget>): Endpoint {
  return {
    url: `https://${authority(args.hostname, target.published.https)}`,
    resources: { kind: "docker" },
  };
}
