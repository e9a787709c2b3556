import { isOnDocker, type Tenant } from "./spec";

/**
 * What stack files may name beyond the tenant's own folder is for the operator to say, in the environment of `pulumi`:
 * lists with commas or blanks between, in which `{tenant}` stands for the tenant's id.
 */
export const ALLOWED = {
  /** S3 addresses that dumps may lie below. Default: none. */
  dumps: "DHISTANCE_DUMPS",
  /** Docker hosts. Default: any. */
  hosts: "DHISTANCE_DOCKER_HOSTS",
  /** What the names of images from elsewhere begin with. Default: anything. */
  images: "DHISTANCE_IMAGES",
} as const;

/** What a spec names that the operator has not allowed, each with its path. */
export function notAllowed(tenant: string, spec: Tenant, env: NodeJS.ProcessEnv = process.env): string[] {
  const list = (name: string) =>
    env[name]
      ?.replaceAll("{tenant}", tenant)
      .split(/[\s,]+/)
      .filter(Boolean);
  const complaint = (path: string, value: string, variable: string, allowed: readonly string[]) =>
    `${path}: ${JSON.stringify(value)}; not allowed by the operator; allowed: ${allowed.join(", ") || "none"} ` +
    `(${variable}, in the environment of pulumi)`;

  const dumps = list(ALLOWED.dumps) ?? [];
  const hosts = list(ALLOWED.hosts);
  const images = list(ALLOWED.images);
  const own = env["DOCKER_HOST"] ? [env["DOCKER_HOST"]] : [];
  return [
    ...spec.servers.flatMap(({ import: data }, index) =>
      data?.dump.startsWith("s3://") && !dumps.some((allowed) => data.dump.startsWith(folder(allowed)))
        ? [complaint(`servers[${index}].import.dump`, data.dump, ALLOWED.dumps, dumps)]
        : [],
    ),
    ...hostsOf(spec).flatMap(([path, host]) =>
      hosts && ![...hosts, ...own].includes(host) ? [complaint(path, host, ALLOWED.hosts, hosts)] : [],
    ),
    ...imagesOf(spec).flatMap(([path, image]) =>
      images && !images.some((allowed) => fullName(image).startsWith(fullName(allowed)))
        ? [complaint(path, image, ALLOWED.images, images)]
        : [],
    ),
  ];
}

function hostsOf(spec: Tenant): [path: string, host: string][] {
  if (isOnDocker(spec)) return [["target.docker.host", spec.target.docker.host]];
  return spec.backups.locations.flatMap((location, index): [string, string][] =>
    "onPremises" in location
      ? [[`backups.locations[${index}].onPremises.host`, location.onPremises.host]]
      : [],
  );
}

function imagesOf(spec: Tenant): [path: string, image: string][] {
  if (!isOnDocker(spec)) return [];
  return Object.entries(spec.target.docker.images).flatMap(([key, image]): [string, string][] =>
    image ? [[`target.docker.images.${key}`, image]] : [],
  );
}

/** `s3://incoming` allows what is in it, and not `s3://incoming-of-another/…`. */
function folder(address: string): string {
  return address.endsWith("/") ? address : `${address}/`;
}

/** Where an image's name has no registry, Docker Hub is meant (`caddy` is `docker.io/library/caddy`). */
function fullName(image: string): string {
  const [first = "", ...rest] = image.split("/");
  if (rest.length > 0 && /[.:]|^localhost$/.test(first)) return image;
  return `docker.io/${rest.length > 0 ? "" : "library/"}${image}`;
}
