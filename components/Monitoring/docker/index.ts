import { Network } from "@pulumi/docker/network";
import { Volume } from "@pulumi/docker/volume";
import * as pulumi from "@pulumi/pulumi";
import type { Context } from "../../contract/context";
import { service } from "../../docker/container";
import { NOBODY, type DockerTarget } from "../../contract/dockerTarget";
import { MONITOR } from "../../jobs";
import { resourcesOn } from "../../contract/target";
import type { MonitoringArgs, MonitoringOutputs } from "../contract";
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

/**
 * The page on which people see how a tenant's servers are, and the one container behind it. It asks the databases and
 * applications in their own, internal networks, in which nothing of it listens, and it has no way to the world; what
 * it shows is reached at one private address of the host.
 */
export function monitoringOnDocker({
  name,
  args,
  target,
  opts,
}: Context<MonitoringArgs, DockerTarget>): MonitoringOutputs {
  const { address, port } = target.monitoring;
  const gateway = resourcesOn("docker", args.gateway);
  const { reports } = resourcesOn("docker", args.vault);
  const servers = args.servers.map((server) => ({
    server: server.server,
    url: server.url,
    hostname: server.hostname,
    docker: resourcesOn("docker", server),
    reports: reports[server.server],
  }));
  const { kind } = target.certificates;
  const targets = watchedTargets(
    args.displayName,
    { kind, ownAuthority: gateway.trusted !== undefined },
    servers.map(({ server, url, hostname, docker, reports }) => ({
      server,
      url,
      hostname,
      backups: reports !== undefined,
      gateway: gateway.address,
      application: docker.upstream,
      database: docker.database,
    })),
  );
  const passwords = Object.fromEntries(
    servers.map(({ server, docker }) => [server, docker.passwords.monitor]),
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
        ...servers.map(({ docker }) => ({ name: docker.dataNetwork })),
      ],
      volumes: { "/var/lib/prometheus": history.name },
      reads: Object.fromEntries(
        servers.flatMap(({ reports = {} }) =>
          Object.entries(reports).map(([name, volume]) => [`/var/lib/copies/${name}`, volume]),
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
  return { page: pageUrl(target.monitoring) };
}

function pageUrl({ address, port }: DockerTarget["monitoring"]): string {
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}/consoles/index.html`;
}
