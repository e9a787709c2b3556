import { Network } from "@pulumi/docker/network";
import { Volume } from "@pulumi/docker/volume";
import * as pulumi from "@pulumi/pulumi";
import type { Told } from "../../BackupVault/docker";
import type { DataManagementServer } from "../../DataManagementServer";
import { service } from "../../docker/container";
import { NOBODY, type DockerTarget } from "../../contract/dockerTarget";
import { MONITOR } from "../../jobs";
import { PORTS } from "../../SslEndpoint/docker/caddyfile";
import type { TenantGateway } from "../../SslEndpoint/docker/gateway";
import { databasesConfiguration, watchedTargets } from "./targets";

/** Where the image finds what it is given. */
const GIVEN = "/etc/prometheus/given";
const FILES = {
  targets: `${GIVEN}/targets.json`,
  databases: `${GIVEN}/databases.yml`,
  authority: `${GIVEN}/authority.pem`,
};
/** The name of the container in the network of the page, and in no other. */
const PAGE_HOST = "page";
const PORT = 9090;

export interface Watched {
  server: DataManagementServer;
  hostname: string;
  /** What the containers that keep its copies say of them, in volumes that are theirs to write. @default none */
  copies?: Told | undefined;
}

/**
 * The page on which people see how a tenant's servers are, and the one container behind it. It asks the databases and
 * applications in their own, internal networks, in which nothing of it listens, and it has no way to the world; what
 * it shows is reached at one private address of the host.
 * @param tenant its id and its name, for people
 * @returns the page's address
 */
export function watchOnDocker(
  tenant: { id: string; displayName: string },
  target: DockerTarget,
  servers: readonly Watched[],
  gateway: TenantGateway,
  opts: pulumi.CustomResourceOptions,
): string {
  const name = `${tenant.id}-monitoring`;
  const { address, port } = target.monitoring;
  const { kind } = target.certificates;
  const targets = watchedTargets(
    tenant.displayName,
    { kind, ownAuthority: gateway.trusted !== undefined },
    servers.map(({ server: { server, url, docker }, hostname, copies }) => ({
      ...{ server, url, hostname, copies: copies !== undefined },
      gateway: `${gateway.name}:${PORTS.https}`,
      application: docker.upstream,
      database: docker.database,
    })),
  );
  const passwords = Object.fromEntries(
    servers.map(({ server: { server, docker } }) => [server, docker.passwords.monitor]),
  );
  // What it answers finds its way back through the engine; of what it asks nothing would come back.
  const page = new Network(
    name,
    { name, driver: "bridge", options: { "com.docker.network.bridge.enable_ip_masquerade": "false" } },
    opts,
  );
  const history = new Volume(name, { name }, opts);
  service(
    name,
    target,
    {
      image: target.images.monitoring,
      user: NOBODY,
      environment: { LISTEN: PAGE_HOST },
      networks: [
        { name: page.name, aliases: [PAGE_HOST] },
        { name: gateway.watched },
        ...servers.map(({ server: { docker } }) => ({ name: docker.dataNetwork })),
      ],
      volumes: { "/var/lib/prometheus": history.name },
      reads: Object.fromEntries(
        servers.flatMap(({ copies = {} }) =>
          Object.entries(copies).map(([name, volume]) => [`/var/lib/copies/${name}`, volume]),
        ),
      ),
      scratch: { "/tmp": "size=16m" },
      files: {
        [FILES.targets]: JSON.stringify(targets),
        [FILES.databases]: pulumi.all(passwords).apply((known) => databasesConfiguration(MONITOR, known)),
        ...(gateway.trusted && { [FILES.authority]: gateway.trusted }),
      },
      memory: 384,
      pids: 256,
      ports: [{ internal: PORT, external: port, ip: address }],
      startSeconds: 300,
      stopSeconds: 30,
    },
    opts,
  );
  return pageUrl(target.monitoring);
}

function pageUrl({ address, port }: DockerTarget["monitoring"]): string {
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}/consoles/index.html`;
}
