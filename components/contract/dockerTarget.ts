import type * as pulumi from "@pulumi/pulumi";

/** How a tenant's endpoint on Docker comes by its certificates. */
export type Certificates =
  /** From Let's Encrypt: host names that the world resolves to this host, ports 80 and 443 open to it. */
  | {
      kind: "acme";
      email: string;
      /** Address of another CA's ACME directory; that CA has to reach this host by its names. */
      directory?: string | undefined;
      /** CA certificate (PEM) to trust for the ACME server and its certificates. @default system CAs */
      authority?: string | undefined;
    }
  /** From a private CA of the tenant; its root has to be installed in browsers. */
  | { kind: "private" }
  /** Given: PEM texts of one certificate for every host name, with its chain, and of its key. */
  | { kind: "given"; certificate: string; privateKey: string };

/** Images by reference; all but DHIS2's with their tag. */
export interface Images {
  postgres: string;
  jobs: string;
  /** The jobs with a PostgreSQL server, to restore into. Needed where backups are made. */
  drill: string;
  /** Caddy. */
  gateway: string;
  monitoring: string;
  /** The repository: the tag is the server's version of DHIS2. */
  dhis2: string;
}

/** Where the backups of every server go: to both locations at once. */
export interface DockerBackups {
  /** A directory of the host with one for each server in it. @default volumes */
  disk: { path?: string | undefined };
  /** A bucket on a server that speaks S3 over TLS. */
  cloud: {
    host: string;
    port?: number | undefined;
    region: string;
    bucket: string;
    accessKeyId: string;
    secretAccessKey: pulumi.Output<string>;
    /** CA certificate (PEM) of the S3 server. @default system CAs */
    authority?: string | undefined;
  };
}

/** A tenant on a Docker host. The host is that of the provider its components inherit. */
export interface DockerTarget {
  kind: "docker";
  /** `unix:///var/run/docker.sock` or `ssh://user@host`. */
  host: string;
  images: Images;
  /** Where the gateway is published: an address of the host, and its ports. */
  published: { address: string; http: number; https: number };
  /** Where the monitoring page is published: a private address of the host. */
  monitoring: { address: string; port: number };
  certificates: Certificates;
  /** @default no backups are made */
  backups?: DockerBackups | undefined;
  /** Tells the containers that this stack's state made from those of any other: it is in a label of each. */
  mark: pulumi.Output<string>;
  /** Everything is simulated: no engine is there to run anything. */
  rehearsal: boolean;
}

/** The images of this version of DHIStance, on a host where they were built or loaded: `npm run images`. */
export const DEFAULT_IMAGES: Images = {
  postgres: "dhistance/postgres:0.1.0",
  jobs: "dhistance/jobs:0.1.0",
  drill: "dhistance/drill:0.1.0",
  gateway: "caddy:2.10.2",
  monitoring: "dhistance/monitoring:0.1.0",
  dhis2: "dhis2/core",
};

/** What a container carries, besides its name, which people may change. */
export const LABELS = { container: "dhistance.container", stack: "dhistance.stack" };

/** Docker's client for a host, as it is typed: without `-H` it would ask the engine of whoever types it. */
export function dockerCommand(host: string): string {
  return `docker -H ${host}`;
}

/** The database's name in its server's network. */
export const DATABASE_HOST = "database";

/** The user of our own images; PostgreSQL's is another. */
export const NOBODY = 65534;
export const POSTGRES = 999;
