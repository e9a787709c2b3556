import { z } from "zod";
import { JobError } from "./runCommand";

/** Asks DHIS2 as an account that may change its settings. */
export type Ask = (
  method: "GET" | "POST",
  path: string,
  json?: object,
) => Promise<{ status: number; text: string }>;

const PATH = "/api/configuration/dataOutputPeriodTypes";

/** Those that DHIS2's migrations to 43 give to a database that had an earlier version: all but TwoYearly. */
const PERIOD_TYPES = [
  ...[
    "Daily",
    "Weekly",
    "WeeklyWednesday",
    "WeeklyThursday",
    "WeeklyFriday",
    "WeeklySaturday",
    "WeeklySunday",
  ],
  ...["BiWeekly", "Monthly", "BiMonthly", "Quarterly", "QuarterlyNov"],
  ...["SixMonthly", "SixMonthlyApril", "SixMonthlyNov", "Yearly"],
  ...[
    "FinancialFeb",
    "FinancialApril",
    "FinancialJuly",
    "FinancialAug",
    "FinancialSep",
    "FinancialOct",
    "FinancialNov",
  ],
];

/**
 * Gives DHIS2 43 its output period types where it has none, as on each server that began empty: without them the
 * analytics tables have no columns of periods, and every analytics query is answered with no rows.
 * @returns whether it had none
 * @throws JobError if DHIS2 does not take them
 */
export async function giveOutputPeriodTypes(ask: Ask): Promise<boolean> {
  const now = await ask("GET", PATH);
  // Before 43 there is no such list.
  if (now.status === 404) return false;
  if (now.status !== 200) throw refused("GET", now);
  if (listIn(now).length > 0) return false;
  const given = await ask(
    "POST",
    PATH,
    PERIOD_TYPES.map((name) => ({ name })),
  );
  if (given.status !== 204 && given.status !== 200) throw refused("POST", given);
  if (listIn(await ask("GET", PATH)).length === 0)
    throw refused("GET", { status: 200, text: "an empty list" });
  return true;
}

function listIn({ text }: { text: string }): unknown[] {
  try {
    return z.array(z.unknown()).parse(JSON.parse(text));
  } catch {
    throw refused("GET", { status: 200, text });
  }
}

function refused(method: string, { status, text }: { status: number; text: string }): JobError {
  return new JobError(
    `DHIS2 has no output period types, or does not show them: ${method} ${PATH} was answered with ${status}: ` +
      `${text.slice(0, 300)}. Without them analytics show no data. Choose them in the app System Settings, Analytics.`,
  );
}
