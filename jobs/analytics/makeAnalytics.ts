/** Has DHIS2 generate its analytics tables, which backups do not contain, and waits for it. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { giveOutputPeriodTypes, type Ask } from "../outputPeriodTypes";
import { JobError } from "../runCommand";

export interface AnalyticsOptions {
  /** DHIS2's address, such as `https://hmis.moh.example.org`. */
  application: string;
  /** An account that may do so: of the superuser, or with "Perform maintenance tasks". */
  account: string;
  password: string;
  /** Seconds after which nobody waits any longer; DHIS2 goes on. */
  wait: number;
  /** Seconds between two questions. @default 2 */
  every?: number;
  signal: AbortSignal;
  /** Told each thing that DHIS2 says of it, in its order. */
  onNotice: (notice: Notice) => void;
}

const started = z.object({
  response: z.object({ relativeNotifierEndpoint: z.string().startsWith("/api/") }),
});

const noticeSchema = z.object({
  uid: z.string(),
  level: z.string(),
  message: z.string().default(""),
  completed: z.boolean(),
});
export type Notice = z.infer<typeof noticeSchema>;

/**
 * https://docs.dhis2.org/en/develop/using-the-api/dhis-core-version-master/maintenance.html, "Analytics and resource tables"
 * @throws JobError when DHIS2 does not begin, or fails
 */
export async function makeAnalytics(options: AnalyticsOptions): Promise<void> {
  const { wait, every = 2, onNotice, signal } = options;
  const deadline = Date.now() + wait * 1000;
  if (await giveOutputPeriodTypes((...request) => send(options, ...request))) {
    const message =
      "DHIS2 had no output period types, without which analytics show no data. It has all of them now.";
    onNotice({ uid: "period types", level: "INFO", message, completed: false });
  }
  const {
    response: { relativeNotifierEndpoint },
  } = started.parse(await ask(options, "POST", "/api/resourceTables/analytics"));
  const seen = new Set<string>();
  for (;;) {
    // The newest comes first.
    const notices = z.array(noticeSchema).parse(await ask(options, "GET", relativeNotifierEndpoint));
    for (const notice of notices.reverse()) {
      if (seen.has(notice.uid)) continue;
      seen.add(notice.uid);
      onNotice(notice);
    }
    const end = notices.find(({ completed }) => completed);
    if (end?.level === "ERROR")
      throw new JobError(`DHIS2 could not make its analytics tables: ${end.message}`);
    if (end) return;
    if (Date.now() > deadline)
      throw new JobError(
        `DHIS2 is still at its analytics tables after ${wait} s. It goes on; the Scheduler app shows how far it is.`,
      );
    await sleep(every * 1000, undefined, { signal });
  }
}

async function ask(options: AnalyticsOptions, method: "GET" | "POST", path: string): Promise<unknown> {
  const url = new URL(path, options.application);
  const { status, text } = await send(options, method, path);
  if (status < 200 || status > 299)
    throw new JobError(`${method} ${url.href} was answered with ${status}: ${text.slice(0, 300)}`);
  try {
    return JSON.parse(text);
  } catch {
    throw new JobError(`${method} ${url.href} was not answered with JSON: ${text.slice(0, 100)}`);
  }
}

async function send(
  { application, account, password, signal }: AnalyticsOptions,
  ...[method, path, json]: Parameters<Ask>
): ReturnType<Ask> {
  const headers = {
    Authorization: `Basic ${Buffer.from(`${account}:${password}`).toString("base64")}`,
    ...(json && { "Content-Type": "application/json" }),
  };
  const body = json ? { body: JSON.stringify(json) } : {};
  const answer = await fetch(new URL(path, application), { method, headers, signal, ...body }).catch(
    (error: Error) => {
      signal.throwIfAborted();
      const { message } = (error.cause ?? error) as Error;
      throw new JobError(`DHIS2 does not answer at ${application}: ${message}`);
    },
  );
  if (answer.status === 401)
    throw new JobError(
      `DHIS2 does not let ${account} in with this password: the account has another one now. Have the tables made by ` +
        "hand: Data Administration, Analytics table management.",
    );
  return { status: answer.status, text: await answer.text() };
}
