import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import * as grpc from "@grpc/grpc-js";
import { Struct, type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { CheckRequest, type CheckResponse } from "@pulumi/pulumi/proto/provider_pb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureToolchain } from "../../tools/toolchain";
import { ensureAwsPlugin, PLUGIN_SOURCES } from "../../tools/toolchain/mirror-only/bridge";

/** What the bridge makes of inputs before the provider sees them, asked as the engine asks it. */
let bridge: ChildProcess;
let client: ResourceProviderClient;
beforeAll(async () => {
  const { pulumi } = await ensureToolchain({ quiet: true });
  const ways = PLUGIN_SOURCES.filter(({ name }) => name.includes("bridge"));
  const { plugin } = await ensureAwsPlugin({ pulumi, quiet: true, ways });
  bridge = spawn(plugin, [], { stdio: ["ignore", "pipe", "inherit"] });
  const [port] = (await once(bridge.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  client = new ResourceProviderClient(`127.0.0.1:${Number(port)}`, grpc.credentials.createInsecure());
});
afterAll(async () => {
  client?.close();
  if (!bridge || bridge.exitCode !== null) return;
  bridge.kill("SIGINT");
  await once(bridge, "exit");
});

interface Checked {
  inputs: Record<string, unknown>;
  failures: string[];
}

function check(token: string, inputs: Record<string, JavaScriptValue>): Promise<Checked> {
  const request = new CheckRequest()
    .setUrn(`urn:pulumi:s::p::${token}::some-name`)
    .setNews(Struct.fromJavaScript(inputs))
    .setRandomseed(new Uint8Array(32).fill(7));
  return new Promise((resolve, reject) => {
    client.check(request, (error: grpc.ServiceError | null, response: CheckResponse) => {
      if (error) return reject(new Error(error.details));
      resolve({
        inputs: (response.getInputs()?.toJavaScript() ?? {}) as Record<string, unknown>,
        failures: response
          .getFailuresList()
          .map((failure) => `${failure.getProperty()}: ${failure.getReason()}`),
      });
    });
  });
}

describe("a property that the provider does not know", () => {
  it("is refused by its name, wherever it is", async () => {
    await expect(check("aws:s3/bucket:Bucket", { bucketNamespace: "x" })).rejects.toThrow(
      "the Terraform provider knows no property bucketNamespace of aws:s3/bucket:Bucket",
    );
    const rules = [{ status: "Enabled", id: "all", expiration: { days: 1, hours: 2 } }];
    await expect(
      check("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", { bucket: "b", rules }),
    ).rejects.toThrow("knows no property rules[0].expiration.hours of");
  });

  it("is not a key of a map", async () => {
    const { inputs } = await check("aws:s3/bucket:Bucket", { tags: { anyKey: "x" } });
    expect(inputs["tags"]).toEqual({ anyKey: "x" });
  });
});

describe("a name that is not given", () => {
  it("is made up from the resource's, within what AWS takes", async () => {
    const alarm = { comparisonOperator: "GreaterThanThreshold", evaluationPeriods: 1 };
    const { inputs } = await check("aws:cloudwatch/metricAlarm:MetricAlarm", alarm);
    expect(inputs["name"]).toMatch(/^some-name-[0-9a-f]{7}$/);
  });

  it("is left to the provider where its beginning is given", async () => {
    const { inputs } = await check("aws:lb/targetGroup:TargetGroup", { namePrefix: "abc-" });
    expect(inputs).not.toHaveProperty("name");
  });
});

it("sends a policy given as an object as JSON", async () => {
  const statement = {
    Effect: "Allow",
    Action: "sts:AssumeRole",
    Principal: { Service: "ecs-tasks.amazonaws.com" },
  };
  const assumeRolePolicy = { Version: "2012-10-17", Statement: [statement] };
  const { inputs } = await check("aws:iam/role:Role", { assumeRolePolicy });
  expect(JSON.parse(String(inputs["assumeRolePolicy"]))).toEqual(assumeRolePolicy);
});

it("sends a file given as an asset as its path", async () => {
  const source = {
    // How the engine marks an asset.
    "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17",
    path: __filename,
    hash: createHash("sha256").update(readFileSync(__filename)).digest("hex"),
  };
  const { inputs } = await check("aws:s3/bucketObjectv2:BucketObjectv2", { bucket: "b", key: "k", source });
  expect(inputs["source"]).toBe(__filename);
});

it("passes on what the provider refuses", async () => {
  const given = { name: "sg-mine", description: "x" };
  const refused = await check("aws:ec2/securityGroup:SecurityGroup", given).then(
    ({ failures }) => failures.join(),
    (error: Error) => error.message,
  );
  expect(refused).toContain("sg-");
});
