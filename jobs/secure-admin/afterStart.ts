/** Has DHIS2 itself replace the default administrator's password, and looks by log-ins whether that is so. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Ask } from "../outputPeriodTypes";
import { JobError } from "../runCommand";
import { DEFAULT } from "./defaultPassword";

export interface AfterStartOptions {
  /** DHIS2's address where nothing outside reaches it, such as `http://application:8080`. */
  application: string;
  /** The new one. */
  password: string;
  /** How long DHIS2 may take to start, in seconds. */
  wait: number;
  /** Between two looks, in ms. @default 2000 */
  pause?: number;
}

/** `changed`: DHIS2 has changed it now. `ours`: it was the new one. `own`: it is neither the default nor ours. */
export type Confirmed = "changed" | "ours" | "own";

/** loginStatus of DHIS2, or `refused` where it says no more than 401. */
type LogIn = string;
const REFUSED: LogIn = "refused";
/** Said without a look at the password. The rest of what is not SUCCESS is said to those who know it. */
const CLOSED: LogIn[] = [REFUSED, "ACCOUNT_DISABLED", "ACCOUNT_EXPIRED", "ACCOUNT_LOCKED"];

/** @throws JobError if DHIS2 does not start, or if the default password still opens it at the end */
export async function afterStart(options: AfterStartOptions): Promise<Confirmed> {
  const { application, password } = options;
  await started(options);
  const first = await logIn(application, DEFAULT.password);
  if (first === "SUCCESS") await change(application, password);
  else if (!CLOSED.includes(first)) throw open(first);
  const own = await logIn(application, password);
  if (first === "SUCCESS" && own !== "SUCCESS")
    throw new JobError(
      `DHIS2 took the new password of ${DEFAULT.username}, and a log-in with it is answered with ${own}. See its log.`,
    );
  // More than once: a cached account that is written back opens the second time. But after four log-ins that fail
  // DHIS2 may lock the account of whoever has a password of their own.
  const times = own !== "SUCCESS" ? 1 : first === "SUCCESS" ? 3 : 2;
  for (let time = 0; time < times; time++) {
    const again = await logIn(application, DEFAULT.password);
    if (!CLOSED.includes(again)) throw open(again);
  }
  if (own !== "SUCCESS") return "own";
  const last = await logIn(application, password);
  if (last !== "SUCCESS")
    throw new JobError(
      `the new password of ${DEFAULT.username} worked once, then DHIS2 answered with ${last}.`,
    );
  return first === "SUCCESS" ? "changed" : "ours";
}

function open(status: LogIn): JobError {
  return new JobError(
    `DHIS2's default password still opens the account ${DEFAULT.username}: a log-in is answered with ${status}. Stop ` +
      "DHIS2 and run secure-admin before-start, then start it and run this again.",
  );
}

/** Waits for `/api/ping`. A start that has failed says so: it knows no path, for good. */
async function started({ application, wait, pause = 2000 }: AfterStartOptions): Promise<void> {
  const deadline = Date.now() + wait * 1000;
  let missing = 0;
  for (;;) {
    const status = await ask(application, "GET", "/api/ping").then(
      (answer) => answer.status,
      () => undefined,
    );
    if (status === 200) return;
    missing = status === 404 ? missing + 1 : 0;
    if (missing >= 5)
      throw new JobError("the start of DHIS2 has failed: it answers 404 to everything. Its log says why.");
    if (Date.now() >= deadline)
      throw new JobError(
        `DHIS2 does not answer at ${application} after ${wait} s. Its log says what it is doing; once it has started, ` +
          "run this again.",
      );
    await sleep(Math.min(pause, Math.max(0, deadline - Date.now())));
  }
}

const loginResponse = z.object({ loginStatus: z.string() });

/** As the page does it; before 2.41, which has no such request, by basic authentication. */
async function logIn(application: string, password: string): Promise<LogIn> {
  const { username } = DEFAULT;
  const { status, text } = await ask(application, "POST", "/api/auth/login", {
    json: { username, password },
  });
  if (status === 401) return REFUSED;
  const answer = status === 200 ? loginResponse.safeParse(parsed(text)) : undefined;
  if (answer?.success) return answer.data.loginStatus;
  const basic = await ask(application, "GET", "/api/me", { password });
  if (basic.status === 401) return REFUSED;
  if (basic.status === 200) return "SUCCESS";
  throw new JobError(`a log-in at DHIS2 was answered with ${status}: ${text.slice(0, 300)}`);
}

/** As the account itself, whose cached row is then the new one. */
async function change(application: string, password: string): Promise<void> {
  const json = { oldPassword: DEFAULT.password, newPassword: password };
  const answer = await ask(application, "PUT", "/api/me/changePassword", {
    password: DEFAULT.password,
    json,
  });
  if (answer.status !== 202 && answer.status !== 200 && answer.status !== 204)
    throw new JobError(
      `DHIS2 did not take the new password of ${DEFAULT.username} (${answer.status}): ` +
        answer.text.replaceAll(password, "***").slice(0, 300),
    );
}

interface Asked {
  /** Of the default account. @default nobody logs in */
  password?: string;
  json?: object;
}

/** As the administrator with its new password. */
export function asAdministrator({ application, password }: AfterStartOptions): Ask {
  return (method, path, json) => ask(application, method, path, { password, ...(json && { json }) });
}

/** @throws JobError if nobody answers */
async function ask(
  application: string,
  method: "GET" | "POST" | "PUT",
  path: string,
  { password, json }: Asked = {},
): Promise<{ status: number; text: string }> {
  try {
    const basic = Buffer.from(`${DEFAULT.username}:${password}`).toString("base64");
    const answer = await fetch(new URL(path, application), {
      method,
      headers: {
        ...(password !== undefined && { Authorization: `Basic ${basic}` }),
        ...(json && { "Content-Type": "application/json" }),
      },
      ...(json && { body: JSON.stringify(json) }),
      redirect: "manual",
      signal: AbortSignal.timeout(60_000),
    });
    return { status: answer.status, text: await answer.text() };
  } catch (error) {
    const { message } = ((error as Error).cause ?? error) as Error;
    throw new JobError(`DHIS2 does not answer at ${application}: ${message}`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
