package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/info"
)

// The tables: which of Terraform's types is which of the SDK's, and where a property of the two differs by more than
// the bridge infers (snake case to camel case, plurals of lists, one for a list that holds at most one). A test
// compares the outcome with the SDK's own type declarations; only types that this project uses are here.

type fields = map[string]*info.Schema

var config = fields{
	"assume_role_with_web_identity": one("assumeRoleWithWebIdentity"),
	"default_tags":                  one(""),
	"ignore_tags":                   one(""),
}

var resources = map[string]*info.Resource{
	"aws_acm_certificate":            typ("acm/certificate:Certificate"),
	"aws_acm_certificate_validation": typ("acm/certificateValidation:CertificateValidation"),

	"aws_backup_plan":                      typ("backup/plan:Plan"),
	"aws_backup_restore_testing_plan":      typ("backup/restoreTestingPlan:RestoreTestingPlan", fields{"recovery_point_selection": one("recoveryPointSelection")}),
	"aws_backup_restore_testing_selection": typ("backup/restoreTestingSelection:RestoreTestingSelection", fields{"protected_resource_conditions": one("")}),
	"aws_backup_selection":                 typ("backup/selection:Selection"),
	"aws_backup_vault":                     typ("backup/vault:Vault"),
	"aws_backup_vault_lock_configuration":  typ("backup/vaultLockConfiguration:VaultLockConfiguration"),

	"aws_cloudwatch_log_group":    typ("cloudwatch/logGroup:LogGroup"),
	"aws_cloudwatch_metric_alarm": typ("cloudwatch/metricAlarm:MetricAlarm", fields{"alarm_name": autoname("name", 255)}),

	"aws_db_instance": typ("rds/instance:Instance"),
	"aws_db_instance_automated_backups_replication": typ("rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"),
	"aws_db_parameter_group":                        typ("rds/parameterGroup:ParameterGroup", fields{"name": lower("name", 255)}),
	"aws_db_snapshot":                               typ("rds/snapshot:Snapshot"),
	"aws_db_subnet_group":                           typ("rds/subnetGroup:SubnetGroup", fields{"name": lower("name", 255)}),

	"aws_default_security_group":          typ("ec2/defaultSecurityGroup:DefaultSecurityGroup", ruleLists()),
	"aws_eip":                             typ("ec2/eip:Eip"),
	"aws_internet_gateway":                typ("ec2/internetGateway:InternetGateway"),
	"aws_nat_gateway":                     typ("ec2/natGateway:NatGateway"),
	"aws_route":                           typ("ec2/route:Route"),
	"aws_route_table":                     typ("ec2/routeTable:RouteTable"),
	"aws_route_table_association":         typ("ec2/routeTableAssociation:RouteTableAssociation"),
	"aws_security_group":                  typ("ec2/securityGroup:SecurityGroup", ruleLists()),
	"aws_subnet":                          typ("ec2/subnet:Subnet"),
	"aws_vpc":                             typ("ec2/vpc:Vpc"),
	"aws_vpc_endpoint":                    typ("ec2/vpcEndpoint:VpcEndpoint"),
	"aws_vpc_security_group_egress_rule":  typ("vpc/securityGroupEgressRule:SecurityGroupEgressRule"),
	"aws_vpc_security_group_ingress_rule": typ("vpc/securityGroupIngressRule:SecurityGroupIngressRule"),

	"aws_ecr_lifecycle_policy": typ("ecr/lifecyclePolicy:LifecyclePolicy", fields{"policy": document()}),
	"aws_ecr_repository":       typ("ecr/repository:Repository"),

	"aws_ecs_cluster":         typ("ecs/cluster:Cluster"),
	"aws_ecs_service":         serviceWithArn(typ("ecs/service:Service", fields{"service_connect_configuration": inner("service", fields{"client_alias": many("clientAlias")})})),
	"aws_ecs_task_definition": typ("ecs/taskDefinition:TaskDefinition"),

	"aws_efs_access_point":       typ("efs/accessPoint:AccessPoint"),
	"aws_efs_file_system":        typ("efs/fileSystem:FileSystem"),
	"aws_efs_file_system_policy": typ("efs/fileSystemPolicy:FileSystemPolicy"),
	"aws_efs_mount_target":       typ("efs/mountTarget:MountTarget"),

	"aws_elasticache_parameter_group":   typ("elasticache/parameterGroup:ParameterGroup"),
	"aws_elasticache_replication_group": typ("elasticache/replicationGroup:ReplicationGroup"),
	"aws_elasticache_subnet_group":      typ("elasticache/subnetGroup:SubnetGroup"),

	"aws_iam_role":                   typ("iam/role:Role", fields{"assume_role_policy": document(), "name": autoname("", 64)}),
	"aws_iam_role_policy":            typ("iam/rolePolicy:RolePolicy", fields{"policy": document()}),
	"aws_iam_role_policy_attachment": typ("iam/rolePolicyAttachment:RolePolicyAttachment"),

	"aws_kms_alias": typ("kms/alias:Alias"),
	"aws_kms_key":   typ("kms/key:Key"),

	"aws_lb":                      typ("lb/loadBalancer:LoadBalancer", fields{"name": autoname("", 32)}),
	"aws_lb_listener":             typ("lb/listener:Listener"),
	"aws_lb_listener_certificate": typ("lb/listenerCertificate:ListenerCertificate"),
	"aws_lb_listener_rule":        typ("lb/listenerRule:ListenerRule"),
	"aws_lb_target_group":         typ("lb/targetGroup:TargetGroup", fields{"name": autoname("", 32)}),

	"aws_rolesanywhere_profile":      typ("rolesanywhere/profile:Profile"),
	"aws_rolesanywhere_trust_anchor": typ("rolesanywhere/trustAnchor:TrustAnchor"),

	"aws_route53_record": typ("route53/record:Record", fields{
		"alias":                      many("aliases"),
		"failover_routing_policy":    many("failoverRoutingPolicies"),
		"geolocation_routing_policy": many("geolocationRoutingPolicies"),
		"latency_routing_policy":     many("latencyRoutingPolicies"),
		"weighted_routing_policy":    many("weightedRoutingPolicies"),
	}),
	"aws_route53_zone": typ("route53/zone:Zone"),

	"aws_s3_bucket": typ("s3/bucket:Bucket", fields{"bucket": lower("", 63), "policy": document()}),
	"aws_s3_bucket_lifecycle_configuration": typ("s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", fields{"rule": elements(fields{
		"abort_incomplete_multipart_upload": one("abortIncompleteMultipartUpload"),
		"expiration":                        one("expiration"),
		"filter":                            &info.Schema{Name: "filter", MaxItemsOne: tfbridge.True(), Elem: &info.Schema{Fields: fields{"and": one("and"), "tag": one("tag")}}},
		"noncurrent_version_expiration":     one("noncurrentVersionExpiration"),
	})}),
	"aws_s3_bucket_logging":                              typ("s3/bucketLogging:BucketLogging"),
	"aws_s3_bucket_object_lock_configuration":            typ("s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"),
	"aws_s3_bucket_policy":                               typ("s3/bucketPolicy:BucketPolicy", fields{"policy": document()}),
	"aws_s3_bucket_public_access_block":                  typ("s3/bucketPublicAccessBlock:BucketPublicAccessBlock"),
	"aws_s3_bucket_server_side_encryption_configuration": typ("s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"),
	"aws_s3_bucket_versioning":                           typ("s3/bucketVersioning:BucketVersioning"),
	"aws_s3_object":                                      typ("s3/bucketObjectv2:BucketObjectv2", fields{"source": source()}),

	"aws_scheduler_schedule": typ("scheduler/schedule:Schedule"),

	"aws_secretsmanager_secret":         typ("secretsmanager/secret:Secret"),
	"aws_secretsmanager_secret_version": typ("secretsmanager/secretVersion:SecretVersion"),

	"aws_sns_topic":              typ("sns/topic:Topic"),
	"aws_sns_topic_policy":       typ("sns/topicPolicy:TopicPolicy", fields{"policy": document()}),
	"aws_sns_topic_subscription": typ("sns/topicSubscription:TopicSubscription", fields{"topic_arn": named("topic")}),

	"aws_wafv2_web_acl": typ("wafv2/webAcl:WebAcl", fields{"rule": inner("statement", fields{
		"not_statement":                negation(),
		"managed_rule_group_statement": inner("scope_down_statement", fields{"not_statement": negation()}),
		"rate_based_statement":         inner("scope_down_statement", fields{"not_statement": negation()}),
	})}),
	"aws_wafv2_web_acl_association": typ("wafv2/webAclAssociation:WebAclAssociation"),
}

