import { expect, it } from "vitest";
import { describeTenant } from "./summary";

const outputs = {
  tenant: {
    id: "moh",
    displayName: "Ministry of Health",
    plan: "premium" as const,
    servers: { used: 0, allowed: 2 },
    entitledUntil: "2027-11-26T00:00:00Z",
  },
  servers: {},
  contacts: {},
};
const backup = { where: "eu-central-1", kind: "snapshot", retentionDays: 35 };

it("lists the backups of a tenant", () => {
  expect(describeTenant({ ...outputs, backups: [backup] })).toMatch(
    /\nBackups\n +eu-central-1 +snapshot +kept 35 days\n/,
  );
  expect(describeTenant({ ...outputs, backups: [] })).toMatch(/\nBackups\n +none\n/);
});

it("lists the backups of a stack whose last update was by a version before 0.2", () => {
  expect(describeTenant({ ...outputs, copies: [backup] })).toMatch(/\nBackups\n +eu-central-1 /);
});
