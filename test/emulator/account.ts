import { BackupClient, DescribeBackupVaultCommand, ListBackupVaultsCommand } from "@aws-sdk/client-backup";
import { DescribeSecurityGroupsCommand, DescribeVpcsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { DescribeFileSystemsCommand, EFSClient } from "@aws-sdk/client-efs";
import {
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  ElasticLoadBalancingV2Client,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { DescribeKeyCommand, KMSClient, ListKeysCommand, ListResourceTagsCommand } from "@aws-sdk/client-kms";
import {
  DescribeDBInstancesCommand,
  DescribeDBParametersCommand,
  DescribeDBSnapshotsCommand,
  RDSClient,
} from "@aws-sdk/client-rds";
import {
  ListHostedZonesCommand,
  ListResourceRecordSetsCommand,
  Route53Client,
} from "@aws-sdk/client-route-53";
import {
  DeleteObjectCommand,
  GetBucketEncryptionCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  ListBucketsCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { ListSecretsCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { holdingsOf } from "../../operations/aws/albCapacity";
import type { World } from "./world";

/** What is in the emulated account, as AWS's own API tells it. */
export class Account {
  private readonly settings;
  constructor(
    { endpoint }: World,
    readonly region: string,
  ) {
    const credentials = { accessKeyId: "emulator", secretAccessKey: "emulator" };
    this.settings = { endpoint, region, credentials, maxAttempts: 2 };
  }

  /** The databases whose identifier begins with a tenant's name. */
  async databases(tenant: string) {
    const { DBInstances = [] } = await new RDSClient(this.settings).send(new DescribeDBInstancesCommand({}));
    return DBInstances.filter(({ DBInstanceIdentifier: id }) => id?.startsWith(`${tenant}-`));
  }

  /** The value that a parameter group gives a parameter. */
  async databaseParameter(group: string, name: string): Promise<string | undefined> {
    const client = new RDSClient(this.settings);
    const { Parameters = [] } = await client.send(
      new DescribeDBParametersCommand({ DBParameterGroupName: group }),
    );
    return Parameters.find(({ ParameterName }) => ParameterName === name)?.ParameterValue;
  }

  /** The snapshots of databases that were asked for by name; those outlive a database. */
  async snapshots(tenant: string): Promise<string[]> {
    const { DBSnapshots = [] } = await new RDSClient(this.settings).send(
      new DescribeDBSnapshotsCommand({ SnapshotType: "manual" }),
    );
    const names = DBSnapshots.map(({ DBSnapshotIdentifier }) => DBSnapshotIdentifier ?? "");
    return names.filter((name) => name.startsWith(`${tenant}-`));
  }

  /** Whatever a tenant has here that can be found again, but for keys and snapshots, by name. */
  async everything(tenant: string): Promise<unknown[]> {
    const [databases, files, groups, vaults, secrets, buckets] = await Promise.all([
      this.databases(tenant),
      this.fileSystems(tenant),
      this.securityGroups(tenant),
      this.vaults(tenant),
      this.secretNames(tenant),
      this.bucketNames(tenant),
    ]);
    return [
      ...databases.map(({ DBInstanceIdentifier }) => DBInstanceIdentifier),
      ...files.map(({ FileSystemId }) => FileSystemId),
      ...groups.map(({ GroupName }) => GroupName),
      ...vaults.map(({ BackupVaultName }) => BackupVaultName),
      ...secrets,
      ...buckets,
    ];
  }

  async fileSystems(tenant: string) {
    const { FileSystems = [] } = await new EFSClient(this.settings).send(new DescribeFileSystemsCommand({}));
    return FileSystems.filter(({ Tags }) => tagged(Tags, tenant));
  }

  async securityGroups(tenant: string) {
    const { SecurityGroups = [] } = await new EC2Client(this.settings).send(
      new DescribeSecurityGroupsCommand({}),
    );
    return SecurityGroups.filter(({ Tags }) => tagged(Tags, tenant));
  }

  async listeners() {
    const client = new ElasticLoadBalancingV2Client(this.settings);
    const { LoadBalancers = [] } = await client.send(new DescribeLoadBalancersCommand({}));
    const { Listeners = [] } = await client.send(
      new DescribeListenersCommand({ LoadBalancerArn: LoadBalancers[0]?.LoadBalancerArn }),
    );
    return Listeners;
  }

  /** What the HTTPS listener holds and may hold, as the tenants' program asks it. */
  async holdings() {
    const https = (await this.listeners()).find(({ Protocol }) => Protocol === "HTTPS");
    return holdingsOf(https?.ListenerArn ?? "", [], new ElasticLoadBalancingV2Client(this.settings));
  }

  /** The host names that an HTTPS listener knows. */
  async hostnames(): Promise<string[]> {
    const client = new ElasticLoadBalancingV2Client(this.settings);
    const https = (await this.listeners()).find(({ Protocol }) => Protocol === "HTTPS");
    const { Rules = [] } = await client.send(new DescribeRulesCommand({ ListenerArn: https?.ListenerArn }));
    return Rules.flatMap(({ Conditions = [] }) =>
      Conditions.flatMap(({ HostHeaderConfig, Values }) => HostHeaderConfig?.Values ?? Values ?? []),
    );
  }

  /** The records of all hosted zones but for a zone's own, as `A hmis.moh.example.org`. */
  async records(): Promise<string[]> {
    const client = new Route53Client(this.settings);
    const { HostedZones = [] } = await client.send(new ListHostedZonesCommand({}));
    const held = await Promise.all(
      HostedZones.map(({ Id }) => client.send(new ListResourceRecordSetsCommand({ HostedZoneId: Id }))),
    );
    return held
      .flatMap(({ ResourceRecordSets = [] }) => ResourceRecordSets)
      .filter(({ Type }) => Type !== "NS" && Type !== "SOA")
      .map(({ Type, Name = "" }) => `${Type} ${Name.replace(/\.$/, "")}`);
  }

  /** What a platform is known by, if there is one. */
  async platform(): Promise<unknown[]> {
    const ec2 = new EC2Client(this.settings);
    const ours = { Filters: [{ Name: "tag-key", Values: [PLATFORM] }] };
    const [{ Vpcs = [] }, { SecurityGroups = [] }, { LoadBalancers = [] }, zones, logs] = await Promise.all([
      ec2.send(new DescribeVpcsCommand(ours)),
      ec2.send(new DescribeSecurityGroupsCommand(ours)),
      new ElasticLoadBalancingV2Client(this.settings).send(new DescribeLoadBalancersCommand({})),
      new Route53Client(this.settings).send(new ListHostedZonesCommand({})),
      this.bucketNames("dhistance-logs"),
    ]);
    return [
      ...Vpcs.map(({ VpcId }) => VpcId),
      ...SecurityGroups.map(({ GroupName }) => GroupName),
      ...LoadBalancers.map(({ LoadBalancerName }) => LoadBalancerName),
      ...(zones.HostedZones ?? []).map(({ Name }) => Name),
      ...logs,
    ];
  }

  /** The state of each key that a tenant, or the platform of a name, has in this region, such as `Enabled`. */
  async keyStates(owner: string, tag = TENANT): Promise<(string | undefined)[]> {
    const client = new KMSClient(this.settings);
    const { Keys = [] } = await client.send(new ListKeysCommand({}));
    const states = await Promise.all(
      Keys.map(async ({ KeyId }) => {
        const { Tags = [] } = await client.send(new ListResourceTagsCommand({ KeyId }));
        if (!Tags.some(({ TagKey, TagValue }) => TagKey === tag && TagValue === owner)) return [];
        const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
        return [KeyMetadata?.KeyState];
      }),
    );
    return states.flat();
  }

  async vaults(tenant: string) {
    const client = new BackupClient(this.settings);
    const { BackupVaultList = [] } = await client.send(new ListBackupVaultsCommand({}));
    const names = BackupVaultList.flatMap(({ BackupVaultName: name }) =>
      name?.endsWith(`-${tenant}`) ? [name] : [],
    );
    return Promise.all(
      names.map((name) => client.send(new DescribeBackupVaultCommand({ BackupVaultName: name }))),
    );
  }

  async secretNames(tenant: string): Promise<string[]> {
    const { SecretList = [] } = await new SecretsManagerClient(this.settings).send(
      new ListSecretsCommand({}),
    );
    return SecretList.filter(({ Tags }) => tagged(Tags, tenant)).map(({ Name }) => Name ?? "");
  }

  async bucketNames(prefix: string): Promise<string[]> {
    const { Buckets = [] } = await this.s3().send(new ListBucketsCommand({}));
    return Buckets.map(({ Name }) => Name ?? "").filter((name) => name.startsWith(prefix));
  }

  async write(bucket: string, key: string): Promise<void> {
    await this.s3().send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: "a line" }));
  }

  /** Takes out all that is in a bucket, replaced versions, too. */
  async empty(bucket: string): Promise<void> {
    const {
      Versions = [],
      DeleteMarkers = [],
      IsTruncated,
    } = await this.s3().send(new ListObjectVersionsCommand({ Bucket: bucket }));
    for (const { Key, VersionId } of [...Versions, ...DeleteMarkers])
      await this.s3().send(new DeleteObjectCommand({ Bucket: bucket, Key, VersionId }));
    if (IsTruncated) await this.empty(bucket);
  }

  /** What guards a bucket. */
  async bucket(name: string) {
    const s3 = this.s3();
    const of = { Bucket: name };
    const [access, versioning, encryption, policy, lock] = await Promise.all([
      s3.send(new GetPublicAccessBlockCommand(of)),
      s3.send(new GetBucketVersioningCommand(of)),
      s3.send(new GetBucketEncryptionCommand(of)),
      s3.send(new GetBucketPolicyCommand(of)),
      s3.send(new GetObjectLockConfigurationCommand(of)).catch(() => undefined),
    ]);
    return {
      publicAccess: access.PublicAccessBlockConfiguration,
      versioning: versioning.Status,
      encryption:
        encryption.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault,
      statements: (JSON.parse(policy.Policy ?? "{}") as { Statement: Statement[] }).Statement,
      lock: lock?.ObjectLockConfiguration,
    };
  }

  private s3(): S3Client {
    return new S3Client({ ...this.settings, forcePathStyle: true });
  }
}

interface Statement {
  Effect: string;
  Condition?: Record<string, Record<string, string>>;
}

const TENANT = "dhistance:tenant";
export const PLATFORM = "dhistance:platform";

function tagged(
  tags: { Key?: string | undefined; Value?: string | undefined }[] | undefined,
  tenant: string,
): boolean {
  return (tags ?? []).some(({ Key, Value }) => Key === TENANT && Value === tenant);
}
