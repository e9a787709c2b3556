import { all, arn, between, oneOf } from "../checks";
import type { Failure } from "../resource";
import type { Properties } from "../values";

/**
 * What the real provider (terraform-provider-aws 5.100.0) allows in single inputs, found by giving it others. A path
 * goes through lists and blocks alike.
 */
interface Constraints {
  /** They hold ARNs. */
  arns?: string[];
  /** They hold one of these words. */
  values?: Record<string, string>;
  /** They hold a number from here to there, both included. */
  ranges?: Record<string, [least: number, most?: number]>;
}

const CONSTRAINTS: Record<string, Constraints> = {
  "aws:acm/certificate:Certificate": {
    arns: ["certificateAuthorityArn"],
    values: {
      keyAlgorithm: "RSA_1024 RSA_2048 RSA_3072 RSA_4096 EC_prime256v1 EC_secp384r1 EC_secp521r1",
      validationMethod: "EMAIL DNS HTTP",
      "options.certificateTransparencyLoggingPreference": "ENABLED DISABLED",
    },
  },
  "aws:appautoscaling/policy:Policy": {
    values: {
      "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification.statistic":
        "Average Minimum Maximum SampleCount Sum",
    },
  },
  "aws:backup/restoreTestingPlan:RestoreTestingPlan": {
    arns: ["recoveryPointSelection.excludeVaults", "recoveryPointSelection.includeVaults"],
    values: { "recoveryPointSelection.algorithm": "LATEST_WITHIN_WINDOW RANDOM_WITHIN_WINDOW" },
    ranges: { startWindowHours: [0, 168], "recoveryPointSelection.selectionWindowDays": [1, 365] },
  },
  "aws:backup/restoreTestingSelection:RestoreTestingSelection": {
    arns: ["iamRoleArn", "protectedResourceArns"],
    ranges: { validationWindowHours: [1, 168] },
  },
  "aws:backup/selection:Selection": { arns: ["iamRoleArn"] },
  "aws:backup/vault:Vault": { arns: ["kmsKeyArn"] },
  "aws:backup/vaultLockConfiguration:VaultLockConfiguration": { ranges: { changeableForDays: [3] } },
  "aws:backup/vaultNotifications:VaultNotifications": {
    arns: ["snsTopicArn"],
    values: {
      backupVaultEvents:
        "BACKUP_JOB_STARTED BACKUP_JOB_COMPLETED BACKUP_JOB_SUCCESSFUL BACKUP_JOB_FAILED BACKUP_JOB_EXPIRED RESTORE_JOB_STARTED RESTORE_JOB_COMPLETED RESTORE_JOB_SUCCESSFUL RESTORE_JOB_FAILED COPY_JOB_STARTED COPY_JOB_SUCCESSFUL COPY_JOB_FAILED RECOVERY_POINT_MODIFIED BACKUP_PLAN_CREATED BACKUP_PLAN_MODIFIED S3_BACKUP_OBJECT_FAILED S3_RESTORE_OBJECT_FAILED RECOVERY_POINT_INDEX_COMPLETED RECOVERY_POINT_INDEX_DELETED RECOVERY_POINT_INDEXING_FAILED",
    },
  },
  "aws:cloudwatch/eventRule:EventRule": {
    arns: ["roleArn"],
    values: { state: "ENABLED DISABLED ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" },
  },
  "aws:cloudwatch/eventTarget:EventTarget": {
    arns: ["arn", "roleArn", "deadLetterConfig.arn", "ecsTarget.taskDefinitionArn"],
    values: {
      "ecsTarget.launchType": "EC2 FARGATE EXTERNAL",
      "ecsTarget.propagateTags": "TASK_DEFINITION",
      "ecsTarget.orderedPlacementStrategies.type": "random spread binpack",
    },
    ranges: {
      "ecsTarget.taskCount": [1, 2147483647],
      "retryPolicy.maximumEventAgeInSeconds": [0, 86400],
      "retryPolicy.maximumRetryAttempts": [0, 185],
    },
  },
  "aws:cloudwatch/logGroup:LogGroup": { values: { logGroupClass: "STANDARD INFREQUENT_ACCESS DELIVERY" } },
  "aws:cloudwatch/logMetricFilter:LogMetricFilter": {
    values: {
      "metricTransformation.unit":
        "Seconds Microseconds Milliseconds Bytes Kilobytes Megabytes Gigabytes Terabytes Bits Kilobits Megabits Gigabits Terabits Percent Count Bytes/Second Kilobytes/Second Megabytes/Second Gigabytes/Second Terabytes/Second Bits/Second Kilobits/Second Megabits/Second Gigabits/Second Terabits/Second Count/Second None",
    },
  },
  "aws:cloudwatch/metricAlarm:MetricAlarm": {
    arns: ["alarmActions", "insufficientDataActions", "okActions"],
    values: {
      comparisonOperator:
        "GreaterThanOrEqualToThreshold GreaterThanThreshold LessThanThreshold LessThanOrEqualToThreshold LessThanLowerOrGreaterThanUpperThreshold LessThanLowerThreshold GreaterThanUpperThreshold",
      evaluateLowSampleCountPercentiles: "evaluate ignore",
      statistic: "SampleCount Average Sum Minimum Maximum",
      treatMissingData: "breaching ignore missing notBreaching",
      unit: "Seconds Microseconds Milliseconds Bytes Kilobytes Megabytes Gigabytes Terabytes Bits Kilobits Megabits Gigabits Terabits Percent Count Bytes/Second Kilobytes/Second Megabytes/Second Gigabytes/Second Terabytes/Second Bits/Second Kilobits/Second Megabits/Second Gigabits/Second Terabits/Second Count/Second None",
    },
    ranges: { datapointsToAlarm: [1], evaluationPeriods: [1] },
  },
  "aws:ec2/eip:Eip": { values: { domain: "vpc standard" } },
  "aws:ec2/flowLog:FlowLog": {
    arns: ["deliverCrossAccountRole", "iamRoleArn", "logDestination"],
    values: { maxAggregationInterval: "60 600", trafficType: "ACCEPT REJECT ALL" },
  },
  "aws:ec2/natGateway:NatGateway": { values: { connectivityType: "private public" } },
  "aws:ec2/securityGroupRule:SecurityGroupRule": { values: { type: "egress ingress" } },
  "aws:ec2/subnet:Subnet": { values: { privateDnsHostnameTypeOnLaunch: "ip-name resource-name" } },
  "aws:ec2/vpc:Vpc": { values: { instanceTenancy: "default dedicated" } },
  "aws:ec2/vpcEndpoint:VpcEndpoint": {
    arns: ["resourceConfigurationArn", "serviceNetworkArn"],
    values: {
      ipAddressType: "ipv4 dualstack ipv6",
      vpcEndpointType: "Interface Gateway GatewayLoadBalancer Resource ServiceNetwork",
      "dnsOptions.dnsRecordIpType": "ipv4 dualstack ipv6 service-defined",
    },
  },
  "aws:ecr/repository:Repository": {
    values: {
      imageTagMutability: "MUTABLE IMMUTABLE MUTABLE_WITH_EXCLUSION IMMUTABLE_WITH_EXCLUSION",
      "encryptionConfigurations.encryptionType": "AES256 KMS KMS_DSSE",
    },
  },
  "aws:ecs/cluster:Cluster": {
    values: { "configuration.executeCommandConfiguration.logging": "NONE DEFAULT OVERRIDE" },
  },
  "aws:ecs/service:Service": {
    arns: ["serviceRegistries.registryArn"],
    values: {
      availabilityZoneRebalancing: "ENABLED DISABLED",
      launchType: "EC2 FARGATE EXTERNAL",
      propagateTags: "TASK_DEFINITION SERVICE NONE",
      schedulingStrategy: "REPLICA DAEMON",
      "deploymentController.type": "ECS CODE_DEPLOY EXTERNAL",
      "orderedPlacementStrategies.type": "random spread binpack",
    },
    ranges: {
      healthCheckGracePeriodSeconds: [0, 2147483647],
      "serviceRegistries.containerPort": [0, 65536],
      "serviceRegistries.port": [0, 65536],
    },
  },
  "aws:ecs/taskDefinition:TaskDefinition": {
    arns: ["executionRoleArn", "taskRoleArn"],
    values: {
      ipcMode: "host task none",
      networkMode: "bridge host awsvpc none",
      pidMode: "host task",
      requiresCompatibilities: "EC2 FARGATE EXTERNAL",
      "runtimePlatform.cpuArchitecture": "X86_64 ARM64",
    },
    ranges: { "ephemeralStorage.sizeInGib": [21, 200] },
  },
  "aws:efs/backupPolicy:BackupPolicy": { values: { "backupPolicy.status": "DISABLED ENABLED" } },
  "aws:efs/fileSystem:FileSystem": {
    arns: ["kmsKeyId"],
    values: {
      performanceMode: "generalPurpose maxIO",
      throughputMode: "bursting provisioned elastic",
      "lifecyclePolicies.transitionToArchive":
        "AFTER_1_DAY AFTER_7_DAYS AFTER_14_DAYS AFTER_30_DAYS AFTER_60_DAYS AFTER_90_DAYS AFTER_180_DAYS AFTER_270_DAYS AFTER_365_DAYS",
      "lifecyclePolicies.transitionToIa":
        "AFTER_7_DAYS AFTER_14_DAYS AFTER_30_DAYS AFTER_60_DAYS AFTER_90_DAYS AFTER_1_DAY AFTER_180_DAYS AFTER_270_DAYS AFTER_365_DAYS",
      "protection.replicationOverwrite": "ENABLED DISABLED",
    },
  },
  "aws:iam/role:Role": {
    arns: ["managedPolicyArns", "permissionsBoundary"],
    ranges: { maxSessionDuration: [3600, 43200] },
  },
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": { arns: ["policyArn"] },
  "aws:kms/key:Key": {
    values: { keyUsage: "SIGN_VERIFY ENCRYPT_DECRYPT GENERATE_VERIFY_MAC KEY_AGREEMENT" },
    ranges: { deletionWindowInDays: [7, 30] },
  },
  "aws:kms/replicaKey:ReplicaKey": { arns: ["primaryKeyArn"], ranges: { deletionWindowInDays: [7, 30] } },
  "aws:lb/listener:Listener": {
    arns: ["certificateArn", "loadBalancerArn", "defaultActions.targetGroupArn"],
    values: {
      alpnPolicy: "HTTP1Only HTTP2Only HTTP2Optional HTTP2Preferred None",
      "defaultActions.type": "forward authenticate-oidc authenticate-cognito redirect fixed-response",
      "defaultActions.fixedResponse.contentType":
        "text/plain text/css text/html application/javascript application/json",
      "defaultActions.redirect.protocol": "#{protocol} HTTP HTTPS",
      "defaultActions.redirect.statusCode": "HTTP_301 HTTP_302",
    },
    ranges: { port: [1, 65535], tcpIdleTimeoutSeconds: [60, 6000], "defaultActions.order": [1, 50000] },
  },
  "aws:lb/listenerCertificate:ListenerCertificate": { arns: ["certificateArn", "listenerArn"] },
  "aws:lb/listenerRule:ListenerRule": {
    arns: ["listenerArn", "actions.targetGroupArn"],
    values: {
      "actions.type": "forward authenticate-oidc authenticate-cognito redirect fixed-response",
      "actions.fixedResponse.contentType":
        "text/plain text/css text/html application/javascript application/json",
      "actions.redirect.protocol": "#{protocol} HTTP HTTPS",
      "actions.redirect.statusCode": "HTTP_301 HTTP_302",
    },
    ranges: { "actions.order": [1, 50000] },
  },
  "aws:lb/loadBalancer:LoadBalancer": {
    values: {
      desyncMitigationMode: "monitor defensive strictest",
      dnsRecordClientRoutingPolicy:
        "availability_zone_affinity partial_availability_zone_affinity any_availability_zone",
      enforceSecurityGroupInboundRulesOnPrivateLinkTraffic: "on off",
      ipAddressType: "ipv4 dualstack dualstack-without-public-ipv4",
      loadBalancerType: "application network gateway",
      xffHeaderProcessingMode: "append preserve remove",
    },
  },
  "aws:lb/targetGroup:TargetGroup": {
    values: {
      ipAddressType: "ipv4 ipv6",
      loadBalancingAlgorithmType: "round_robin least_outstanding_requests weighted_random",
      loadBalancingAnomalyMitigation: "on off",
      loadBalancingCrossZoneEnabled: "true false use_load_balancer_configuration",
      protocolVersion: "GRPC HTTP1 HTTP2",
      targetType: "instance ip lambda alb",
      "healthCheck.protocol": "HTTP HTTPS TCP",
      "stickiness.type": "lb_cookie app_cookie source_ip source_ip_dest_ip source_ip_dest_ip_proto",
      "targetFailovers.onDeregistration": "rebalance no_rebalance",
      "targetFailovers.onUnhealthy": "rebalance no_rebalance",
    },
    ranges: {
      port: [1, 65535],
      "healthCheck.healthyThreshold": [2, 10],
      "healthCheck.interval": [5, 300],
      "healthCheck.timeout": [2, 120],
      "healthCheck.unhealthyThreshold": [2, 10],
      "stickiness.cookieDuration": [0, 604800],
      "targetGroupHealth.unhealthyStateRouting.minimumHealthyTargetsPercentage": [0, 100],
    },
  },
  "aws:rds/instance:Instance": {
    arns: ["kmsKeyId", "monitoringRoleArn", "performanceInsightsKmsKeyId"],
    values: {
      databaseInsightsMode: "standard advanced",
      engineLifecycleSupport: "open-source-rds-extended-support open-source-rds-extended-support-disabled",
      monitoringInterval: "0 1 5 10 15 30 60",
      networkType: "DUAL IPV4",
      replicaMode: "open-read-only mounted",
    },
    ranges: { backupRetentionPeriod: [0, 35] },
  },
  "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": {
    arns: ["kmsKeyId", "sourceDbInstanceArn"],
  },
  "aws:rolesanywhere/trustAnchor:TrustAnchor": {
    arns: ["source.sourceData.acmPcaArn"],
    values: { "source.sourceType": "AWS_ACM_PCA CERTIFICATE_BUNDLE SELF_SIGNED_REPOSITORY" },
  },
  "aws:route53/healthCheck:HealthCheck": {
    arns: ["routingControlArn"],
    values: {
      insufficientDataHealthStatus: "Healthy Unhealthy LastKnownStatus",
      requestInterval: "10 30",
      type: "HTTP HTTPS HTTP_STR_MATCH HTTPS_STR_MATCH TCP CALCULATED CLOUDWATCH_METRIC RECOVERY_CONTROL",
    },
    ranges: { failureThreshold: [1, 10], port: [1, 65535] },
  },
  "aws:route53/record:Record": {
    values: { type: "SOA A TXT NS CNAME MX NAPTR PTR SRV SPF AAAA CAA DS TLSA SSHFP SVCB HTTPS" },
  },
  "aws:s3/bucket:Bucket": {
    values: {
      acl: "private public-read public-read-write authenticated-read aws-exec-read log-delivery-write",
      "objectLockConfiguration.objectLockEnabled": "Enabled",
      "serverSideEncryptionConfiguration.rule.applyServerSideEncryptionByDefault.sseAlgorithm":
        "AES256 aws:kms aws:kms:dsse",
    },
    ranges: { "objectLockConfiguration.rule.defaultRetention.years": [1] },
  },
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {
    values: { "rules.status": "Disabled Enabled" },
    ranges: {
      "rules.filter.and.objectSizeGreaterThan": [0],
      "rules.filter.and.objectSizeLessThan": [1],
      "rules.noncurrentVersionExpiration.newerNoncurrentVersions": [1],
      "rules.noncurrentVersionExpiration.noncurrentDays": [1],
    },
  },
  "aws:s3/bucketLogging:BucketLogging": {
    values: { "targetObjectKeyFormat.partitionedPrefix.partitionDateSource": "EventTime DeliveryTime" },
  },
  "aws:s3/bucketObject:BucketObject": {
    arns: ["kmsKeyId"],
    values: {
      acl: "private public-read public-read-write authenticated-read aws-exec-read bucket-owner-read bucket-owner-full-control",
      objectLockLegalHoldStatus: "ON OFF",
      objectLockMode: "GOVERNANCE COMPLIANCE",
      serverSideEncryption: "AES256 aws:kms aws:kms:dsse",
    },
  },
  "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": {
    values: { objectLockEnabled: "Enabled", "rule.defaultRetention.mode": "GOVERNANCE COMPLIANCE" },
  },
  "aws:s3/bucketObjectv2:BucketObjectv2": {
    arns: ["kmsKeyId"],
    values: {
      acl: "private public-read public-read-write authenticated-read aws-exec-read bucket-owner-read bucket-owner-full-control",
      objectLockLegalHoldStatus: "ON OFF",
      objectLockMode: "GOVERNANCE COMPLIANCE",
      serverSideEncryption: "AES256 aws:kms aws:kms:dsse",
    },
  },
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": {
    values: { "rule.objectOwnership": "BucketOwnerPreferred ObjectWriter BucketOwnerEnforced" },
  },
  "aws:s3/bucketVersioning:BucketVersioning": {
    values: {
      "versioningConfiguration.mfaDelete": "Enabled Disabled",
      "versioningConfiguration.status": "Enabled Suspended Disabled",
    },
  },
  "aws:scheduler/schedule:Schedule": {
    arns: [
      "kmsKeyArn",
      "target.arn",
      "target.roleArn",
      "target.deadLetterConfig.arn",
      "target.ecsParameters.taskDefinitionArn",
    ],
    values: {
      state: "ENABLED DISABLED",
      "flexibleTimeWindow.mode": "OFF FLEXIBLE",
      "target.ecsParameters.launchType": "EC2 FARGATE EXTERNAL",
      "target.ecsParameters.propagateTags": "TASK_DEFINITION",
    },
    ranges: {
      "flexibleTimeWindow.maximumWindowInMinutes": [1, 1440],
      "target.ecsParameters.taskCount": [0, 10],
      "target.retryPolicy.maximumEventAgeInSeconds": [60, 86400],
      "target.retryPolicy.maximumRetryAttempts": [0, 185],
    },
  },
  "aws:secretsmanager/secretPolicy:SecretPolicy": { arns: ["secretArn"] },
  "aws:sns/topic:Topic": {
    arns: [
      "applicationFailureFeedbackRoleArn",
      "applicationSuccessFeedbackRoleArn",
      "firehoseFailureFeedbackRoleArn",
      "firehoseSuccessFeedbackRoleArn",
      "httpFailureFeedbackRoleArn",
      "httpSuccessFeedbackRoleArn",
      "lambdaFailureFeedbackRoleArn",
      "lambdaSuccessFeedbackRoleArn",
    ],
    values: { fifoThroughputScope: "Topic MessageGroup", tracingConfig: "Active PassThrough" },
    ranges: {
      applicationSuccessFeedbackSampleRate: [0, 100],
      firehoseSuccessFeedbackSampleRate: [0, 100],
      httpSuccessFeedbackSampleRate: [0, 100],
      lambdaSuccessFeedbackSampleRate: [0, 100],
      signatureVersion: [1, 2],
    },
  },
  "aws:sns/topicPolicy:TopicPolicy": { arns: ["arn"] },
  "aws:sns/topicSubscription:TopicSubscription": {
    arns: ["subscriptionRoleArn", "topic"],
    values: { filterPolicyScope: "MessageAttributes MessageBody" },
  },
  "aws:ssm/parameter:Parameter": {
    values: {
      dataType: "aws:ec2:image aws:ssm:integration text",
      tier: "Standard Advanced Intelligent-Tiering",
      type: "String StringList SecureString",
    },
  },
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {
    ranges: { fromPort: [-1, 65535], toPort: [-1, 65535] },
  },
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
    ranges: { fromPort: [-1, 65535], toPort: [-1, 65535] },
  },
  "aws:wafv2/webAcl:WebAcl": { values: { scope: "CLOUDFRONT REGIONAL" } },
  "aws:wafv2/webAclAssociation:WebAclAssociation": { arns: ["resourceArn", "webAclArn"] },
  "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": {
    arns: ["logDestinationConfigs", "resourceArn"],
    values: { "loggingFilter.defaultBehavior": "KEEP DROP" },
  },
};

/** The rules that a type's inputs are held to besides those of its own row. */
export function constraintsOf(token: string): (inputs: Properties) => readonly (Failure | undefined)[] {
  const { arns = [], values = {}, ranges = {} } = CONSTRAINTS[token] ?? {};
  return all(
    ...arns.map(arn),
    ...Object.entries(values).map(([path, words]) => oneOf(path, ...words.split(" "))),
    ...Object.entries(ranges).map(([path, [least, most]]) => between(path, least, most)),
  );
}

/** Every path of a type that a rule is about, for the test that compares them with the SDK. */
export function constrainedPaths(token: string): string[] {
  const { arns = [], values = {}, ranges = {} } = CONSTRAINTS[token] ?? {};
  return [...arns, ...Object.keys(values), ...Object.keys(ranges)];
}
