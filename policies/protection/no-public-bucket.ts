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
        ? `"${name}" allows everybody something; allowed: named principals, or a Condition on who or from where.`
        : undefined,
    ),
  ],
};

interface Statement {
  Effect?: string;
  Principal?: unknown;
  NotPrincipal?: unknown;
  Condition?: Record<string, Record<string, unknown> | undefined>;
}

/**
 * The keys of a condition that can keep the public out, by AWS's meaning of "public"
 * (docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html). One that only asks for TLS does
 * not.
 */
const LIMITING = new Set(
  [
    ...["aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths"],
    ...["aws:SourceAccount", "aws:SourceArn", "aws:SourceIp", "aws:SourceOrgID", "aws:SourceOrgPaths"],
    ...["aws:SourceOwner", "aws:SourceVpc", "aws:SourceVpce", "aws:userid"],
    ...["s3:DataAccessPointAccount", "s3:DataAccessPointArn"],
  ].map((key) => key.toLowerCase()),
);

function allowsEverybody(policy: unknown): boolean {
  const document = (typeof policy === "string" ? JSON.parse(policy) : policy) as
    { Statement?: Statement | Statement[] } | undefined;
  return [document?.Statement ?? []]
    .flat()
    .some(
      ({ Effect, Principal, NotPrincipal, Condition }) =>
        Effect === "Allow" && !keepsOut(Condition) && (NotPrincipal !== undefined || isEverybody(Principal)),
    );
}

function keepsOut(condition: Statement["Condition"]): boolean {
  return Object.entries(condition ?? {}).some(
    ([operator, keys]) =>
      // With "Not…" it names whom it keeps out, and with "…IfExists" it lets in who has no such key.
      !/Not|IfExists$/.test(operator) &&
      Object.entries(keys ?? {}).some(
        ([key, values]) =>
          LIMITING.has(key.toLowerCase()) &&
          ![values].flat().some((value) => /^(\*|.*\/0)$/.test(String(value))),
      ),
  );
}

function isEverybody(principal: unknown): boolean {
  if (typeof principal !== "object" || principal === null) return principal === "*";
  return [(principal as { AWS?: unknown }).AWS].flat().includes("*");
}
