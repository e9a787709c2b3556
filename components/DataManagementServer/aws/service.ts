import * as ecs from "@pulumi/aws/ecs";
import * as vpc from "@pulumi/aws/vpc";
import * as pulumi from "@pulumi/pulumi";
import { alarm } from "../../aws/alarm";
import { isRehearsal } from "../../aws/runOnce";
import { APPLICATION_PORT } from "../../contract/application";
import { resourcesOn } from "../../contract/target";
import { doOnce, valueOf, type RecordArgs } from "../../doOnce";
import { SIZE_TERMS } from "../../../plans/sizes";
import type { ApplicationContext } from "./context";

interface Start {
  /** What the start is for: with a change of any of it the service is started, or waited for, again. */
  because: RecordArgs["because"];
  /** The default administrator's password is gone. */
  secured: pulumi.Resource;
}

/** The service of DHIS2, opened to the load balancer once the default administrator is gone; its start and its alarms. */
export function dhis2Service(
  context: ApplicationContext,
  task: ecs.TaskDefinition,
  { because, secured }: Start,
): void {
  const service = ecsService(context, task, secured);
  const open = openToBalancer(context, secured);
  waitForStart(context, service, { because: { taskDefinition: task.arn, ...because }, open });
  serviceAlarms(context, service);
  unhealthyAlarm(context, open);
}

function ecsService(
  { name, args, target, opts, data, tags }: ApplicationContext,
  task: ecs.TaskDefinition,
  secured: pulumi.Resource,
): ecs.Service {
  const { platform } = target;
  const endpoint = resourcesOn("aws", args.endpoint);
  return new ecs.Service(
    `${name}-application`,
    {
      cluster: platform.cluster.arn,
      taskDefinition: task.arn,
      launchType: "FARGATE",
      desiredCount: args.instances ?? 1,
      // Two versions of DHIS2 on one database would migrate it under each other: stop first, then start.
      deploymentMinimumHealthyPercent: 0,
      deploymentMaximumPercent: 100,
      // A failing start is stopped, and not rolled back: the migrated database does not fit the older version.
      deploymentCircuitBreaker: { enable: true, rollback: false },
      // The start gate: only after it does a failing health check (the endpoint's) count. A container's own health
      // check cannot take its place, since ECS gives it 300 s for the start and a migration takes hours.
      healthCheckGracePeriodSeconds: SIZE_TERMS[args.size].application.startSeconds,
      loadBalancers: [
        {
          targetGroupArn: endpoint.targetGroupArn,
          containerName: "dhis2",
          containerPort: APPLICATION_PORT,
        },
      ],
      networkConfiguration: {
        subnets: platform.network.taskSubnetIds,
        securityGroups: [data.securityGroupId],
        assignPublicIp: platform.network.assignPublicIp,
      },
      enableEcsManagedTags: true,
      propagateTags: "SERVICE",
      tags: { ...tags, Name: name },
    },
    { ...opts, dependsOn: [secured] },
  );
}

function openToBalancer(
  { name, target, opts, data, tags }: ApplicationContext,
  secured: pulumi.Resource,
): pulumi.Resource {
  return new vpc.SecurityGroupIngressRule(
    `${name}-open`,
    {
      securityGroupId: data.securityGroupId,
      referencedSecurityGroupId: target.platform.balancer.securityGroupId,
      description: "The load balancer, once the default administrator is gone",
      ipProtocol: "tcp",
      fromPort: APPLICATION_PORT,
      toPort: APPLICATION_PORT,
      tags,
    },
    { ...opts, dependsOn: [secured] },
  );
}

function waitForStart(
  { name, args, target, opts, data }: ApplicationContext,
  service: ecs.Service,
  { because, open }: { because: RecordArgs["because"]; open: pulumi.Resource },
): void {
  const { region, platform } = target;
  const title = `start of DHIS2 on ${args.server}`;
  doOnce(
    `${name}-started`,
    {
      title,
      rehearsal: isRehearsal(platform.cluster.arn),
      because,
      work: async (show) => {
        const { startOrWait } = await import("../../../operations/aws/service");
        const [id, logGroup] = await valueOf(pulumi.all([service.id, data.logs.name]));
        const { arn: cluster } = platform.cluster;
        const patience = SIZE_TERMS[args.size].application.startSeconds + 900;
        await startOrWait(
          title,
          { region, cluster, service: id, container: "dhis2", logGroup, patience },
          args.instances ?? 1,
          show,
        );
      },
    },
    { ...opts, dependsOn: [open] },
  );
}

function serviceAlarms({ name, args, target, opts, tags }: ApplicationContext, service: ecs.Service): void {
  const { platform } = target;
  const serviceMetrics = {
    topicArn: platform.alertsTopicArn,
    tags,
    namespace: "AWS/ECS",
    dimensions: { ClusterName: platform.cluster.name, ServiceName: service.name },
    statistic: "Average",
    above: 90,
    period: 300,
    periods: 6,
  } as const;
  for (const [metric, what] of [
    ["CPUUtilization", "cpu"],
    ["MemoryUtilization", "memory"],
  ] as const) {
    alarm(
      `${name}-application-${what}`,
      {
        ...serviceMetrics,
        says: `DHIS2 on ${args.server} (${args.tenant.id}) has used more than 90% of its ${what} for half an hour.`,
        section: `application-${what}`,
        metric,
      },
      opts,
    );
  }
}

/** It is meant to be down before it is open. */
function unhealthyAlarm({ name, args, target, opts, tags }: ApplicationContext, open: pulumi.Resource): void {
  const { platform } = target;
  const endpoint = resourcesOn("aws", args.endpoint);
  alarm(
    `${name}-unhealthy`,
    {
      topicArn: platform.alertsTopicArn,
      tags,
      says: `DHIS2 on ${args.server} (${args.tenant.id}) does not answer: ${args.hostname} is down.`,
      section: "unhealthy",
      namespace: "AWS/ApplicationELB",
      metric: "HealthyHostCount",
      dimensions: {
        LoadBalancer: platform.balancer.arnSuffix,
        TargetGroup: endpoint.targetGroupSuffix,
      },
      statistic: "Maximum",
      below: 1,
      period: 60,
      periods: 5,
      silence: "breaching",
    },
    { ...opts, dependsOn: [open] },
  );
}
