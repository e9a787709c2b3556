import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { FORGOTTEN, SIMULATED } from "./unsupported";

it("is documented, name by name, in what this tier proves", () => {
  const page = readFileSync(path.join(__dirname, "README.md"), "utf8");
  const short = (token: string) => token.replace(/^aws:(\w+)\/\w+:/, "$1.");
  for (const token of Object.keys(SIMULATED)) expect(page).toContain(`\`${short(token)}\``);
  for (const [token, properties] of Object.entries(FORGOTTEN))
    for (const name of [short(token), ...properties]) expect(page).toContain(`\`${name}\``);
});
