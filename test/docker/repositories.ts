import { REPOSITORIES, type Repository } from "../../components/docker/pgbackrest";

/** Runs a command in the container of copies. @throws Error with its output, if it does not end with 0 */
type Succeed = (...command: string[]) => Promise<string>;

/** As in pgBackRest's configuration. */
export const on = (place: Repository) => `--repo=${REPOSITORIES[place]}`;

/** Of a repository's complete backups, oldest first. */
export async function labelsOf(succeed: Succeed, place: Repository): Promise<string[]> {
  const info = await succeed("pgbackrest", "info", on(place), "--output=json", "--log-level-console=off");
  const [stanza] = JSON.parse(info) as { backup: { label: string }[] }[];
  return (stanza?.backup ?? []).map(({ label }) => label);
}

/** A byte of a place's file becomes what it was not: one of 256 encrypted bytes is any that could be named here. */
export function flip(succeed: Succeed, place: Repository, file: string): Promise<string> {
  return succeed(
    "sh",
    "-ec",
    `pgbackrest repo-get --raw ${on(place)} '${file}' >/tmp/sound; cp /tmp/sound /tmp/other
     printf "\\$(printf %o $((255 - $(od -An -tu1 -j40 -N1 /tmp/sound))))" | dd of=/tmp/other bs=1 seek=40 conv=notrunc
     ! cmp -s /tmp/sound /tmp/other; pgbackrest repo-put --raw ${on(place)} '${file}' </tmp/other`,
  );
}
