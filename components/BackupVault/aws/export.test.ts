import { beforeAll, describe, expect, it } from "vitest";
import { SIZES } from "../../../plans/plans";
import {
  DISK_LIMIT_GIB,
  whereIn,
  requestIn,
  schedulerInput,
  taskRequest,
} from "../../../operations/aws/taskRequest";
import { jobDisks } from "../../DataManagementServer/sizes";
import { SIZE_TERMS } from "../../../plans/sizes";
import { ofType, one, registered, type Registration } from "../../testing/mocks";
import { allows, statements, type Call } from "../../testing/policies";
import { makeServer, makeVault, PLATFORM, TARGET } from "../../testing/tenant";

const CLUSTER = PLATFORM.cluster.arn;

interface Definition {
  taskRoleArn: string;
  executionRoleArn: string;
  containerDefinitions: string;
  volumes: { name: string; configureAtLaunch?: boolean }[];
}

/**
 * What ECS asks of whoever starts a task (Service Authorization Reference; Developer Guide, "Tag resources on creation"
 * and "Infrastructure IAM role").
 */
function asked(input: string, definition: Definition): Call[] {
  const request = JSON.parse(input) as {
    Cluster: string;
    TaskDefinition: string;
    PropagateTags?: string;
    VolumeConfigurations?: { ManagedEBSVolume: { RoleArn: string } }[];
  };
  const pass = (resource: string, to: string): Call => ({
    action: "iam:PassRole",
    resource,
    context: { "iam:PassedToService": to },
  });
  const calls: Call[] = [
    { action: "ecs:RunTask", resource: request.TaskDefinition, context: { "ecs:cluster": request.Cluster } },
    pass(definition.taskRoleArn, "ecs-tasks.amazonaws.com"),
    pass(definition.executionRoleArn, "ecs-tasks.amazonaws.com"),
    ...(request.VolumeConfigurations ?? []).map(({ ManagedEBSVolume }) =>
      pass(ManagedEBSVolume.RoleArn, "ecs.amazonaws.com"),
    ),
  ];
  if (request.PropagateTags)
    calls.push({
      action: "ecs:TagResource",
      resource: `${request.Cluster.replace(":cluster/", ":task/")}/0123456789abcdef`,
      context: { "ecs:CreateAction": "RunTask" },
    });
  return calls;
}

describe("the daily exports and drills on AWS", () => {
  let made: Registration[];
  let schedules: { name: string; input: string; definition: Definition; role: string }[];
  beforeAll(async () => {
    made = await registered(() =>
      makeVault("enterprise", [
        makeServer({ plan: "enterprise", size: "large" }),
        makeServer({ plan: "enterprise", server: "training" }),
      ]),
    );
    schedules = ofType(made, "aws:scheduler/schedule:Schedule").map(({ name, inputs }) => ({
      name,
      input: inputs.target.input as string,
      role: String(inputs.target.roleArn).split(":").at(-1) ?? "",
      definition: one(made, "aws:ecs/taskDefinition:TaskDefinition", name).inputs as Definition,
    }));
  });

  it("start: the scheduler's role may do all that ECS asks of it, so that backups are made at all", () => {
    expect(schedules.map(({ name }) => name)).toEqual([
      "moh-vault-drill-hmis",
      "moh-vault-drill-training",
      "moh-vault-export-hmis",
      "moh-vault-export-training",
    ]);
    for (const { name, input, definition, role } of schedules) {
      const policies = statements(made)
        .filter(({ where, trust }) => !trust && where.includes(` ${role}-policy:`))
        .map(({ statement }) => statement);
      const calls = asked(input, definition);
      expect(calls.map(({ action }) => action)).toContain("ecs:TagResource");
      for (const call of calls) expect(allows(policies, call), `${name}: ${JSON.stringify(call)}`).toBe(true);
      // And no more than that.
      const [run, tag] = [calls[0] as Call, calls.at(-1) as Call];
      expect(allows(policies, { ...run, context: { "ecs:cluster": `${CLUSTER}-other` } })).toBe(false);
      expect(allows(policies, { ...tag, context: {} })).toBe(false);
      expect(allows(policies, { ...tag, resource: `${CLUSTER}-other` })).toBe(false);
    }
  });

  it("have a disk that holds the largest database of the size, encrypted under the tenant's key", () => {
    for (const { name, input, definition } of schedules) {
      const size = name.endsWith("hmis") ? "large" : "small";
      const { disk } = whereIn(requestIn(input));
      const room = jobDisks(size)[name.includes("drill") ? "drill" : "dump"];
      expect(disk, name).toEqual({ sizeGiB: room, keyArn: TARGET.keyArn, roleArn: TARGET.diskRoleArn });
      // The volume that is left to the start is the one that the job writes to.
      expect(definition.volumes.filter(({ configureAtLaunch }) => configureAtLaunch)).toEqual([
        { name: "scratch", configureAtLaunch: true },
      ]);
      const [{ mountPoints }] = JSON.parse(definition.containerDefinitions);
      expect(mountPoints).toContainEqual({ sourceVolume: "scratch", containerPath: "/tmp", readOnly: false });
    }
  });

  it("are asked for in the words that the scheduler takes", () => {
    expect(JSON.parse(schedules.find(({ name }) => name.endsWith("export-hmis"))?.input ?? "")).toEqual({
      Cluster: CLUSTER,
      TaskDefinition: expect.stringContaining("moh-vault-export-hmis"),
      LaunchType: "FARGATE",
      PropagateTags: "TASK_DEFINITION",
      NetworkConfiguration: {
        AwsvpcConfiguration: {
          Subnets: ["subnet-a", "subnet-b", "subnet-c"],
          SecurityGroups: [expect.stringContaining("moh-hmis")],
          AssignPublicIp: "DISABLED",
        },
      },
      VolumeConfigurations: [
        {
          Name: "scratch",
          ManagedEBSVolume: {
            VolumeType: "gp3",
            SizeInGiB: 6000,
            Encrypted: true,
            KmsKeyId: TARGET.keyArn,
            RoleArn: TARGET.diskRoleArn,
            TerminationPolicy: { DeleteOnTermination: true },
          },
        },
      ],
    });
  });
});

it("no size has a database whose backup or drill does not fit on a task's disk", () => {
  for (const size of SIZES) {
    const { dump, drill } = jobDisks(size);
    expect(dump, size).toBeGreaterThanOrEqual(SIZE_TERMS[size].database.storageLimitGiB);
    expect(drill - dump, size).toBeGreaterThanOrEqual(SIZE_TERMS[size].database.storageLimitGiB);
    expect(drill, size).toBeLessThanOrEqual(DISK_LIMIT_GIB);
    for (const disk of [dump, drill]) expect(Number.isInteger(disk)).toBe(true);
  }
});

it("a restore asks for the disk and the network that the export has", () => {
  const where = {
    cluster: CLUSTER,
    taskDefinition: "arn:aws:ecs:eu-west-1:111122223333:task-definition/export:1",
    subnets: ["subnet-a"],
    securityGroups: ["sg-1"],
    assignPublicIp: true,
    disk: { sizeGiB: 750, keyArn: "key", roleArn: "role" },
  };
  expect(whereIn(requestIn(schedulerInput(taskRequest(where))))).toEqual(where);
  const { disk: _, ...without } = where;
  expect(whereIn(requestIn(schedulerInput(taskRequest(without))))).toEqual(without);
});
