/** A stack's deployment, as the engine exports it with its secrets. */
export interface Deployment {
  resources?: {
    type: string;
    urn: string;
    id?: string;
    protect?: boolean;
    outputs?: Record<string, unknown>;
  }[];
}

/** Outputs of the resource of that type and name, its secrets in plain text; nothing if there is none. */
export function outputsIn(
  { resources = [] }: Deployment,
  type: string,
  name: string,
): Record<string, unknown> | undefined {
  const found = resources.find((each) => each.type === type && each.urn.endsWith(`::${name}`));
  return found?.outputs && (plain(found.outputs) as Record<string, unknown>);
}

/** The tenant's servers on Docker that keep their data: the engine refuses to delete those, and nothing else of them. */
export function keptServers({ resources = [] }: Deployment, tenant: string): string[] {
  const kept = resources.flatMap(({ protect, urn }) => (protect ? [urn.split("::").at(-1) ?? ""] : []));
  const servers = kept.flatMap((name) => /^(.+)-database-data$/.exec(name)?.[1] ?? []);
  return servers.map((name) => name.slice(tenant.length + 1));
}

/** Ids of the containers that the state has. */
export function containersIn({ resources = [] }: Deployment): string[] {
  return resources.flatMap(({ type, id }) => (type === "docker:index/container:Container" && id ? [id] : []));
}

/** How the engine marks a secret in a deployment. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** A value with its secrets in plain text. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const { plaintext } = value as { plaintext?: string };
  if (SIGNATURE in value && plaintext !== undefined) return plain(JSON.parse(plaintext));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}
