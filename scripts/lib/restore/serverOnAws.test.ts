import { expect, it } from "vitest";
import { nameOf } from "../../../components/BackupVault/onPremises";
import { adminPassword } from "../../../components/DataManagementServer/adminPassword";
import { registered } from "../../../components/testing/mocks";
import { makeServer, makeVault } from "../../../components/testing/tenant";
import { type StackState } from "../pulumi/stackState";
import { serverIn } from "./serverOnAws";

const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** What the components really ask for, as a state would have it; what a provider makes up is made up here. */
async function stackState(): Promise<StackState> {
  const made = await registered(() =>
    makeVault("premium", [makeServer(), makeServer({ server: "training", instances: 2 })]),
  );
  const secret = (value: unknown) => ({
    [SIGNATURE]: "1b47061264138c4ac30d75fd1eb44270",
    plaintext: JSON.stringify(value),
  });
  const stack = {
    type: "pulumi:pulumi:Stack",
    urn: "urn:pulumi:moh::dhistance::pulumi:pulumi:Stack::dhistance-moh",
    outputs: { servers: { training: { url: "https://training.moh.example.org" } } },
  };
  const resources = made.map(({ type, name, inputs, secret: secrets }) => ({
    type,
    urn: `urn:pulumi:moh::dhistance::${type}::${name}`,
    outputs: Object.fromEntries([
      ...Object.entries(inputs as object).map(([key, value]) => [
        key,
        secrets.includes(key) ? secret(value) : value,
      ]),
      ...(type.startsWith("random:") ? [["result", secret(`secret of ${name}`)]] : []),
      ...(type.startsWith("tls:") ? [["publicKeyPem", `public key of ${name}`]] : []),
      ...(/^aws:ecs.*:(Service|TaskDefinition)$/.test(type) ? [["arn", `arn of ${name}`]] : []),
    ]),
  }));
  return { resources: [stack, ...resources] };
}

it("finds a server's backups, their keys, the task that reaches its database, and its application in the state", async () => {
  const found = serverIn(await stackState(), "moh", "training");
  expect(found).toMatchObject({
    region: "eu-west-1",
    repositoryPassword: "secret of moh-vault-repository-password",
    publicKey: "public key of moh-vault-signing-key",
    agents: [`moh-vault-agent-${nameOf({ host: "ssh://backup@office" })}`],
    service: { arn: "arn of moh-training-application", desiredCount: 2, startSeconds: 1800 },
    url: "https://training.moh.example.org",
    adminPassword: adminPassword("secret of moh-training-admin-password"),
    secureAdmin: "arn of moh-training-secure-admin",
  });
  expect(found.repository).toMatch(
    /^s3:https:\/\/s3\.eu-west-1\.amazonaws\.com\/moh-vault-repository.*\/training$/,
  );
  const { task } = found;
  expect(task.cluster).toBe("arn:aws:ecs:eu-west-1:111122223333:cluster/cluster");
  expect(task.taskDefinition).toContain("moh-vault-export-training");
  expect(task.subnets).toHaveLength(3);
  expect(task).toMatchObject({ database: "dhis2", assignPublicIp: false, disk: { sizeGiB: 150 } });
  expect(task.server).toMatch(/^postgres:\/\/dhistance@moh-training-database.*:5432\/postgres/);
  expect(task.logGroup).toContain("training");
});

it("has a server run again whose state was refreshed while it was stopped", async () => {
  const state = await stackState();
  for (const { type, outputs } of state.resources ?? [])
    if (type === "aws:ecs/service:Service") Object.assign(outputs ?? {}, { desiredCount: 0 });
  expect(serverIn(state, "moh", "hmis").service.desiredCount).toBe(1);
});

it("says what to do with a state of a version whose tasks had no disk", async () => {
  const state = await stackState();
  for (const { type, outputs } of state.resources ?? [])
    if (type === "aws:scheduler/schedule:Schedule") Object.assign(outputs ?? {}, { target: {} });
  expect(() => serverIn(state, "moh", "hmis")).toThrow(/older version of DHIStance; run pulumi up first/);
});

it("says so when there is no such server", async () => {
  const state = await stackState();
  expect(() => serverIn(state, "moh", "other")).toThrow(/has no moh-vault-export-other .*server "other"/);
  expect(() => serverIn({}, "moh", "hmis")).toThrow(/and run pulumi up/);
});
