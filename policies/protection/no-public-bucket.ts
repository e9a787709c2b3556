import type { ResourceValidationPolicy } from "@pulumi/policy";
import { onEach } from "../onEach";

const BLOCKS = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"];
const PUBLIC_ACL = /^(public-|authenticated-read$)/;

const acl = (type: string) =>
  onEach(type, ({ name, props }) =>
    PUBLIC_ACL.test(String(props["acl"]))
      ? `bucket "${name}" has the ACL ${String(props["acl"])}; allowed: private, or none.`
      : undefined,
  );

export const noPublicBucket: ResourceValidationPolicy = {
  name: "no-public-bucket",
  description: "Nobody outside reads or writes a bucket.",
  validateResource: [
    acl("aws:s3/bucket:Bucket"),
    acl("aws:s3/bucketV2:BucketV2"),
    acl("aws:s3/bucketAcl:BucketAcl"),
    acl("aws:s3/bucketAclV2:BucketAclV2"),
    onEach("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", ({ name, props }) => {
      const open = BLOCKS.filter((block) => props[block] !== true);
      return open.length > 0
        ? `"${name}" lets a bucket become public; allowed: ${open.map((block) => `${block}: true`).join(", ")}.`
        : undefined;
    }),
    onEach("aws:s3/bucketPolicy:BucketPolicy", ({ name, props }) =>
      allowsEverybody(props["policy"])
        ? `"${name}" allows everybody something; allowed: named principals, or a Condition.`
        : undefined,
    ),
  ],
};

interface Statement {
  Effect?: string;
  Principal?: unknown;
  Condition?: object;
}

function allowsEverybody(policy: unknown): boolean {
  const document = (typeof policy === "string" ? JSON.parse(policy) : policy) as
    { Statement?: Statement | Statement[] } | undefined;
  return [document?.Statement ?? []]
    .flat()
    .some(({ Effect, Principal, Condition }) => Effect === "Allow" && !Condition && isEverybody(Principal));
}

function isEverybody(principal: unknown): boolean {
  if (typeof principal !== "object" || principal === null) return principal === "*";
  return [(principal as { AWS?: unknown }).AWS].flat().includes("*");
}
