import { SIZE_TERMS } from "../../plans/sizes";
import type { HostRequirements } from "../../operations/docker/inspect";
import { DEFAULT_IMAGES, type Images } from "../../components/contract/dockerTarget";
import type { DockerTenant } from "./spec";

/** Memory limits of the gateway and of monitoring, in GiB. */
const GATEWAY_GIB = 0.5;
const MONITORING_GIB = 0.5;

/** Memory limits of the two containers that keep the backups of each server, in GiB. */
const BACKUPS_GIB = 1 + 2;

/** The memory that a part of a tenant needs on its Docker host. */
export interface MemoryPart {
  what: string;
  memoryGiB: number;
}

/** The memory limits of all containers of a tenant on Docker, by part. */
export function memoryOf({ servers, backups }: Pick<DockerTenant, "servers" | "backups">): MemoryPart[] {
  const parts: MemoryPart[] = [];
  for (const { name, size } of servers) {
    const { application, database } = SIZE_TERMS[size];
    parts.push({ what: name, memoryGiB: application.memoryGiB + database.memoryGiB });
    if (backups.locations.length > 0) parts.push({ what: `backups of ${name}`, memoryGiB: BACKUPS_GIB });
  }
  parts.push({ what: "gateway", memoryGiB: GATEWAY_GIB }, { what: "monitoring", memoryGiB: MONITORING_GIB });
  return parts;
}

/** The memory that a tenant needs on its Docker host, besides what the host needs for itself. */
export function totalMemoryGiB(spec: Pick<DockerTenant, "servers" | "backups">): number {
  return memoryOf(spec).reduce((sum, { memoryGiB }) => sum + memoryGiB, 0);
}

/** The images that a tenant on Docker is made of. */
export function imagesOf({ target }: DockerTenant): Images {
  return { ...DEFAULT_IMAGES, ...withoutUndefined(target.docker.images) };
}

/** What a tenant requires of its Docker host. */
export function requirementsOf(tenant: string, spec: DockerTenant): HostRequirements {
  const { published, monitoring } = spec.target.docker;
  const { address } = published;
  const gateway = { address, container: `${tenant}-gateway` };
  const images = imagesOf(spec);
  const backups = spec.backups.locations.length > 0;
  return {
    tenant,
    ports: [
      { ...gateway, port: published.http, key: "target.docker.published.http" },
      { ...gateway, port: published.https, key: "target.docker.published.https" },
      { ...monitoring, container: `${tenant}-monitoring`, key: "target.docker.monitoring.port" },
    ],
    images: [
      ...[images.postgres, images.jobs, images.gateway, images.monitoring],
      ...(backups ? [images.drill] : []),
      ...new Set(spec.servers.map(({ dhis2 }) => `${images.dhis2}:${dhis2}`)),
    ],
    memoryGiB: totalMemoryGiB(spec),
    networks: [`${tenant}-gateway`, ...spec.servers.map(({ name }) => `${tenant}-${name}-data`)],
    containers: [
      ...[`${tenant}-gateway`, `${tenant}-monitoring`],
      ...spec.servers.flatMap(({ name }) =>
        ["application", "database", "copies", "portable"].map((part) => `${tenant}-${name}-${part}`),
      ),
    ],
  };
}

function withoutUndefined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
