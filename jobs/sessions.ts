/**
 * The Redis of a cluster. DHIS2 keeps its sessions there (Spring Session, `spring:session:*`), so they outlive a restart and
 * let people into a database that has been replaced. The rest are caches, the choice of the leader and the progress of
 * jobs, which DHIS2 makes again.
 */
import { createClient } from "@redis/client";
import { JobError } from "./runCommand";
import { UsageError } from "./import/cli/options";

export interface Sessions {
  /** `rediss://host:port`. */
  address: string;
  password: string;
}

/** Parses the option `--sessions`. */
export function parseSessions(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.username || url.password))
    throw new UsageError("--sessions must not contain a password; use --sessions-password-env.");
  const { protocol, hostname, port } = url ?? {};
  if (protocol !== "rediss:" || !hostname || !port || text.replace(/\/$/, "") !== `rediss://${url?.host}`)
    throw new UsageError(`--sessions: "${text}" is not possible; write rediss://host:port.`);
  return text;
}

/**
 * Ends every session. Only while DHIS2 is stopped.
 * @throws JobError if Redis cannot be emptied, or is not empty afterwards
 */
export async function endSessions({ address, password }: Sessions): Promise<void> {
  const client = createClient({
    url: address,
    password,
    socket: { reconnectStrategy: false, connectTimeout: 20_000 },
    commandOptions: { timeout: 120_000 },
  });
  // The call that fails reports it.
  client.on("error", () => undefined);
  let left: number;
  try {
    await client.connect();
    await client.flushDb();
    left = await client.dbSize();
  } catch (error) {
    throw new JobError(
      `the sessions in Redis (${address}) were not ended: ${(error as Error).message}. They still let people in: leave ` +
        "DHIS2 stopped, and run this again once Redis answers.",
    );
  } finally {
    if (client.isOpen) client.destroy();
  }
  if (left > 0)
    throw new JobError(
      `Redis (${address}) was emptied and holds ${left} keys again: DHIS2 runs. Stop it, and run this again.`,
    );
}
