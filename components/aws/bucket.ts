import * as s3 from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";
import { policyDocument, type Statement } from "./iam";

export interface PrivateBucketArgs {
  /** KMS key its objects are encrypted with. @default S3's own keys, for logs, which no other key can take */
  keyArn?: pulumi.Input<string>;
  /** Days after which objects go, current and replaced versions alike. @default kept */
  expireAfterDays?: number;
  /** Whether destroying it deletes what is in it. @default false: a bucket that is not empty stays */
  forceDestroy?: boolean;
  /** Days for which a written object can be neither changed nor deleted. Cannot be taken away later. @default no lock */
  lock?: { mode: "GOVERNANCE" | "COMPLIANCE"; days: number };
  /** Bucket that takes the access log. @default no access log */
  logBucket?: pulumi.Input<string>;
  /** What the bucket's policy says beyond TLS only. */
  statements?: (bucketArn: pulumi.Output<string>) => Statement[];
  /** Whether the engine refuses to delete it. @default false */
  protect?: boolean;
  tags: Record<string, string>;
}

/**
 * A bucket nobody else sees: no public access, no ACLs, encrypted, versioned, reached over TLS alone.
 * @returns its name and ARN, known once all of that is in force
 */
export function privateBucket(name: string, args: PrivateBucketArgs, opts: pulumi.CustomResourceOptions) {
  const { keyArn, lock, expireAfterDays } = args;
  const bucket = new s3.Bucket(
    name,
    { objectLockEnabled: !!lock, forceDestroy: args.forceDestroy ?? false, tags: args.tags },
    { ...opts, protect: args.protect ?? false },
  );
  const of = { bucket: bucket.id };
  const versioning = new s3.BucketVersioning(
    `${name}-versioning`,
    { ...of, versioningConfiguration: { status: "Enabled" } },
    opts,
  );
  const settings: pulumi.CustomResource[] = [
    versioning,
    privacy(name, bucket, opts),
    new s3.BucketServerSideEncryptionConfiguration(
      `${name}-encryption`,
      {
        ...of,
        rules: [
          {
            applyServerSideEncryptionByDefault: keyArn
              ? { sseAlgorithm: "aws:kms", kmsMasterKeyId: keyArn }
              : { sseAlgorithm: "AES256" },
            bucketKeyEnabled: !!keyArn,
          },
        ],
      },
      opts,
    ),
    policy(name, bucket, args, opts),
  ];
  if (lock) {
    settings.push(
      new s3.BucketObjectLockConfiguration(
        `${name}-lock`,
        { ...of, rule: { defaultRetention: { mode: lock.mode, days: lock.days } } },
        { ...opts, dependsOn: [versioning] },
      ),
    );
  }
  if (args.logBucket) {
    settings.push(
      new s3.BucketLogging(
        `${name}-logging`,
        { ...of, targetBucket: args.logBucket, targetPrefix: pulumi.interpolate`s3/${bucket.id}/` },
        opts,
      ),
    );
  }
  expiry(name, { bucket: bucket.id, expireAfterDays, versioning }, opts);
  const ready = pulumi.all([bucket.id, bucket.arn, ...settings.map((setting) => setting.id)]);
  return { name: ready.apply(([id]) => id as string), arn: ready.apply(([, arn]) => arn as string) };
}

function privacy(name: string, bucket: s3.Bucket, opts: pulumi.CustomResourceOptions) {
  return new s3.BucketPublicAccessBlock(
    `${name}-private`,
    {
      bucket: bucket.id,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    },
    opts,
  );
}

function policy(
  name: string,
  bucket: s3.Bucket,
  { statements }: PrivateBucketArgs,
  opts: pulumi.CustomResourceOptions,
) {
  return new s3.BucketPolicy(
    `${name}-policy`,
    {
      bucket: bucket.id,
      policy: policyDocument([
        {
          sid: "OnlyOverTls",
          effect: "Deny",
          principal: "*",
          actions: ["s3:*"],
          resources: [bucket.arn, pulumi.interpolate`${bucket.arn}/*`],
          conditions: { Bool: { "aws:SecureTransport": "false" } },
        },
        ...(statements?.(bucket.arn) ?? []),
      ]),
    },
    opts,
  );
}

/** Ends uploads that were broken off, and removes objects that have expired. */
function expiry(
  name: string,
  {
    bucket,
    expireAfterDays,
    versioning,
  }: { bucket: pulumi.Output<string>; expireAfterDays: number | undefined; versioning: pulumi.Resource },
  opts: pulumi.CustomResourceOptions,
): void {
  // Nothing waits for it: AWS takes a minute to spread it, and it guards nobody.
  new s3.BucketLifecycleConfiguration(
    `${name}-lifecycle`,
    {
      bucket,
      rules: [
        {
          id: "unfinished-uploads",
          status: "Enabled",
          filter: {},
          abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
        },
        ...(expireAfterDays
          ? [
              {
                id: "expire",
                status: "Enabled",
                filter: {},
                expiration: { days: expireAfterDays },
                noncurrentVersionExpiration: { noncurrentDays: expireAfterDays },
              },
            ]
          : []),
      ],
    },
    { ...opts, dependsOn: [versioning] },
  );
}
