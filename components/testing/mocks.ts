import * as pulumi from "@pulumi/pulumi";

/** One resource that a component asked the engine for. */
export interface Registration {
  type: string;
  name: string;
  /** As the component gave them; a secret stands as its value. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- every type has inputs of its own
  inputs: any;
  /** The inputs, by name, that are or hold a secret. */
  secret: string[];
  /** Name of the provider it was given or inherited; empty for none. */
  provider: string;
  custom: boolean;
  /** Whether the engine refuses to delete it. */
  protect: boolean;
  /** The name of its parent; empty for none. */
  parent: string;
  /** The parents, by name, under which earlier versions made it. */
  formerParents: string[];
  /** The names of what has to be there first, sorted. */
  waitsFor: string[];
}

/** What the SDK's mocks do not hand on. */
interface Monitor {
  registerResource: (
    request: {
      getType(): string;
      getName(): string;
      getProtect(): boolean;
      getParent(): string;
      getDependenciesList(): string[];
      getAliasesList(): { getSpec(): { getParenturn(): string } | undefined }[];
    },
    done: unknown,
  ) => void;
  registerResourceHook: (request: unknown, done: (error: null) => void) => void;
}

const NO_OPTIONS = { protect: false, parent: "", formerParents: [], waitsFor: [] };
const ACCOUNT = "111122223333";

/**
 * Every type that the components use, with the outputs that the provider adds to the inputs. A type that is not here
 * fails the test.
 */
