import path from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "./checkout";
import { trustLocalIssuer } from "./localIssuer";

it("trusts the local issuer, unless the environment names others", () => {
  const none: NodeJS.ProcessEnv = {};
  trustLocalIssuer(none);
  expect(none).toEqual({ DHISTANCE_ISSUERS: path.join(ROOT, ".dhistance/issuers.json") });
  const others = { DHISTANCE_ISSUERS: "/etc/dhistance/issuers.json" };
  trustLocalIssuer(others);
  expect(others).toEqual({ DHISTANCE_ISSUERS: "/etc/dhistance/issuers.json" });
});
