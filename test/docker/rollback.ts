import { readFileSync } from "node:fs";
import path from "node:path";
import type { Result } from "../engine/pulumi";
import { ROOT, type TenantStack } from "../engine/tenants";
import { npm, type NpmOptions } from "./checkout";

/** `npm run rollback` as a person finds it in the docs: its last words there are the option asked for, or the server. */
export function rollback(
  last: "SERVER" | "--forget",
  [tenant, server]: [tenant: string, server: string],
  { more = [], ...options }: NpmOptions & { more?: string[] },
): Promise<Result> {
  const page = readFileSync(path.join(ROOT, "docs/recovery/docker-rollback.md"), "utf8");
  const [line = ""] = new RegExp(`(?<=npm run )rollback -- .*${last}$`, "m").exec(page) ?? [];
  const values: Record<string, string> = { TENANT: tenant, SERVER: server };
  const words = line.split(" ").map((word) => values[word] ?? word);
  return npm(["run", "--silent", ...words, "--yes", ...more], options);
}

/** Of a stack whose project is not the checkout. */
export function rollbackOf(
  stack: TenantStack,
  last: "SERVER" | "--forget",
  options: { killWhen?: RegExp; more?: string[] } = {},
): Promise<Result> {
  const { more = [], ...rest } = options;
  const where = { cwd: ROOT, env: stack.env, more: ["--cwd", stack.cwd, ...more] };
  return rollback(last, [stack.name, "hmis"], { ...where, ...rest });
}
