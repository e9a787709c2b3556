import { expect, it } from "vitest";
import { lockOf, refuseNewLock } from "./lock";

const SINCE = "in eu-west-1 since 2026-11-08T00:00:00.000Z";
const held = async () => SINCE;
const notYet = async () => undefined;

it("lets a governance lock become any other", async () => {
  for (const plan of ["trial", "premium", "enterprise"] as const) {
    expect(await refuseNewLock({ ...lockOf("trial") }, plan, held)).toBeUndefined();
    expect(await refuseNewLock({ ...lockOf("premium") }, plan, held)).toBeUndefined();
  }
});

it("lets a compliance lock stay as it is", async () => {
  expect(await refuseNewLock({ ...lockOf("enterprise") }, "enterprise", held)).toBeUndefined();
});

it("refuses to change a compliance lock that holds for good, shorter as longer, and says since when", async () => {
  for (const plan of ["trial", "premium"] as const)
    expect(await refuseNewLock({ ...lockOf("enterprise") }, plan, held)).toMatch(
      new RegExp(
        `^plan ${plan}: .* compliance lock of 90 days \\(${SINCE.replaceAll(".", "\\.")}\\), which AWS lets nobody change`,
      ),
    );
  expect(await refuseNewLock({ mode: "compliance", days: 30 }, "enterprise", held)).toMatch(/of 30 days/);
});

it("lets it be changed in its days of grace", async () => {
  expect(await refuseNewLock({ ...lockOf("enterprise") }, "premium", notYet)).toBeUndefined();
});
