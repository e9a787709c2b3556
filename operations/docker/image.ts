import { RunError } from "@pulumi/pulumi";
import { connect } from "./engine";

/** What the containers of an image run as and run, unless they say otherwise. */
export interface ImageSettings {
  user: number;
  command: string[];
}

/**
 * Asks a host's engine for the settings of an image that it has.
 * @param id `sha256:…`
 * @param name as the message has it
 * @throws RunError if it is gone, has no user of its own, or no command
 */
export async function readImage(host: string, id: string, name: string): Promise<ImageSettings> {
  const { Config } = await connect(host)
    .getImage(id)
    .inspect()
    .catch((error: Error & { statusCode?: number }) => {
      if (error.statusCode !== 404) throw error;
      throw new RunError(`image "${name}" is gone from ${host}; to pull it again: pulumi up --refresh`);
    });
  const user = Number(/^[0-9]+/.exec(Config.User)?.[0]);
  if (!user)
    throw new RunError(
      `target.docker.images.dhis2: "${name}" runs as user "${Config.User}"; allowed: an image whose USER is a number ` +
        "other than 0, as in dhis2/core (65534)",
    );
  const parts = (value: unknown) =>
    Array.isArray(value) ? (value as string[]) : value ? [String(value)] : [];
  const command = [...parts(Config.Entrypoint), ...parts(Config.Cmd)];
  if (command.length === 0)
    throw new RunError(
      `target.docker.images.dhis2: "${name}" says no command; allowed: an image with a CMD or an ENTRYPOINT`,
    );
  return { user, command };
}
