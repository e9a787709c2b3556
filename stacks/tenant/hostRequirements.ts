import { SIZE_TERMS } from "../../components/DataManagementServer/sizes";
import type { Needs } from "../../operations/docker/inspect";
import { DEFAULT_IMAGES, type Images } from "../../components/contract/dockerTarget";
import type { DockerTenant } from "./spec";

/** Of the gateway, and of monitoring, in GiB. */
const GATEWAY_GIB = 0.5;
const MONITORING_GIB = 0.5;

/** Of the two containers that keep the copies of each server, if copies are made, in GiB. */
const COPIES_GIB = 1 + 2;

/** The images that a tenant on Docker is made of. */
export function imagesOf({ target }: DockerTenant): Images {
  return { ...DEFAULT_IMAGES, ...withoutUndefined(target.docker.images) };
}

/** What a tenant needs of its Docker host. */
export function needsOf(tenant: string, spec: DockerTenant): Needs {
  const { published, monitoring } = spec.target.docker;
  const { address } = published;
  const gateway = { address, container: `${tenant}-gateway` };
  const images = imagesOf(spec);
  const copies = spec.backups.copies.length > 0;
  return {
    tenant,
    ports: [
      { ...gateway, port: published.http, key: "target.docker.published.http" },
      { ...gateway, port: published.https, key: "target.docker.published.https" },
      { ...monitoring, container: `${tenant}-monitoring`, key: "target.docker.monitoring.port" },
    ],
    images: [
      ...[images.postgres, images.jobs, images.gateway, images.monitoring],
      ...(copies ? [images.drill] : []),
      ...new Set(spec.servers.map(({ dhis2 }) => `${images.dhis2}:${dhis2}`)),
    ],
    memoryGiB: spec.servers.reduce((sum, { size }) => {
      const { application, database } = SIZE_TERMS[size];
      return sum + application.memoryGiB + database.memoryGiB + (copies ? COPIES_GIB : 0);
    }, GATEWAY_GIB + MONITORING_GIB),
  };
}

function withoutUndefined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
