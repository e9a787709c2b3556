import { Region } from "@pulumi/aws/types/enums";
import { expect, it } from "vitest";
import { isRegion } from "./regions";

it("knows every public region of the installed SDK, and none of another partition", () => {
  const other = /^(cn|us-gov|us-iso|us-isob|eu-isoe|us-isof|eusc)-/;
  for (const region of Object.values(Region)) expect(isRegion(region), region).toBe(!other.test(region));
  expect(isRegion("eu-west-9")).toBe(false);
});
