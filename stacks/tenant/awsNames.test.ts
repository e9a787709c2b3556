import fc from "fast-check";
import { expect, it } from "vitest";
import { registered } from "../../components/testing/mocks";
import { makeServer, makeVault } from "../../components/testing/tenant";
import { aws } from "../../tools/rehearsal/aws";
import { check } from "../../tools/rehearsal/resource";
import { awsNameProblems } from "./awsNames";

it.each([
  ["sg-health", "hmis", /^dhistance:entitlement: tenant "sg-health"; on AWS .* must not begin with "sg-"/],
  ["a--b", "hmis", /^dhistance:entitlement: tenant "a--b"; .* two hyphens together/],
  ["sthree", "hmis", /^dhistance:entitlement: tenant "sthree"; .* a bucket/],
  ["amzn-s3-demo", "hmis", /^dhistance:entitlement: tenant "amzn-s3-demo"; .* a bucket/],
  ["moh", "a--b", /^servers\[0\]\.name: "a--b"; on AWS .* two hyphens together.*allowed: another name/],
])("refuses tenant %s with server %s, as AWS would", async (tenant, name, message) => {
  expect(awsNameProblems(tenant, [{ name }])).toEqual([expect.stringMatching(message)]);
  expect(await refusals(tenant, name)).not.toEqual([]);
});

const PARTS = ["sg", "aws", "ssm", "rds", "internal", "xn", "sthree", "a", "-", "--", "9", "amzn-s3-demo"];
const pieces = fc.array(fc.constantFrom(...PARTS), { minLength: 1, maxLength: 8 }).map((all) => all.join(""));

/** Names as the entitlement and the spec accept them, many of them close to what AWS forbids, and the longest ones. */
const tenants = fc
  .oneof(pieces, fc.constant("w".repeat(24)), fc.stringMatching(/^[a-z][a-z0-9-]{1,22}[a-z0-9]$/))
  .filter((id) => /^[a-z][a-z0-9-]{1,22}[a-z0-9]$/.test(id));
const servers = fc
  .oneof(pieces, fc.constant("s".repeat(15)), fc.stringMatching(/^[a-z][a-z0-9-]{0,13}[a-z0-9]$/))
  .filter((name) => /^[a-z][a-z0-9-]{0,13}[a-z0-9]$/.test(name));

/** What AWS would refuse of the names and inputs of all that a tenant with one cluster is made of. */
async function refusals(id: string, server: string): Promise<string[]> {
  const made = await registered(() => {
    const options = { id, server, plan: "enterprise", size: "large", instances: 2 } as const;
    makeVault("enterprise", [makeServer(options)], id);
  });
  return made.flatMap(({ type, name, inputs }) => {
    const row = aws.resources[type];
    if (!row) return [];
    const config = { region: "eu-west-1" };
    const given = aws.prepare?.(row, inputs, config) ?? inputs;
    const { failures } = check(row, name, given, undefined, new Uint8Array());
    // The mocks invent ids, so only names are judged.
    return failures
      .filter(({ property }) =>
        /name|identifier|family|bucket|description|replicationGroupId|token/i.test(property),
      )
      .map(({ property, reason }) => `${type} ${name}: ${property}: ${reason}`);
  });
}

it("refuses every name that AWS would refuse, and AWS takes all others", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(tenants, servers, async (id, server) => {
      fc.pre(awsNameProblems(id, [{ name: server }]).length === 0);
      expect(await refusals(id, server)).toEqual([]);
    }),
    { numRuns: 12, examples: [["w".repeat(24), "s".repeat(15)]] },
  );
});
