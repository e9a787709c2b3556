import { readdirSync } from "node:fs";
import path from "node:path";
import type { Policy } from "@pulumi/policy";
import { describe, expect, it } from "vitest";
import { POLICIES } from "./policies";
import { resource, serverResources, STACK, tenantResource, trustedIssuer, violations } from "./testing";

const entitle = trustedIssuer();

function isPolicy(value: unknown): value is Policy {
  return (
    typeof value === "object" && value !== null && ("validateStack" in value || "validateResource" in value)
  );
}

it("has each policy's name once", () => {
  const names = POLICIES.map(({ name }) => name);
  expect(names).toEqual([...new Set(names)]);
});

it("leaves no policy out", async () => {
  const files = readdirSync(__dirname, { recursive: true, encoding: "utf8" })
    .filter((file) => /^[\w-]+\/[\w-]+\.ts$/.test(file) && !file.startsWith("node_modules"))
    .map((file) => path.join(__dirname, file));
  const modules = (await Promise.all(files.map((file) => import(file)))) as Record<string, unknown>[];
  const policies = modules.flatMap((module) => Object.values(module)).filter(isPolicy);
  const names = (all: Policy[]) => all.map(({ name }) => name).sort();
  expect(names(policies)).toEqual(names(POLICIES));
});

describe.each(POLICIES)("$name", (policy) => {
  it("allows a stack within its plan", async () => {
    const servers = [...serverResources("hmis"), ...serverResources("tracker", "medium")];
    expect(await violations(policy, [STACK, tenantResource(await entitle()), ...servers])).toEqual([]);
  });

  it("allows an empty stack", async () => {
    expect(await violations(policy, [STACK, resource("pulumi:providers:aws", "default")])).toEqual([]);
    expect(await violations(policy, [])).toEqual([]);
  });
});
