/** A stack's state, as the engine exports it, secrets in plain text included. */
export interface StackState {
  resources?: {
    type: string;
    urn: string;
    id?: string;
    protect?: boolean;
    outputs?: Record<string, unknown>;
  }[];
}

/** The outputs of the resource of that type and name, secrets in plain text; undefined if there is none. */
export function outputsIn(
  { resources = [] }: StackState,
  type: string,
  name: string,
): Record<string, unknown> | undefined {
  const found = resources.find((each) => each.type === type && each.urn.endsWith(`::${name}`));
  return found?.outputs && (plain(found.outputs) as Record<string, unknown>);
}

/** A Docker tenant's servers with protected data, which the engine refuses to delete. */
export function protectedServers({ resources = [] }: StackState, tenant: string): string[] {
  const names = resources.flatMap(({ protect, urn }) => (protect ? [urn.split("::").at(-1) ?? ""] : []));
  const servers = names.flatMap((name) => /^(.+)-database-data$/.exec(name)?.[1] ?? []);
  return servers.map((name) => name.slice(tenant.length + 1));
}

/** The ids of the containers in the state. */
export function containersIn({ resources = [] }: StackState): string[] {
  return resources.flatMap(({ type, id }) => (type === "docker:index/container:Container" && id ? [id] : []));
}

/** The engine marks a secret with this key (`sig.Secret` of its Go SDK). */
const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** The value with its secrets in plain text. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const { plaintext } = value as { plaintext?: string };
  if (SIGNATURE in value && plaintext !== undefined) return plain(JSON.parse(plaintext));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}
