import { createHash } from "node:crypto";
import { all, between, json, oneOf, pattern, rule } from "../checks";
import type { Computed, Creation, ResourceType } from "../resource";
import { isObject } from "../values";
import { ACCOUNT, alphanumeric, derivedUpper, input, regionOf } from "./names";

/** A part of a bucket's settings that is a resource of its own. */
const setting = (more: ResourceType = {}): ResourceType => ({
  untagged: true,
  replaceOn: ["bucket"],
  ...more,
  required: ["bucket", ...(more.required ?? [])],
  id: input("bucket"),
});
const OWNED = ["bucket", "expectedBucketOwner"];

const BODY = ["content", "contentBase64", "etag", "source", "sourceHash", "kmsKeyId", "metadata"];

const object = (id: (creation: Creation) => string, more: Record<string, Computed> = {}): ResourceType => ({
  required: ["bucket"],
  replaceOn: ["bucket", "key"],
  autoName: { property: "key", random: 0 },
  defaults: { forceDestroy: false },
  check: all(
    pattern("key", /^.{1,1024}$/s, "1 to 1024 characters"),
    oneOf("objectLockMode", "GOVERNANCE", "COMPLIANCE"),
    oneOf("serverSideEncryption", "AES256", "aws:kms", "aws:kms:dsse"),
  ),
  id,
  computed: {
    acl: "private",
    arn: (r) => `arn:aws:s3:::${r.text("bucket")}/${r.text("key")}`,
    bucketKeyEnabled: false,
    contentType: "application/octet-stream",
    etag,
    kmsKeyId: "",
    serverSideEncryption: "AES256",
    storageClass: "STANDARD",
    versionId: () => alphanumeric(32),
    ...more,
  },
  follows: { etag: BODY, versionId: BODY },
});

/** S3. */
export const storage: Record<string, ResourceType> = {
  "aws:s3/bucket:Bucket": {
    replaceOn: [
      "bucket",
      "bucketNamespace",
      "bucketPrefix",
      "objectLockConfiguration.objectLockEnabled",
      "objectLockEnabled",
    ],
    sets: ["grants"],
    json: ["policy"],
    autoName: { property: "bucket", maximum: 63, lowerCase: true },
    defaults: { forceDestroy: false },
    check: all(
      pattern(
        "bucket",
        /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
        "3 to 63 of a-z 0-9 . -, a letter or digit at both ends",
      ),
      rule(
        "bucket",
        "a name without two dots together, no IP address, and none that S3 keeps to itself",
        (name) =>
          !/\.\.|^\d+(\.\d+){3}$|^(xn--|sthree-|amzn-s3-demo-)|(-s3alias|--ols-s3|\.mrap|--x-s3|--table-s3)$/.test(
            String(name),
          ),
      ),
      json("policy"),
    ),
    id: input("bucket"),
    computed: {
      accelerationStatus: "",
      acl: "private",
      arn: (r) => `arn:aws:s3:::${r.text("bucket")}`,
      bucketDomainName: (r) => `${r.text("bucket")}.s3.amazonaws.com`,
      bucketPrefix: "",
      bucketRegion: regionOf,
      bucketRegionalDomainName: (r) => `${r.text("bucket")}.s3.${regionOf(r)}.amazonaws.com`,
      corsRules: [],
      grants: [
        {
          id: derivedUpper(32, ACCOUNT).toLowerCase(),
          permissions: ["FULL_CONTROL"],
          type: "CanonicalUser",
          uri: "",
        },
      ],
      hostedZoneId: (r) => `Z${derivedUpper(13, "s3", regionOf(r))}`,
      lifecycleRules: [],
      objectLockEnabled: false,
      policy: "",
      requestPayer: "BucketOwner",
      serverSideEncryptionConfiguration: {
        rule: {
          applyServerSideEncryptionByDefault: { kmsMasterKeyId: "", sseAlgorithm: "AES256" },
          bucketKeyEnabled: false,
        },
      },
      versioning: { enabled: false, mfaDelete: false },
      websiteDomain: "",
      websiteEndpoint: "",
    },
    // Whoever locks objects has written some.
    refusesDelete: ({ bucket, objectLockEnabled }) =>
      objectLockEnabled
        ? `BucketNotEmpty: bucket ${String(bucket)} holds locked objects. Leave it (retainOnDelete).`
        : undefined,
  },
  "aws:s3/bucketVersioning:BucketVersioning": setting({
    replaceOn: OWNED,
    required: ["versioningConfiguration"],
  }),
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": setting({
    defaults: {
      blockPublicAcls: false,
      blockPublicPolicy: false,
      ignorePublicAcls: false,
      restrictPublicBuckets: false,
    },
  }),
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": setting({
    replaceOn: OWNED,
    required: ["rules"],
    sets: ["rules"],
  }),
  "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": setting({
    replaceOn: [...OWNED, "objectLockEnabled"],
    defaults: { objectLockEnabled: "Enabled" },
    check: all(
      between("rule.defaultRetention.days", 1, 36_500),
      between("rule.defaultRetention.years", 1, 100),
    ),
  }),
  "aws:s3/bucketPolicy:BucketPolicy": setting({
    required: ["policy"],
    json: ["policy"],
    check: all(json("policy")),
  }),
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": setting({
    replaceOn: OWNED,
    defaults: { transitionDefaultMinimumObjectSize: "all_storage_classes_128K" },
    computed: { expectedBucketOwner: "" },
  }),
  "aws:s3/bucketLogging:BucketLogging": setting({
    replaceOn: OWNED,
    sets: ["targetGrants"],
    required: ["targetBucket", "targetPrefix"],
  }),
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": setting({
    required: ["rule"],
  }),
  "aws:s3/bucketNotification:BucketNotification": setting({ defaults: { eventbridge: false } }),
  "aws:s3/bucketObject:BucketObject": object(input("key")),
  "aws:s3/bucketObjectv2:BucketObjectv2": object((r) => `${r.text("bucket")}/${r.text("key")}`, {
    checksumCrc32: "",
    checksumCrc32c: "",
    checksumCrc64nvme: "",
    checksumSha1: "",
    checksumSha256: "",
  }),
};

/** What S3 gives an object of one part: the MD5 of its content. Of a file the engine sends only its SHA-256. */
function etag(r: Creation): string {
  const source = r.inputs["source"];
  const content =
    r.inputs["contentBase64"] === undefined
      ? r.text("content")
      : Buffer.from(r.text("contentBase64"), "base64");
  return createHash("md5")
    .update(isObject(source) ? String(source["hash"]) : content)
    .digest("hex");
}
