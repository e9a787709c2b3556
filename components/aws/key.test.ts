import { expect, it } from "vitest";
import { ofType, registered } from "../testing/mocks";
import { encryptionKey } from "./key";

it("is turned over every year, has its name, and serves the services and logs that it is for", async () => {
  const made = await registered(() =>
    encryptionKey(
      "key",
      {
        description: "Everything",
        alias: "dhistance/moh",
        accountId: "111122223333",
        region: "eu-west-1",
        logGroups: "/dhistance/moh",
        services: ["cloudwatch.amazonaws.com"],
        deletionWindowInDays: 30,
        tags: {},
      },
      {},
    ),
  );
  const [key] = ofType(made, "aws:kms/key:Key");
  expect(key?.inputs).toMatchObject({ enableKeyRotation: true, deletionWindowInDays: 30 });
  const { Statement } = JSON.parse(key?.inputs.policy as string) as { Statement: { Principal: object }[] };
  expect(Statement.map(({ Principal }) => Principal)).toEqual([
    { AWS: "arn:aws:iam::111122223333:root" },
    { Service: "logs.eu-west-1.amazonaws.com" },
    { Service: "cloudwatch.amazonaws.com" },
  ]);
  expect(ofType(made, "aws:kms/alias:Alias")[0]?.inputs).toMatchObject({
    name: "alias/dhistance/moh",
    targetKeyId: "key-id",
  });
});
