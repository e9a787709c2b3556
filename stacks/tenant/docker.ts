import { getNetwork } from "@pulumi/docker/getNetwork";
import { Provider as DockerProvider } from "@pulumi/docker/provider";
import * as pulumi from "@pulumi/pulumi";
import { RandomId } from "@pulumi/random/randomId";
import type { Certificates, DockerBackups, DockerTarget } from "../../components/contract/dockerTarget";
import { SpecError } from "../config";
import { FileRefused, type TenantFiles } from "./files";
import { imagesOf, requirementsOf } from "./hostRequirements";
import type { DockerTenant } from "./spec";

type DockerSpec = DockerTenant["target"]["docker"];

/** Where a tenant on Docker goes: a host that exists and is large enough. */
export interface DockerDestination {
  provider: DockerProvider;
  target: DockerTarget;
}

/** Ids of the rehearsal's provider begin so, and none of an engine's does. */
const REHEARSAL_ID = "000000000000";

/**
 * Asks the host what it is and what it has, before anything is made.
 * @param files those that the spec may name
 * @throws SpecError with everything that is wrong
 */
export async function dockerDestination(
  tenant: string,
  spec: DockerTenant,
  files: TenantFiles,
): Promise<DockerDestination> {
  const { docker } = spec.target;
  const { host, published, monitoring } = docker;
  const problems: string[] = [];
  const images = imagesOf(spec);
  const certificates = certificatesOf(docker, spec, files, problems);
  const backups = backupsOf(spec, files, problems);
  const provider = new DockerProvider("host", { host });
  // The provider itself is asked: it knows whether it is the real one.
  const network = await getNetwork({ name: "bridge" }, { provider }).catch(() => undefined);
  const rehearsal = network?.id.startsWith(REHEARSAL_ID) ?? false;
  if (!rehearsal) {
    // Only now: a rehearsal needs no client of the engine.
    const { inspectHost, openNetworks } = await import("../../operations/docker/inspect");
    const requirements = requirementsOf(tenant, spec);
    problems.push(...(await inspectHost(host, requirements)));
    if (problems.length === 0)
      for (const notice of await openNetworks(host, requirements)) await pulumi.log.info(notice);
  }
  if (problems.length > 0 || !certificates) throw new SpecError(problems);
  const given = { images, published, monitoring, certificates, backups };
  const mark = new RandomId(`${tenant}-mark`, { byteLength: 8 }).hex;
  return { provider, target: { kind: "docker", host, ...given, mark, rehearsal } };
}

function certificatesOf(
  { certificates }: DockerSpec,
  { contacts }: DockerTenant,
  files: TenantFiles,
  problems: string[],
): Certificates | undefined {
  const read = (key: string, file: string, begins: RegExp) => {
    const where = `target.docker.certificates.${key}`;
    const text = readFile(where, file, files, problems);
    if (text !== undefined && !begins.test(text))
      problems.push(`${where}: ${JSON.stringify(file)}; is not a PEM file of a ${key.replace(/.*\./, "")}`);
    return text ?? "";
  };
  const certificate = /^-----BEGIN CERTIFICATE-----/m;
  if ("private" in certificates) return { kind: "private" };
  if ("acme" in certificates) {
    const { directory, authority } = certificates.acme;
    const email = contacts.operations;
    return {
      ...{ kind: "acme", email, directory },
      ...(authority && { authority: read("acme.authority", authority, certificate) }),
    };
  }
  const { given } = certificates;
  return {
    kind: "given",
    certificate: read("given.certificate", given.certificate, certificate),
    privateKey: read("given.privateKey", given.privateKey, /^-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/m),
  };
}

/** Where backups go: to one disk and one bucket, which the spec has checked, or nowhere. */
function backupsOf(
  { backups }: DockerTenant,
  files: TenantFiles,
  problems: string[],
): DockerBackups | undefined {
  const disk = backups.locations.find((location) => "disk" in location)?.disk;
  const index = backups.locations.findIndex((location) => "s3" in location);
  const bucketLocation = backups.locations[index];
  if (!disk || !bucketLocation || !("s3" in bucketLocation)) return undefined;
  const { endpoint, region, bucket, accessKeyId, secretAccessKey, authority } = bucketLocation.s3;
  const { hostname, port } = new URL(endpoint);
  const read = (file: string) =>
    readFile(`backups.locations[${index}].s3.authority`, file, files, problems) ?? "";
  return {
    disk,
    cloud: {
      ...{ host: hostname, port: port ? Number(port) : undefined, region, bucket, accessKeyId },
      secretAccessKey: pulumi.secret(secretAccessKey),
      authority: authority && read(authority),
    },
  };
}

/** What a file holds that a spec names at `where`; if it may not be read, that is one of the problems. */
function readFile(where: string, file: string, files: TenantFiles, problems: string[]): string | undefined {
  try {
    return files.read(file);
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    problems.push(`${where}: ${JSON.stringify(file)}; ${error.message}`);
    return undefined;
  }
}
