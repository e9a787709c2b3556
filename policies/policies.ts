import type { Policy } from "@pulumi/policy";
import { backupsWithinPlan } from "./protection/backups-within-plan";
import { encryptedAtRest } from "./protection/encrypted-at-rest";
import { logRetention } from "./protection/log-retention";
import { memoryLimit } from "./protection/memory-limit";
import { noOpenPort } from "./protection/no-open-port";
import { noPlainSecret } from "./protection/no-plain-secret";
import { noPublicBucket } from "./protection/no-public-bucket";
import { noPublicDatabase } from "./protection/no-public-database";
import { pinnedImages } from "./protection/pinned-images";
import { tlsRequired } from "./protection/tls-required";
import { entitlementValid } from "./quota/entitlement-valid";
import { programAccepts } from "./quota/program-accepts";
import { serversWithinPlan } from "./quota/servers-within-plan";
import { quotaSoFar } from "./quota/quota-so-far";
import { sizeWithinPlan } from "./quota/size-within-plan";
import { stackIsTenant } from "./quota/stack-is-tenant";

/** Every policy of the pack. Each stops `pulumi up` and `pulumi preview` if it finds a violation. */
export const POLICIES: Policy[] = [
  programAccepts,
  quotaSoFar,
  entitlementValid,
  stackIsTenant,
  serversWithinPlan,
  sizeWithinPlan,
  backupsWithinPlan,
  encryptedAtRest,
  logRetention,
  memoryLimit,
  noOpenPort,
  noPlainSecret,
  noPublicBucket,
  noPublicDatabase,
  pinnedImages,
  tlsRequired,
];
