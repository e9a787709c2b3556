import type { EngineEvent } from "@pulumi/pulumi/automation";
import { describe, expect, it } from "vitest";
import { EXIT_CODES, PREVIEW_EXIT_CODES } from "../errors";
import { engineExitCode, OUTCOME_EXIT_CODES, verdictOf } from "./verdict";

const event = (body: object) => ({ sequence: 0, timestamp: 0, ...body }) as unknown as EngineEvent;
const error = (message: string) => event({ diagnosticEvent: { severity: "error", message, color: "never" } });
const policy = (policyName: string, message: string, enforcementLevel = "mandatory") =>
  event({
    policyEvent: { policyName, message, enforcementLevel, resourceUrn: "urn:pulumi:moh::d::t::moh-hmis" },
  });
const step = (op: string, type: string, name: string, keys: string[] = []) =>
  event({
    resourcePreEvent: { metadata: { op, type, keys, urn: `urn:pulumi:moh::dhistance::${type}::${name}` } },
  });

/** Of a run of the engine. */
const verdict = (code: number, ...events: EngineEvent[]) => verdictOf({ code, events, said: "" });

describe("the outcome of a preview", () => {
  it("has an exit code of its own, which the help lists", () => {
    expect(OUTCOME_EXIT_CODES).toEqual({ unchanged: 0, failed: 1, changed: 7, refused: 8, violation: 9 });
    const listed = Object.keys({ ...EXIT_CODES, ...PREVIEW_EXIT_CODES }).map(Number);
    for (const code of Object.values(OUTCOME_EXIT_CODES)) expect(listed).toContain(code);
  });

  it("is unchanged if everything stays, and if the engine ends with 7 it is the changes that count", () => {
    const same = step("same", "aws:rds/instance:Instance", "a");
    expect(verdict(0, same)).toMatchObject({ outcome: "unchanged", unchanged: 1, changes: [] });
    expect(verdict(7, same, step("create", "aws:rds/instance:Instance", "b"))).toMatchObject({
      outcome: "changed",
    });
  });

  it("is refused for each problem that the program found", () => {
    const said =
      'Stack "moh" was refused: 2 problems; nothing was changed.\n- colour: unknown key\n- servers: too many';
    const found = verdict(
      255,
      error(said),
      policy("program-accepts", "see its error"),
      error("preview failed"),
    );
    expect(found).toMatchObject({
      outcome: "refused",
      refusals: ["colour: unknown key", "servers: too many"],
      violations: [],
      errors: [],
    });
  });

  it.each([
    ['Preview failed: before hook "moh-servers-refuse" failed: server "b" is gone', 'server "b" is gone'],
    ['Preview failed: before hook "moh-lock-refuse-first" failed: taken', "taken"],
    ['Preview failed: before hook "moh-x-verify" failed: no such bucket', "no such bucket"],
    [
      'Preview failed: resource "urn:x" cannot be deleted\nbecause it is protected. To unprotect it, do this',
      'resource "urn:x" cannot be deleted because it is protected. To unprotect it, do this',
    ],
  ])("is refused by what is in place: %s", (message, refusal) => {
    const found = verdict(255, error(message), error("failed to run policy: context canceled"));
    expect(found).toMatchObject({ outcome: "refused", refusals: [refusal], errors: [] });
  });

  it("is a violation of mandatory policies only; others warn", () => {
    const found = verdict(
      255,
      policy("servers-within-plan", "too many "),
      policy("tags", "no tag", "advisory"),
    );
    expect(found).toMatchObject({
      outcome: "violation",
      violations: [{ policy: "servers-within-plan", resource: "moh-hmis", message: "too many" }],
      warnings: ["tags: no tag"],
    });
    expect(verdict(0, policy("tags", "no tag", "advisory")).outcome).toBe("unchanged");
  });

  it("is failed for a crash, with what the engine printed if there is no event of it", () => {
    expect(verdict(255, error("TypeError: x is undefined"))).toMatchObject({
      outcome: "failed",
      errors: ["TypeError: x is undefined"],
    });
    expect(verdictOf({ code: 255, events: [], said: "error: no stack named 'x'\n" })).toMatchObject({
      outcome: "failed",
      errors: ["error: no stack named 'x'"],
    });
  });
});

it("a replacement is one change, and data is lost when what holds it is deleted or replaced", () => {
  const database = "aws:rds/instance:Instance";
  const { changes } = verdict(
    0,
    step("create-replacement", database, "a", ["engine"]),
    step("replace", database, "a", ["engine"]),
    step("delete-replaced", database, "a"),
    step("update", database, "b", ["allocatedStorage"]),
    step("delete", "docker:index/volume:Volume", "c"),
    step("delete", "aws:ecs/service:Service", "d"),
    step("create", "pulumi:providers:aws", "eu"),
  );
  expect(changes.map(({ name, operation, losesData }) => [name, operation, losesData])).toEqual([
    ["a", "replace", true],
    ["b", "update", false],
    ["c", "delete", true],
    ["d", "delete", false],
  ]);
});

it.each([
  ["changed", [], 0],
  ["changed", ["--diff", "--expect-no-changes"], 7],
  ["unchanged", [], 0],
  ["refused", [], 8],
  ["violation", [], 9],
  ["failed", [], 1],
] as const)("a preview for people that is %s, with %j, ends with %s", (outcome, options, code) => {
  expect(engineExitCode(outcome, options)).toBe(code);
});
