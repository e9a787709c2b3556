import type { ResourceValidationPolicy } from "@pulumi/policy";
import { onEach } from "../onEach";

/** For each type, what turns encryption on, where it is not always on, and what names the key. */
const ENCRYPTION: Readonly<Record<string, { on?: string; key: string }>> = {
  "aws:backup/vault:Vault": { key: "kmsKeyArn" },
  "aws:ebs/volume:Volume": { on: "encrypted", key: "kmsKeyId" },
  "aws:efs/fileSystem:FileSystem": { on: "encrypted", key: "kmsKeyId" },
  "aws:elasticache/replicationGroup:ReplicationGroup": { on: "atRestEncryptionEnabled", key: "kmsKeyId" },
  "aws:rds/cluster:Cluster": { on: "storageEncrypted", key: "kmsKeyId" },
  "aws:rds/instance:Instance": { on: "storageEncrypted", key: "kmsKeyId" },
  "aws:secretsmanager/secret:Secret": { key: "kmsKeyId" },
};

export const encryptedAtRest: ResourceValidationPolicy = {
  name: "encrypted-at-rest",
  description: "What holds data or secrets is encrypted with a key of its tenant, and not with one of AWS.",
  validateResource: Object.entries(ENCRYPTION).map(([type, { on, key }]) =>
    onEach(type, ({ name, props }) => {
      if (on && props[on] !== true)
        return `"${name}" is not encrypted; allowed: ${on}: true, and a key in ${key}.`;
      if (!props[key])
        return `"${name}" is encrypted with a key of AWS; allowed: a KMS key of the tenant. Set ${key}.`;
      return undefined;
    }),
  ),
};