const OUTPUTS: Record<string, (name: string, region: string) => Record<string, unknown>> = {
  "aws:acm/certificate:Certificate": (name) => ({
    domainValidationOptions: [
      {
        domainName: name,
        resourceRecordName: `_${name}`,
        resourceRecordType: "CNAME",
        resourceRecordValue: "_v.",
      },
    ],
  }),
  "aws:acm/certificateValidation:CertificateValidation": () => ({}),
  "aws:backup/plan:Plan": () => ({}),
  "aws:backup/restoreTestingPlan:RestoreTestingPlan": () => ({}),
  "aws:backup/restoreTestingSelection:RestoreTestingSelection": () => ({}),
  "aws:backup/selection:Selection": () => ({}),
  "aws:backup/vault:Vault": () => ({}),
  "aws:backup/vaultLockConfiguration:VaultLockConfiguration": () => ({}),
  "aws:cloudwatch/logGroup:LogGroup": () => ({}),
  "aws:cloudwatch/metricAlarm:MetricAlarm": () => ({}),
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": () => ({}),
  "aws:ec2/eip:Eip": () => ({}),
  "aws:ec2/internetGateway:InternetGateway": () => ({}),
  "aws:ec2/natGateway:NatGateway": () => ({}),
  "aws:ec2/route:Route": () => ({}),
  "aws:ec2/routeTable:RouteTable": () => ({}),
  "aws:ec2/routeTableAssociation:RouteTableAssociation": () => ({}),
  "aws:ec2/securityGroup:SecurityGroup": () => ({}),
  "aws:ec2/subnet:Subnet": () => ({}),
  "aws:ec2/vpc:Vpc": () => ({ ipv6CidrBlock: "2a05:d018:1:a00::/56" }),
  "aws:ec2/vpcEndpoint:VpcEndpoint": () => ({}),
  "aws:ecr/lifecyclePolicy:LifecyclePolicy": () => ({}),
  "aws:ecr/repository:Repository": () => ({}),
  "aws:ecs/cluster:Cluster": (name) => ({ name }),
  "aws:ecs/service:Service": (name) => ({ name }),
  "aws:ecs/taskDefinition:TaskDefinition": () => ({}),
  "aws:efs/accessPoint:AccessPoint": () => ({}),
  "aws:efs/fileSystem:FileSystem": () => ({}),
  "aws:efs/fileSystemPolicy:FileSystemPolicy": () => ({}),
  "aws:efs/mountTarget:MountTarget": () => ({}),
  "aws:elasticache/parameterGroup:ParameterGroup": (name) => ({ name }),
  "aws:elasticache/replicationGroup:ReplicationGroup": (name) => ({
    primaryEndpointAddress: `master.${name}.cache.internal`,
  }),
  "aws:elasticache/subnetGroup:SubnetGroup": (name) => ({ name }),
  "aws:iam/role:Role": (name) => ({ name }),
  "aws:iam/rolePolicy:RolePolicy": () => ({}),
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": () => ({}),
  "aws:kms/alias:Alias": () => ({}),
  "aws:kms/key:Key": (name) => ({ keyId: `${name}-id` }),
  "aws:lb/listener:Listener": () => ({}),
  "aws:lb/listenerCertificate:ListenerCertificate": () => ({}),
  "aws:lb/listenerRule:ListenerRule": () => ({}),
  "aws:lb/loadBalancer:LoadBalancer": (name) => ({
    arnSuffix: `app/${name}/0`,
    dnsName: `${name}.elb.amazonaws.com`,
    zoneId: "Z-ELB",
  }),
  "aws:lb/targetGroup:TargetGroup": (name) => ({ arnSuffix: `targetgroup/${name}/0` }),
  "aws:rds/instance:Instance": (name) => ({ address: `${name}.rds.internal` }),
  "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": () => ({}),
  "aws:rds/parameterGroup:ParameterGroup": (name) => ({ name }),
  "aws:rds/snapshot:Snapshot": () => ({}),
  "aws:rds/subnetGroup:SubnetGroup": (name) => ({ name }),
  "aws:rolesanywhere/profile:Profile": () => ({}),
  "aws:rolesanywhere/trustAnchor:TrustAnchor": () => ({}),
  "aws:route53/record:Record": (name) => ({ fqdn: name }),
  "aws:route53/zone:Zone": (name) => ({ zoneId: `Z-${name}`, nameServers: ["ns-1.awsdns.org"] }),
  "aws:s3/bucket:Bucket": () => ({}),
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": () => ({}),
  "aws:s3/bucketLogging:BucketLogging": () => ({}),
  "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": () => ({}),
  "aws:s3/bucketObjectv2:BucketObjectv2": () => ({}),
  "aws:s3/bucketPolicy:BucketPolicy": () => ({}),
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": () => ({}),
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": () => ({}),
  "aws:s3/bucketVersioning:BucketVersioning": () => ({}),
  "aws:scheduler/schedule:Schedule": () => ({}),
  "aws:secretsmanager/secret:Secret": () => ({}),
  "aws:secretsmanager/secretVersion:SecretVersion": () => ({ versionId: "v1" }),
  "aws:sns/topic:Topic": () => ({}),
  "aws:sns/topicPolicy:TopicPolicy": () => ({}),
  "aws:sns/topicSubscription:TopicSubscription": () => ({}),
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": () => ({}),
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": () => ({}),
  "aws:wafv2/webAcl:WebAcl": () => ({}),
  "aws:wafv2/webAclAssociation:WebAclAssociation": () => ({}),
  "docker:index/container:Container": () => ({}),
  "docker:index/network:Network": () => ({}),
  "docker:index/remoteImage:RemoteImage": (name) => ({ imageId: `sha256:${name}` }),
  "docker:index/volume:Volume": () => ({}),
  "pulumi:index:Stash": () => ({}),
  "random:index/randomId:RandomId": () => ({ hex: "0a1b2c3d" }),
  "random:index/randomPassword:RandomPassword": (name) => ({ result: pulumi.secret(`secret-of-${name}`) }),
  "tls:index/certRequest:CertRequest": (name) => ({ certRequestPem: `request ${name}` }),
  "tls:index/locallySignedCert:LocallySignedCert": (name) => ({ certPem: `certificate ${name}` }),
  "tls:index/privateKey:PrivateKey": (name) => ({
    privateKeyPem: pulumi.secret(`secret-of-${name}`),
    privateKeyPemPkcs8: pulumi.secret(`secret-of-${name}`),
    publicKeyPem: `public-key-of-${name}`,
  }),
  "tls:index/selfSignedCert:SelfSignedCert": (name) => ({ certPem: `certificate ${name}` }),
  // Providers are the test's own.
  "pulumi:providers:aws": () => ({}),
  "pulumi:providers:docker": () => ({}),
};

