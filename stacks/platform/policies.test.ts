import * as pulumi from "@pulumi/pulumi";
import { beforeAll, expect, it } from "vitest";
import { registered } from "../../components/testing/mocks";
import { broad, statements, type Placed } from "../../components/testing/policies";
import { platform } from "./program";

/** Least privilege, over every policy of a platform. */
let all: Placed[];
beforeAll(async () => {
  const made = await registered(async () => {
    pulumi.runtime.setAllConfig({
      "dhistance-platform:platform": JSON.stringify({
        region: "eu-west-1",
        zone: "moh.example.org",
        alerts: ["ops@example.org"],
        images: { jobs: "r.example.org/jobs:1.0.0", agent: "r.example.org/jobs:1.0.0" },
      }),
    });
    await platform();
  });
  all = statements(made);
});

it("names actions and things in every policy", () => {
  const { anyAction, anyThing, anybody } = broad(all);
  // The account itself, so that a key whose policy is wrong can still be mended.
  expect(anyAction).toEqual(["aws:kms/key:Key key: AccountGovernsByIam"]);
  // In a key's own policy * is that key.
  expect(anyThing).toEqual([
    "aws:kms/key:Key key: AccountGovernsByIam",
    "aws:kms/key:Key key: kms:Decrypt,kms:GenerateDataKey",
  ]);
  expect(anybody).toEqual([]);
});

it("lets AWS's services in, each to one thing, and on behalf of our account alone", () => {
  const services = all.flatMap(({ statement }) => {
    const { Service } = (statement.Principal ?? {}) as { Service?: string };
    return Service ? [{ ...statement, Service }] : [];
  });
  const ours = services.filter(({ Condition }) =>
    JSON.stringify(Condition ?? {}).includes('"aws:SourceAccount":"111122223333"'),
  );
  expect(ours.map(({ Service, Action }) => `${Service} ${Action.join()}`).sort()).toEqual([
    "cloudwatch.amazonaws.com sns:Publish",
    "logging.s3.amazonaws.com s3:PutObject",
  ]);
  const others = services.filter((statement) => !ours.includes(statement));
  expect(others.map(({ Service, Resource }) => [Service, Resource])).toEqual([
    // AWS documents no account for alarms at a key; the topic, which alone uses it for them, lets in our account's only.
    ["cloudwatch.amazonaws.com", ["*"]],
    // AWS documents none for load balancers either: the account stands in the place they may write to.
    [
      "logdelivery.elasticloadbalancing.amazonaws.com",
      [expect.stringMatching(/dhistance-logs\/balancer\/AWSLogs\/111122223333\/\*$/)],
    ],
  ]);
});
