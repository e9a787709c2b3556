import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { ensureToolchain } from "../../tools/toolchain";
import { ensureAwsPlugin, PLUGIN_SOURCES } from "../../tools/toolchain/mirror-only/bridge";
import { differences, schemaFields, Sdk, type PackageSchema } from "./shapes";

/**
 * The bridge's tables (tools/toolchain/mirror-only/bridge/resources.go) against the SDK's own type declarations: what a program can
 * write arrives, and what comes back is where the SDK looks for it.
 */
const ROOT = path.resolve(__dirname, "../..");
const sdk = new Sdk();
let schema: PackageSchema;
beforeAll(async () => {
  const { pulumi } = await ensureToolchain({ quiet: true });
  const ways = PLUGIN_SOURCES.filter(({ name }) => name.includes("bridge"));
  const { plugin } = await ensureAwsPlugin({ pulumi, quiet: true, ways });
  const { stdout } = await promisify(execFile)(plugin, ["schema"], { maxBuffer: 1 << 28 });
  schema = JSON.parse(stdout) as PackageSchema;
});

/** Every type of @pulumi/aws that the programs and components make, as tokens. */
function used(): string[] {
  const folders = ["components", "stacks"].map((folder) => path.join(ROOT, folder));
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => /(?<!\.test)\.ts$/.test(file))
      .map((file) => path.join(folder, file)),
  );
  const tokens = files.flatMap((file) => {
    const text = readFileSync(file, "utf8");
    const imports = text.matchAll(/import \* as (\w+) from "@pulumi\/aws\/(\w+)"/g);
    return [...imports].flatMap(([, name, module]) =>
      [...text.matchAll(new RegExp(`\\bnew ${name}\\.([A-Z]\\w*)\\(`, "g"))].map(([, type = ""]) => {
        return `aws:${module}/${type.charAt(0).toLowerCase()}${type.slice(1)}:${type}`;
      }),
    );
  });
  return [...new Set(tokens)].sort();
}

/**
 * What the provider behind the bridge, a major older, still has and the SDK has no more, and what only Terraform's
 * own language writes: a program can neither give nor read it.
 */
const NO_MORE = [
  /\.(timeouts|tagsAll): only in the bridge$/,
  /^provider\.endpoints\[\]\.\w+: only in the bridge$/,
  /^aws:ec2\/eip:Eip \w+\.vpc: /,
  /^aws:ecs\/taskDefinition:TaskDefinition \w+\.inferenceAccelerators: /,
  /^aws:\w+\/get\w+:get\w+ in\.id: /,
];
/** The bridge refuses it by name when a program gives it; nothing of the SDK's can be lost without a word. */
const NOT_YET = / in\.\S+: only in the SDK$|^provider\.\S+: only in the SDK$/;

/** The same of what is inside something that both have. */
const NESTED = / out\.\w+(\[\])?\..+: only in the SDK$/;
/** What only the newer provider gives: a program that reads it finds nothing. */
const NEWER = [
  "aws:ec2/natGateway:NatGateway out.autoProvisionZones: only in the SDK",
  "aws:ec2/natGateway:NatGateway out.autoScalingIps: only in the SDK",
  "aws:ec2/natGateway:NatGateway out.regionalNatGatewayAddresses: only in the SDK",
  "aws:ec2/natGateway:NatGateway out.regionalNatGatewayAutoMode: only in the SDK",
  "aws:ec2/natGateway:NatGateway out.routeTableId: only in the SDK",
  // The bridge gives it from the id.
  "aws:ecs/service:Service out.arn: only in the SDK",
  "aws:rds/instance:Instance out.upgradeRolloutOrder: only in the SDK",
  "aws:s3/bucket:Bucket out.bucketRegion: only in the SDK",
  "aws:secretsmanager/secretVersion:SecretVersion out.secretArn: only in the SDK",
  "aws:rds/getOrderableDbInstance:getOrderableDbInstance out.region: only in the SDK",
  "aws:index/getAvailabilityZones:getAvailabilityZones out.region: only in the SDK",
];

const telling = (all: string[]) =>
  all.filter((difference) => !NOT_YET.test(difference) && !NO_MORE.some((known) => known.test(difference)));

it("hold every type that the programs and components make", () => {
  const types = used();
  expect(types.length).toBeGreaterThan(30);
  expect(types.filter((token) => !schema.resources[token])).toEqual([]);
});

it("agree with the SDK on how the provider is configured", () => {
  const { inputProperties } = schema.provider;
  const found = differences(sdk.providerInputs(), schemaFields(schema, inputProperties), "provider");
  expect(telling(found)).toEqual([]);
});

describe("of each type", () => {
  it("agree with the SDK on what it takes", () => {
    const found = Object.entries(schema.resources).flatMap(([token, { inputProperties }]) =>
      differences(sdk.resource(token).inputs, schemaFields(schema, inputProperties), `${token} in`),
    );
    expect(telling(found)).toEqual([]);
  });

  it("agree with the SDK on what it gives", () => {
    const found = Object.entries(schema.resources).flatMap(([token, { properties }]) => {
      const { inputs, outputs } = sdk.resource(token);
      // What a program cannot give it need not read either.
      const given = Object.entries(outputs).filter(([name]) => properties?.[name] || !inputs[name]);
      return differences(Object.fromEntries(given), schemaFields(schema, properties), `${token} out`);
    });
    expect(
      telling(found).filter((difference) => !NESTED.test(difference) && !NEWER.includes(difference)),
    ).toEqual([]);
  });
});

it("agree with the SDK on functions", () => {
  const found = Object.entries(schema.functions)
    .filter(([token]) => token.startsWith("aws:"))
    .flatMap(([token, { inputs, outputs }]) => {
      const there = sdk.function(token);
      return [
        ...differences(there.inputs, schemaFields(schema, inputs?.properties), `${token} in`),
        ...differences(there.outputs, schemaFields(schema, outputs?.properties), `${token} out`),
      ];
    });
  expect(telling(found).filter((difference) => !NEWER.includes(difference))).toEqual([]);
});
