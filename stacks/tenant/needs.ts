import { SIZE_TERMS } from "../../components/DataManagementServer/sizes";
import type { Needs } from "../../components/docker/inspect";
import { DEFAULT_IMAGES, type Images } from "../../components/docker/target";
import type { DockerTenant } from "./spec";

/** Of the gateway, and of monitoring, in GiB. */
const GATEWAY_GIB = 0.5;
const MONITORING_GIB = 0.5;

/** Of the container of copies beside each server, if there are copies, in GiB. */
const COPIES_GIB = 1;

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
  return {
    tenant,
    ports: [
      { ...gateway, port: published.http, key: "target.docker.published.http" },
      { ...gateway, port: published.https, key: "target.docker.published.https" },
      { ...monitoring, container: `${tenant}-monitoring`, key: "target.docker.monitoring.port" },
    ],
    images: [
      ...[images.postgres, images.jobs, images.gateway, images.monitoring],
      ...new Set(spec.servers.map(({ dhis2 }) => `${images.dhis2}:${dhis2}`)),
    ],
    memoryGiB: spec.servers.reduce((sum, { size }) => {
      const { application, database } = SIZE_TERMS[size];
      const copies = spec.backups.copies.length > 0 ? COPIES_GIB : 0;
      return sum + application.memoryGiB + database.memoryGiB + copies;
    }, GATEWAY_GIB + MONITORING_GIB),
  };
}

function withoutUndefined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
