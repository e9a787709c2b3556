import { describe, expect, it } from "vitest";
import { optionsEnvironment, parseOptions } from "./options";

describe("parseOptions", () => {
  it("has the official host's defaults", () => {
    expect(parseOptions({})).toEqual({
      typescript: true,
      nodeargs: [],
      packagemanager: "auto",
      production: false,
    });
  });

  it("takes each option, and splits nodeargs as a shell does", () => {
    const options = {
      typescript: false,
      tsconfig: "tsconfig.pulumi.json",
      nodeargs: `--max-old-space-size=4096 --require './my hook.js'`,
      packagemanager: "pnpm",
      production: true,
    };
    expect(parseOptions(options)).toEqual({
      ...options,
      nodeargs: ["--max-old-space-size=4096", "--require", "./my hook.js"],
    });
  });

  it.each([
    [{ typescript: "yes" }, 'typescript is "yes"; it has to be a boolean'],
    [{ tsconfig: 1 }, "tsconfig is 1; it has to be a string"],
    [{ nodeargs: ["--inspect"] }, 'nodeargs is ["--inspect"]; it has to be a string'],
    [{ production: "true" }, 'production is "true"; it has to be a boolean'],
    [{ packagemanager: "cargo" }, 'packagemanager is "cargo"; it may be auto, npm, yarn, pnpm, bun'],
  ])("refuses %j", (options, complaint) => {
    expect(() => parseOptions(options)).toThrow(`runtime option ${complaint}`);
  });
});

describe("optionsEnvironment", () => {
  it("takes TypeScript away from a program that runs within another that has it", () => {
    expect(optionsEnvironment(parseOptions({ typescript: false }))).toEqual({
      PULUMI_NODEJS_TYPESCRIPT: undefined,
      PULUMI_NODEJS_TSCONFIG_PATH: undefined,
    });
    expect(optionsEnvironment(parseOptions({ tsconfig: "t.json" }))).toEqual({
      PULUMI_NODEJS_TYPESCRIPT: "true",
      PULUMI_NODEJS_TSCONFIG_PATH: "t.json",
    });
  });
});