/** The functions that a stack may call. */
const CALLS: Record<string, Record<string, unknown>> = {
  "aws:index/getAvailabilityZones:getAvailabilityZones": {
    names: ["eu-west-1a", "eu-west-1b", "eu-west-1c", "eu-west-1d"],
  },
  "aws:index/getCallerIdentity:getCallerIdentity": { accountId: ACCOUNT },
  // Of a stack that is brought up for the first time.
  "pulumi:pulumi:readStackOutputs": { outputs: {} },
};

/**
 * Runs a piece of program without an engine and returns all that it registered, once all of it is done.
 * @throws Error if it used a type or a function that is not expected
 */
export async function registered(program: () => unknown): Promise<Registration[]> {
  const registrations: Registration[] = [];
  const unexpected: string[] = [];
  const given = new Map<string, Pick<Registration, "protect" | "parent" | "formerParents" | "waitsFor">>();
  await pulumi.runtime.setMocks(
    {
      newResource({ type, name, inputs, provider = "", custom = false }) {
        const outputs = OUTPUTS[type];
        if (custom && !outputs) {
          unexpected.push(type);
          throw new Error(`unexpected resource type ${type}`);
        }
        const providerName = provider.split("::").at(-2) ?? "";
        const options = given.get(`${type} ${name}`) ?? NO_OPTIONS;
        registrations.push({
          type,
          name,
          ...withoutSecrets(inputs),
          provider: providerName,
          custom,
          ...options,
        });
        const arn = `arn:aws:${type.split(":")[1]?.split("/")[0]}:eu-west-1:${ACCOUNT}:${name}`;
        return {
          id: custom ? `${name}-id` : undefined,
          state: { arn, ...inputs, ...outputs?.(name, "eu-west-1") },
        };
      },
      call({ token }) {
        const result = CALLS[token];
        if (result) return result;
        unexpected.push(token);
        throw new Error(`unexpected call of ${token}`);
      },
    },
    "dhistance",
    "moh",
    false,
    "organization",
  );
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, done) => {
    const nameIn = (urn: string) => urn.split("::").at(-1) ?? "";
    given.set(`${request.getType()} ${request.getName()}`, {
      protect: request.getProtect(),
      parent: nameIn(request.getParent()),
      formerParents: request
        .getAliasesList()
        .map((alias) => nameIn(alias.getSpec()?.getParenturn() ?? ""))
        .filter((parent) => parent !== ""),
      waitsFor: [...new Set(request.getDependenciesList().map(nameIn))].sort(),
    });
    register(request, done);
  };
  // The SDK's mocks know resources with hooks, but not the registration of a hook.
  monitor.registerResourceHook = (_request, done) => done(null);
  // The SDK takes a stack for each of its thousands of promises.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    await program();
    await pulumi.runtime.disconnect();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  if (unexpected.length > 0) throw new Error(`unexpected: ${unexpected.join(", ")}`);
  return registrations;
}

/** How a secret stands among inputs on their way to the engine. */
const SECRET = "4dabf18193072939515e22adb298388d";

function withoutSecrets(given: Record<string, unknown>): Pick<Registration, "inputs" | "secret"> {
  const secret: string[] = [];
  const strip = (value: unknown, found: () => void): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((element) => strip(element, found));
    if (SECRET in value) {
      found();
      return strip((value as { value?: unknown }).value, found);
    }
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, strip(inner, found)]));
  };
  const inputs = Object.fromEntries(
    Object.entries(given).map(([key, value]) => [key, strip(value, () => secret.push(key))]),
  );
  return { inputs, secret: [...new Set(secret)] };
}

/** Those of a type, by name: the order in which they were registered is chance. */
export function ofType(registrations: Registration[], type: string): Registration[] {
  return registrations
    .filter((registration) => registration.type === type)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The one of a type with a name. */
export function one(registrations: Registration[], type: string, name: string): Registration {
  const [found, ...others] = registrations.filter(
    (registration) => registration.type === type && registration.name === name,
  );
  if (!found || others.length > 0) throw new Error(`${others.length + Number(!!found)} of ${type} ${name}`);
  return found;
}

/** An output's value, awaited. */
export function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}
