/** Beside the tags of the tenant, which the provider sets on everything. */
export function componentTags(server?: string): Record<string, string> {
  return server ? { "dhistance:server": server } : {};
}
