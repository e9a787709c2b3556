/** The two pgBackRest repositories of a server, by their numbers in pgBackRest's configuration. */
export const REPOSITORIES = { disk: 1, cloud: 2 } as const;
export type Repository = keyof typeof REPOSITORIES;

/** What went wrong, for the person who typed the command. Every failure ends with exit code 1. */
export class PitrError extends Error {
  override readonly name = "PitrError";
}

/** @throws PitrError */
export function parseRepository(name: string): Repository {
  if (name in REPOSITORIES) return name as Repository;
  throw new PitrError(`unknown repository "${name}"; allowed: ${Object.keys(REPOSITORIES).join(", ")}`);
}

/** What pgBackRest says, with the names that people use: it says `repo2` of the cloud. Options such as `repo2-path` stay. */
export function withNames(text: string): string {
  const names = Object.fromEntries(Object.entries(REPOSITORIES).map(([name, number]) => [number, name]));
  return text.replace(/(?<![-\w])repo([12])(?![-\w])/g, (_, number: string) => names[number] ?? "");
}

export function otherThan(repository: Repository): Repository {
  return repository === "disk" ? "cloud" : "disk";
}
