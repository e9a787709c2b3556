import { expect, it } from "vitest";
import { aws } from "./aws";
import { check } from "./resource";
import { Soles } from "./serve";

const of = (token: string) =>
  [aws.resources[token] as NonNullable<(typeof aws.resources)[string]>, token] as const;

it("ends no replication of a database with the one before it, and starts no second one", () => {
  const replication = of("aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication");
  const hmis = { region: "eu-central-1", sourceDbInstanceArn: "arn:aws:rds:eu-west-1:1:db:hmis" };
  const soles = new Soles();
  soles.isThere(...replication, hmis);
  expect(() => soles.create(...replication, hmis)).toThrow(/is there already/);
  soles.create(...replication, { ...hmis, region: "eu-west-3" });
  soles.delete(...replication, hmis);
  soles.create(...replication, hmis);
});

it("takes no lock off a vault by deleting the one before it", () => {
  const lock = of("aws:backup/vaultLockConfiguration:VaultLockConfiguration");
  const vault = { region: "eu-west-1", backupVaultName: "dhistance-moh" };
  const soles = new Soles();
  soles.isThere(...lock, vault);
  soles.create(...lock, vault);
  expect(() => soles.delete(...lock, vault)).toThrow(/what would be deleted is the new one/);
  // In the other order it is off for a moment, and on at the end.
  const again = new Soles();
  again.isThere(...lock, vault);
  again.delete(...lock, vault);
  again.create(...lock, vault);
  again.delete(...lock, vault);
});

it("refuses a schedule whose call of ECS names no task, as the scheduler does", () => {
  const [type] = of("aws:scheduler/schedule:Schedule");
  const faults = (input: object) =>
    check(
      type,
      "export",
      {
        name: "export",
        flexibleTimeWindow: { mode: "OFF" },
        scheduleExpression: "cron(0 3 * * ? *)",
        target: {
          arn: "arn:aws:scheduler:::aws-sdk:ecs:runTask",
          roleArn: "arn:aws:iam::000000000000:role/scheduler",
          input: JSON.stringify(input),
        },
      },
      undefined,
      new Uint8Array(),
    ).failures.map(({ property }) => property);
  expect(faults({ Cluster: "c", TaskDefinition: "t" })).toEqual([]);
  expect(faults({ cluster: "c", taskDefinition: "t" })).toEqual(["target.input"]);
});