var dataSources = map[string]*info.DataSource{
	"aws_availability_zones":        function("index/getAvailabilityZones:getAvailabilityZones"),
	"aws_caller_identity":           function("index/getCallerIdentity:getCallerIdentity"),
	"aws_rds_orderable_db_instance": function("rds/getOrderableDbInstance:getOrderableDbInstance"),
}

// full is a token with its provider. Most are AWS's; those are listed without it.
func full(token string) string {
	if strings.Count(token, ":") == 1 {
		return "aws:" + token
	}
	return token
}

func typ(token string, differing ...fields) *info.Resource {
	return &info.Resource{Tok: tokens.Type(full(token)), Fields: merged(differing)}
}

func function(token string, differing ...fields) *info.DataSource {
	return &info.DataSource{Tok: tokens.ModuleMember(full(token)), Fields: merged(differing)}
}

func merged(all []fields) fields {
	out := fields{}
	for _, some := range all {
		for name, field := range some {
			out[name] = field
		}
	}
	return out
}

// named has another name in the SDK.
func named(name string) *info.Schema { return &info.Schema{Name: name} }

// one is a list here and a single thing in the SDK.
func one(name string) *info.Schema { return &info.Schema{Name: name, MaxItemsOne: tfbridge.True()} }

// many is a list in the SDK although it holds at most one.
func many(name string) *info.Schema { return &info.Schema{Name: name, MaxItemsOne: tfbridge.False()} }

