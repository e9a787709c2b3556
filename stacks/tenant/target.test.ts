import { expect, it } from "vitest";
import { refuseMove } from "./target";

it("lets a tenant stay in its region, and says how it moves on purpose", () => {
  expect(refuseMove("eu-west-1", "eu-west-1")).toBeUndefined();
  expect(refuseMove("eu-west-1", "eu-north-1")).toMatch(
    /^target\.aws\.region: "eu-north-1"; the tenant's data are in eu-west-1.*Put eu-west-1 back.*retire: true.*pulumi destroy/,
  );
});
