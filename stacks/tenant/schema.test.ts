import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { SCHEMA_FILE, stackFileSchema } from "./schema";

it("is what the committed schema file says; npm run schema writes it", () => {
  expect(JSON.parse(readFileSync(SCHEMA_FILE, "utf8"))).toEqual(stackFileSchema());
});

it("takes a secret only as Pulumi encrypts it", () => {
  expect(JSON.stringify(stackFileSchema())).toContain('"required":["secure"]');
});