// elements gives the differences inside a list's elements.
func elements(differing fields) *info.Schema {
	return &info.Schema{Elem: &info.Schema{Fields: differing}}
}

// inner gives the differences inside the elements of a list that is inside another's.
func inner(list string, differing fields) *info.Schema {
	return elements(fields{list: elements(differing)})
}

// document may be given as an object, and is JSON text for the provider.
func document() *info.Schema { return &info.Schema{Transform: tfbridge.TransformJSONDocument} }

// autoname is given a name after the resource's, with random digits at its end, if it has none.
func autoname(name string, longest int) *info.Schema { return tfbridge.AutoName(name, longest, "-") }

// lower is autoname where AWS takes no capitals.
func lower(name string, longest int) *info.Schema {
	return tfbridge.AutoNameTransform(name, longest, strings.ToLower)
}

// source is the path of a file here and an asset in the SDK.
func source() *info.Schema {
	return &info.Schema{Transform: func(value resource.PropertyValue) (resource.PropertyValue, error) {
		if !value.IsAsset() {
			return value, nil
		}
		path, ok := value.AssetValue().GetPath()
		if !ok || !filepath.IsAbs(path) {
			return value, errors.New("only a file asset with an absolute path can be given to the Terraform provider")
		}
		return resource.NewStringProperty(path), nil
	}}
}

// Security groups speak of ingress and egress, however many rules there are.
func ruleLists() fields { return fields{"ingress": named("ingress"), "egress": named("egress")} }

// A firewall's `not` holds the one statement that it negates.
func negation() *info.Schema { return elements(fields{"statement": one("statement")}) }

// The ARN of a service is its id; the SDK's provider gives it under its own name too.
func serviceWithArn(service *info.Resource) *info.Resource {
	service.TransformOutputs = func(_ context.Context, outputs resource.PropertyMap) (resource.PropertyMap, error) {
		if id, ok := outputs["id"]; ok {
			outputs["arn"] = id
		}
		return outputs, nil
	}
	return service
}
