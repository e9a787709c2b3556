import { all, json, oneOf, pattern, rule } from "../checks";
import type { ResourceType } from "../resource";
import { ACCOUNT, arn, input, output, uuid } from "./names";

const RETENTION_DAYS = [
  ...[
    0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
    3653,
  ],
];

/** How operators learn what goes on: logs, alarms, topics, events, parameters, scaling. */
export const operations: Record<string, ResourceType> = {
  "aws:sns/topic:Topic": {
    replaceOn: ["fifoTopic", "name", "namePrefix"],
    json: ["policy", "deliveryPolicy"],
    autoName: { property: "name", maximum: 80 },
    defaults: { contentBasedDeduplication: false, fifoTopic: false },
    check: all(pattern("name", /^[\w-]{1,256}(\.fifo)?$/, "1 to 256 of A-Z a-z 0-9 _ -"), json("policy")),
    id: output("arn"),
    computed: {
      arn: arn("sns", input("name")),
      beginningArchiveTime: "",
      fifoThroughputScope: "",
      namePrefix: "",
      owner: ACCOUNT,
      policy: "",
      signatureVersion: 0,
      tracingConfig: "",
    },
  },
  "aws:sns/topicSubscription:TopicSubscription": {
    untagged: true,
    required: ["endpoint", "protocol", "topic"],
    replaceOn: ["endpoint", "protocol", "topic"],
    json: ["filterPolicy", "redrivePolicy", "deliveryPolicy"],
    defaults: { confirmationTimeoutInMinutes: 1, endpointAutoConfirms: false, rawMessageDelivery: false },
    check: all(
      oneOf(
        "protocol",
        "application",
        "email",
        "email-json",
        "firehose",
        "http",
        "https",
        "lambda",
        "sms",
        "sqs",
      ),
      pattern("topic", /^arn:aws[\w-]*:sns:/, "the ARN of a topic"),
    ),
    id: output("arn"),
    computed: {
      arn: (r) => `${r.text("topic")}:${uuid()}`,
      confirmationWasAuthenticated: false,
      filterPolicyScope: "",
      ownerId: ACCOUNT,
      // Somebody has to follow the link in the mail first.
      pendingConfirmation: (r) => r.text("protocol").startsWith("email"),
    },
  },
  "aws:sns/topicPolicy:TopicPolicy": {
    untagged: true,
    required: ["arn", "policy"],
    replaceOn: ["arn"],
    json: ["policy"],
    check: all(json("policy")),
    id: input("arn"),
    computed: { owner: ACCOUNT },
  },
  "aws:cloudwatch/logGroup:LogGroup": {
    replaceOn: ["logGroupClass", "name", "namePrefix"],
    autoName: { property: "name" },
    defaults: { retentionInDays: 0, skipDestroy: false },
    check: all(
      pattern("name", /^[\w./#-]{1,512}$/, "1 to 512 of A-Z a-z 0-9 . - _ / #"),
      oneOf("retentionInDays", ...RETENTION_DAYS),
    ),
    id: input("name"),
    computed: {
      arn: arn("logs", (r) => `log-group:${r.text("name")}`),
      deletionProtectionEnabled: false,
      logGroupClass: "STANDARD",
      namePrefix: "",
    },
  },
  "aws:cloudwatch/logMetricFilter:LogMetricFilter": {
    untagged: true,
    required: ["logGroupName", "metricTransformation", "pattern"],
    replaceOn: ["logGroupName", "name"],
    autoName: { property: "name" },
    id: input("name"),
  },
  "aws:cloudwatch/metricAlarm:MetricAlarm": {
    replaceOn: ["name"],
    sets: ["alarmActions", "insufficientDataActions", "metricQueries", "okActions"],
    autoName: { property: "name" },
    defaults: { actionsEnabled: true, treatMissingData: "missing" },
    check: all(
      rule(
        "period",
        "10, 20, 30 or a multiple of 60, in seconds",
        (period) =>
          [10, 20, 30].includes(Number(period)) || (Number(period) > 0 && Number(period) % 60 === 0),
      ),
      pattern("name", /^.{1,255}$/, "1 to 255 characters"),
    ),
    id: input("name"),
    computed: {
      arn: arn("cloudwatch", (r) => `alarm:${r.text("name")}`),
      evaluateLowSampleCountPercentiles: "",
    },
  },
  "aws:cloudwatch/eventRule:EventRule": {
    replaceOn: ["eventBusName", "name", "namePrefix"],
    json: ["eventPattern"],
    autoName: { property: "name", maximum: 64 },
    defaults: { eventBusName: "default", forceDestroy: false },
    check: all(pattern("name", /^[\w.-]{1,64}$/, "1 to 64 of A-Z a-z 0-9 . _ -"), json("eventPattern")),
    id: input("name"),
    computed: { arn: arn("events", (r) => `rule/${r.text("name")}`), namePrefix: "" },
  },
  "aws:cloudwatch/eventTarget:EventTarget": {
    untagged: true,
    required: ["arn", "rule"],
    replaceOn: ["eventBusName", "rule", "targetId"],
    json: ["input"],
    autoName: { property: "targetId" },
    defaults: { eventBusName: "default", forceDestroy: false },
    check: all(pattern("targetId", /^[\w.-]{1,64}$/, "1 to 64 of A-Z a-z 0-9 . _ -")),
    id: (r) => `${r.text("rule")}-${r.text("targetId")}`,
  },
  "aws:ssm/parameter:Parameter": {
    required: ["type"],
    replaceOn: ["dataType", "name"],
    autoName: { property: "name" },
    check: all(pattern("name", /^[\w./-]{1,2048}$/, "1 to 2048 of A-Z a-z 0-9 . - _ /")),
    id: input("name"),
    computed: {
      arn: arn("ssm", (r) => `parameter/${r.text("name").replace(/^\//, "")}`),
      dataType: "text",
      hasValueWo: false,
      insecureValue: "",
      keyId: (r) => (r.text("type") === "SecureString" ? "alias/aws/ssm" : ""),
      tier: "Standard",
      value: "",
      version: 1,
    },
  },
  "aws:appautoscaling/target:Target": {
    required: ["maxCapacity", "minCapacity", "resourceId", "scalableDimension", "serviceNamespace"],
    replaceOn: ["resourceId", "scalableDimension", "serviceNamespace"],
    id: input("resourceId"),
    computed: { arn: arn("application-autoscaling", () => `scalable-target/${uuid()}`), roleArn: "" },
  },
  "aws:appautoscaling/policy:Policy": {
    untagged: true,
    required: ["resourceId", "scalableDimension", "serviceNamespace"],
    replaceOn: ["name", "resourceId", "scalableDimension", "serviceNamespace"],
    autoName: { property: "name" },
    defaults: { policyType: "StepScaling" },
    id: input("name"),
    computed: {
      alarmArns: [],
      arn: arn(
        "autoscaling",
        (r) => `scalingPolicy:${uuid()}:resource/${r.text("resourceId")}:policyName/${r.text("name")}`,
      ),
    },
  },
};
