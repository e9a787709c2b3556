import type { Plan } from "./plans";

/** How long each kind of copy is kept. Days, unless a name says otherwise. */
export interface Retention {
  /** Days back to which a point in time can be restored (RDS allows 35 at most). */
  pointInTime: number;
  /** Daily snapshots in the vault of each region. */
  snapshots: number;
  /** Daily portable exports (restic), in the cloud. */
  portable: number;
  /** The same at the customer's own place, which keeps them longest: disks there cost little. */
  onPremises: number;
  /**
   * Who can shorten the above. Governance: someone with a special permission; compliance: nobody, the provider
   * included, until the time is over.
   */
  lock: "governance" | "compliance";
  /** Days after which a compliance lock can no longer be taken away; AWS asks for three or more. */
  lockGraceDays: number;
}

/**
 * Our rule, plan by plan. A trial's data is deleted when it ends, so it is locked lightly; a country's health data is
 * kept so that even we cannot lose it.
 */
export const RETENTION: Readonly<Record<Plan, Retention>> = {
  trial: {
    pointInTime: 7,
    snapshots: 14,
    portable: 14,
    onPremises: 30,
    lock: "governance",
    lockGraceDays: 3,
  },
  premium: {
    pointInTime: 14,
    snapshots: 35,
    portable: 35,
    onPremises: 180,
    lock: "governance",
    lockGraceDays: 3,
  },
  enterprise: {
    pointInTime: 35,
    snapshots: 90,
    portable: 90,
    onPremises: 365,
    lock: "compliance",
    lockGraceDays: 7,
  },
};
