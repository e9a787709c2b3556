import { UnknownValueError, type PolicyResource } from "@pulumi/policy";
import { SIZE_TERMS } from "../../plans/sizes";
import { SIZES, type Size } from "../../plans/plans";

/** What counts as a server: our component, and whatever can serve DHIS2 and is not a part of one. */

export const SERVER = "dhistance:index:DataManagementServer";

/** What DHIS2 or its database can run on. */
const MACHINES = [
  ...["aws:rds/instance:Instance", "aws:rds/cluster:Cluster", "aws:ecs/service:Service"],
  ...["aws:ec2/instance:Instance", "aws:lightsail/instance:Instance", "aws:lightsail/database:Database"],
  ...["aws:lightsail/containerService:ContainerService", "aws:apprunner/service:Service"],
  ...["docker:index/container:Container", "docker:index/service:Service"],
];

/** Of these a server has one each. */
const PARTS_ON_AWS = ["aws:rds/instance:Instance", "aws:ecs/service:Service"];
const CONTAINER = "docker:index/container:Container";
/** Of these a server on Docker has one each; their names follow the server's. */
const CONTAINERS_OF_A_SERVER = ["-database", "-application"];
/** Containers beside the servers of a tenant: of the first two it has one, of the rest one for each server. */
const CONTAINERS_OF_A_TENANT = /-(gateway|monitoring)$/;
const BACKUPS_OF_A_SERVER = ["-copies", "-pitr", "-portable"];
const VAULT = "dhistance:index:BackupVault";
const AGENT = /-vault-agent-[\w-]+$/;

export interface Server {
  name: string;
  /** As the component says it; checked against the sizes we have by the policy that uses it. */
  size: unknown;
}

type Resource = Pick<PolicyResource, "type" | "name" | "urn" | "props">;

/** By name: the server components, and each machine that is not a part of one. */
export function serversOf(resources: readonly Resource[]): Server[] {
  const servers = resources.filter(({ type }) => type === SERVER);
  const parts = new Set<string>();
  /** Whether there was none of it before. */
  const first = (part: string) => parts.size < parts.add(part).size;
  const isPart = (resource: Resource): boolean => {
    const { type, name, urn } = resource;
    const ancestors = ancestorsOf(urn);
    if (ancestors.includes(SERVER)) {
      const server = ownerOf(resource, servers);
      if (!server) return false;
      if (PARTS_ON_AWS.includes(type)) return first(`${server.urn} ${type}`);
      const suffix = CONTAINERS_OF_A_SERVER.find((each) => name === `${server.name}${each}`);
      return type === CONTAINER && suffix !== undefined && first(`${server.urn} ${suffix}`);
    }
    if (type !== CONTAINER) return false;
    const suffix = CONTAINERS_OF_A_TENANT.exec(name)?.[0];
    if (suffix) return first(suffix);
    if (BACKUPS_OF_A_SERVER.some((each) => servers.some((server) => name === `${server.name}${each}`)))
      return first(name);
    return ancestors.includes(VAULT) && AGENT.test(name);
  };
  return resources
    .filter((each) => each.type === SERVER || (MACHINES.includes(each.type) && !isPart(each)))
    .map(({ type, name, props }) => ({ name, size: type === SERVER ? sizeOf({ props }) : undefined }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The server component that a resource is below, by the beginning of its name: a URN has the types above it alone. */
function ownerOf({ name }: Resource, servers: readonly Resource[]): Resource | undefined {
  const owners = servers.filter((server) => name === server.name || name.startsWith(`${server.name}-`));
  return owners.sort((a, b) => b.name.length - a.name.length)[0];
}

function ancestorsOf(urn: string): string[] {
  return urn.split("::")[2]?.split("$").slice(0, -1) ?? [];
}

/** A property, or that it cannot be judged: in a preview a value may not be known yet. */
export function propertyOf(
  { props }: Pick<PolicyResource, "props">,
  name: string,
): { value?: unknown; unknown?: true } {
  try {
    return { value: props[name] as unknown };
  } catch (error) {
    if (error instanceof UnknownValueError) return { unknown: true };
    throw error;
  }
}

/** A size as the component says it; unknown in a preview, it is none that we have. */
export function sizeOf(resource: Pick<PolicyResource, "props">): unknown {
  const { value, unknown } = propertyOf(resource, "size");
  return unknown ? "not known in a preview" : value;
}

/** Whether a resource of this type is a server, or could serve: the quota is asked of no other. */
export function canServe(type: string): boolean {
  return type === SERVER || MACHINES.includes(type);
}

export function isSize(size: unknown): size is Size {
  return (SIZES as readonly unknown[]).includes(size);
}

/** Parts of a server that are larger than its size says, each in words. */
export function oversizedParts(resources: readonly Resource[]): string[] {
  const servers = resources.filter(({ type }) => type === SERVER);
  return resources.flatMap((resource) => {
    if (!ancestorsOf(resource.urn).includes(SERVER)) return [];
    const server = ownerOf(resource, servers);
    const size = server && sizeOf(server);
    if (!server || !isSize(size)) return [];
    return tooLarge(resource, size).map((what) => `server "${server.name}" has size "${size}", and ${what}`);
  });
}

function tooLarge(resource: Resource, size: Size): string[] {
  const { type, name } = resource;
  const { application, database } = SIZE_TERMS[size];
  const value = (property: string) => propertyOf(resource, property).value;
  const over = (what: string, property: string, limit: number, unit: string) => {
    const found = Number(value(property) ?? 0);
    return found > limit ? [`${name} has ${found} ${unit} of ${what}; allowed: ${limit}`] : [];
  };
  switch (type) {
    case "aws:rds/instance:Instance": {
      const found = value("instanceClass");
      const wrong = found !== undefined && found !== database.instanceClass;
      return [
        ...(wrong ? [`${name} has instance class ${String(found)}; allowed: ${database.instanceClass}`] : []),
        ...over("storage", "allocatedStorage", database.storageLimitGiB, "GiB"),
        ...over("storage at most", "maxAllocatedStorage", database.storageLimitGiB, "GiB"),
      ];
    }
    case CONTAINER:
      return over(
        "memory",
        "memory",
        1024 * (name.endsWith("-database") ? database.memoryGiB : application.memoryGiB),
        "MiB",
      );
    default:
      return [];
  }
}
