import { all, between, json, pattern, rule } from "../checks";
import type { ResourceType } from "../resource";
import {
  ACCOUNT,
  alphanumeric,
  arn,
  globalArn,
  hex,
  input,
  itself,
  output,
  regionOf,
  upper,
  uuid,
} from "./names";

const iamName = (most: number) =>
  pattern("name", new RegExp(`^[\\w+=,.@-]{1,${most}}$`), `1 to ${most} of A-Z a-z 0-9 and + = , . @ _ -`);

const now = () => new Date().toISOString();

/** Who may do what, and with which keys. */
export const security: Record<string, ResourceType> = {
  "aws:kms/key:Key": {
    replaceOn: ["customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion", "xksKeyId"],
    json: ["policy"],
    defaults: {
      bypassPolicyLockoutSafetyCheck: false,
      customerMasterKeySpec: "SYMMETRIC_DEFAULT",
      enableKeyRotation: false,
      isEnabled: true,
      keyUsage: "ENCRYPT_DECRYPT",
    },
    check: all(
      between("rotationPeriodInDays", 90, 2560),

      json("policy"),
    ),
    id: (r) => (r.inputs["multiRegion"] ? `mrk-${hex(32)}` : uuid()),
    computed: {
      arn: arn("kms", (r) => `key/${r.id}`),
      description: "",
      keyId: itself,
      multiRegion: false,
      policy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
            Action: "kms:*",
            Resource: "*",
          },
        ],
      }),
      rotationPeriodInDays: (r) => (r.inputs["enableKeyRotation"] ? 365 : 0),
    },
  },
  "aws:kms/replicaKey:ReplicaKey": {
    required: ["primaryKeyArn"],
    replaceOn: ["primaryKeyArn"],
    json: ["policy"],
    defaults: { bypassPolicyLockoutSafetyCheck: false, deletionWindowInDays: 30, enabled: true },
    check: all(pattern("primaryKeyArn", /^arn:aws[\w-]*:kms:.*:key\/mrk-/, "the ARN of a multi-Region key")),
    id: (r) => r.text("primaryKeyArn").replace(/^.*\//, ""),
    computed: {
      arn: arn("kms", (r) => `key/${r.id}`),
      keyId: itself,
      keyRotationEnabled: false,
      keySpec: "SYMMETRIC_DEFAULT",
      keyUsage: "ENCRYPT_DECRYPT",
      policy: "",
    },
  },
  "aws:kms/alias:Alias": {
    untagged: true,
    required: ["targetKeyId"],
    replaceOn: ["name", "namePrefix"],
    autoName: { property: "name", maximum: 238, prefix: "alias/" },
    check: all(
      pattern("name", /^alias\/[\w/-]{1,250}$/, "alias/ and then A-Z a-z 0-9 / _ -"),
      rule(
        "name",
        "a name that does not begin with alias/aws/",
        (name) => !String(name).startsWith("alias/aws/"),
      ),
    ),
    id: input("name"),
    computed: {
      arn: arn("kms", (r) => r.text("name")),
      namePrefix: "",
      targetKeyArn: (r) => {
        const key = r.text("targetKeyId");
        return key.startsWith("arn:") ? key : `arn:aws:kms:${regionOf(r)}:${ACCOUNT}:key/${key}`;
      },
    },
    follows: { targetKeyArn: ["targetKeyId"] },
  },
  "aws:kms/keyPolicy:KeyPolicy": {
    untagged: true,
    required: ["keyId", "policy"],
    json: ["policy"],
    defaults: { bypassPolicyLockoutSafetyCheck: false },
    check: all(json("policy")),
    id: input("keyId"),
  },
  "aws:secretsmanager/secret:Secret": {
    replaceOn: ["name", "namePrefix"],
    sets: ["replicas"],
    json: ["policy"],
    autoName: { property: "name" },
    defaults: { forceOverwriteReplicaSecret: false, recoveryWindowInDays: 30 },
    check: all(
      pattern("name", /^[\w/+=.@-]{1,512}$/, "1 to 512 of A-Z a-z 0-9 and / _ + = . @ -"),
      rule(
        "recoveryWindowInDays",
        "0, or 7 to 30",
        (days) => days === 0 || (Number(days) >= 7 && Number(days) <= 30),
      ),
      json("policy"),
    ),
    id: output("arn"),
    computed: {
      arn: arn("secretsmanager", (r) => `secret:${r.text("name")}-${alphanumeric(6)}`),
      namePrefix: "",
      policy: "",
      replicas: [],
    },
  },
  "aws:secretsmanager/secretVersion:SecretVersion": {
    untagged: true,
    required: ["secretId"],
    replaceOn: ["secretBinary", "secretId", "secretString", "secretStringWoVersion"],
    sets: ["versionStages"],
    id: (r) => `${r.text("secretId")}|${output("versionId")(r)}`,
    computed: {
      arn: input("secretId"),
      hasSecretStringWo: false,
      secretArn: input("secretId"),
      versionId: uuid,
      versionStages: ["AWSCURRENT"],
    },
  },
  "aws:secretsmanager/secretPolicy:SecretPolicy": {
    untagged: true,
    required: ["policy", "secretArn"],
    replaceOn: ["secretArn"],
    json: ["policy"],
    check: all(json("policy")),
    id: input("secretArn"),
  },
  "aws:iam/role:Role": {
    global: true,
    required: ["assumeRolePolicy"],
    replaceOn: ["name", "namePrefix", "path"],
    sets: ["managedPolicyArns", "inlinePolicies"],
    json: ["assumeRolePolicy"],
    autoName: { property: "name", maximum: 64 },
    defaults: { forceDetachPolicies: false, maxSessionDuration: 3600, path: "/" },
    check: all(iamName(64), json("assumeRolePolicy")),
    id: input("name"),
    computed: {
      arn: globalArn("iam", (r) => `role${r.text("path")}${r.text("name")}`),
      createDate: now,
      managedPolicyArns: [],
      namePrefix: "",
      uniqueId: () => `AROA${upper(17)}`,
    },
  },
  "aws:iam/policy:Policy": {
    global: true,
    required: ["policy"],
    replaceOn: ["description", "name", "namePrefix", "path"],
    json: ["policy"],
    autoName: { property: "name" },
    defaults: { path: "/" },
    check: all(iamName(128), json("policy")),
    id: output("arn"),
    computed: {
      arn: globalArn("iam", (r) => `policy${r.text("path")}${r.text("name")}`),
      attachmentCount: 0,
      namePrefix: "",
      policyId: () => `ANPA${upper(17)}`,
    },
  },
  "aws:iam/rolePolicy:RolePolicy": {
    global: true,
    untagged: true,
    required: ["policy", "role"],
    replaceOn: ["name", "namePrefix", "role"],
    json: ["policy"],
    autoName: { property: "name" },
    check: all(iamName(128), json("policy")),
    id: (r) => `${r.text("role")}:${r.text("name")}`,
    computed: { namePrefix: "" },
  },
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {
    global: true,
    untagged: true,
    required: ["policyArn", "role"],
    replaceOn: ["policyArn", "role"],
    deleteBeforeReplace: true,
    check: all(pattern("policyArn", /^arn:aws[\w-]*:iam::(\d{12}|aws):policy\/.+$/, "the ARN of a policy")),
    id: (r) => `${r.text("role")}/${r.text("policyArn")}`,
  },
  "aws:rolesanywhere/trustAnchor:TrustAnchor": {
    global: true,
    required: ["source"],
    replaceOn: ["notificationSettings"],
    sets: ["notificationSettings"],
    autoName: { property: "name" },
    id: uuid,
    computed: {
      arn: arn(
        "rolesanywhere",
        (r) => `trust-anchor/${r.id}`,
        (r) => String(r.config["region"]),
      ),
      enabled: false,
      notificationSettings: [],
    },
  },
  "aws:rolesanywhere/profile:Profile": {
    global: true,
    autoName: { property: "name" },
    sets: ["managedPolicyArns", "roleArns"],
    check: all(between("durationSeconds", 900, 43_200)),
    id: uuid,
    computed: {
      arn: arn(
        "rolesanywhere",
        (r) => `profile/${r.id}`,
        (r) => String(r.config["region"]),
      ),
      durationSeconds: 3600,
    },
  },
};
