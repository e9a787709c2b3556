import { Provider as DockerProvider } from "@pulumi/docker/provider";
import * as pulumi from "@pulumi/pulumi";
import type { Plan } from "../../plans/plans";
import { BackupVault } from "../BackupVault";
import { DEFAULT_IMAGES, type DockerTarget } from "../contract/dockerTarget";
import { DataManagementServer } from "../DataManagementServer";
import type { DataManagementServerArgs } from "../DataManagementServer/contract";
import { Gateway } from "../Gateway";
import { Monitoring } from "../Monitoring";
import { SslEndpoint } from "../SslEndpoint";
import { ofType, registered, type Registration } from "./mocks";
import { tenant } from "./tenant";

/** A tenant on Docker for the components' tests. Nothing is run: there is no engine. */
export const DOCKER_TARGET: DockerTarget = {
  kind: "docker",
  host: "unix:///run/docker.sock",
  images: DEFAULT_IMAGES,
  published: { address: "192.0.2.1", http: 80, https: 443 },
  monitoring: { address: "127.0.0.1", port: 9090 },
  certificates: { kind: "private" },
  mark: pulumi.output("mark-of-this-stack"),
  rehearsal: true,
};

/** Where backups go, for targets that have some. */
export const DOCKER_BACKUPS: NonNullable<DockerTarget["backups"]> = {
  disk: { path: "/srv/backups" },
  cloud: {
    host: "s3.example.org",
    region: "eu-west-1",
    bucket: "moh",
    accessKeyId: "AKIA",
    secretAccessKey: pulumi.secret("secret-of-s3"),
  },
};

export interface DockerTenantOptions {
  plan?: Plan;
  retire?: boolean;
  settings?: NonNullable<DataManagementServerArgs["settings"]>;
  target?: Partial<DockerTarget>;
}

/** Everything that a tenant on Docker with two servers registers. */
export function dockerTenant({
  plan = "premium",
  retire = false,
  settings = {},
  target: change = {},
}: DockerTenantOptions = {}): Promise<Registration[]> {
  const target = { ...DOCKER_TARGET, ...change };
  return registered(() => {
    const provider = new DockerProvider("host", { host: target.host });
    const root = new pulumi.ComponentResource("dhistance:index:Tenant", "moh", {}, { providers: [provider] });
    const opts = { parent: root };
    const common = { tenant: tenant(plan), target };
    const servers = ["hmis", "training"].map((server) => {
      const hostname = `${server}.moh.example.org`;
      const endpoint = new SslEndpoint(`moh-${server}-endpoint`, { ...common, server, hostname }, opts);
      return new DataManagementServer(
        `moh-${server}`,
        { ...common, server, hostname, endpoint, dhis2: "42.5.2", size: "small", retire, settings },
        opts,
      );
    });
    const vault = new BackupVault("moh-vault", { ...common, servers, regions: [], onPremises: [] }, opts);
    const gateway = new Gateway("moh-gateway", { ...common, servers, keepsAuthority: true }, opts);
    new Monitoring(
      "moh-monitoring",
      { ...common, displayName: "Ministry of Health", servers, gateway, vault },
      opts,
    );
  });
}

/** The names of the tenant's resources of a type that the engine refuses to delete. */
export function protectedOf(made: Registration[], type: string): string[] {
  return ofType(made, type)
    .filter(({ protect }) => protect)
    .map(({ name }) => name);
}

export const CONTAINER = "docker:index/container:Container";
export const NETWORK = "docker:index/network:Network";
export const VOLUME = "docker:index/volume:Volume";
export const STASH = "pulumi:index:Stash";
export const PASSWORD = "random:index/randomPassword:RandomPassword";

/** Names of the networks that a container is in. */
export function networksOf({ inputs }: Registration): string[] {
  return (inputs.networksAdvanced as { name: string }[]).map(({ name }) => name);
}

/** The content of a file in a container. */
export function fileIn({ inputs }: Registration, path: string): string | undefined {
  return (inputs.uploads as { file: string; content: string }[]).find(({ file }) => file === path)?.content;
}
