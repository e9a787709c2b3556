import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { aws } from "./aws";
import { docker } from "./docker";
import { random } from "./random";
import type { ResourceType } from "./resource";
import { tls } from "./tls";

/** What the installed SDK says of a resource, read from its constructor. */
function sdkOf(token: string) {
  const [pack = "", module = ""] = token.split(":");
  const file = path.join(
    path.dirname(require.resolve(`@pulumi/${pack}/package.json`)),
    `${module.replace(/^index\//, "")}.js`,
  );
  const source = existsSync(file) ? readFileSync(file, "utf8") : "";
  const all = (pattern: RegExp) => [...source.matchAll(pattern)].map((match) => match[1] ?? "");
  return {
    token: all(/__pulumiType = '([^']+)'/g)[0],
    inputs: all(/resourceInputs\["(\w+)"\] = .*\bargs\b/g),
    outputsOnly: all(/resourceInputs\["(\w+)"\] = undefined \/\*out/g),
    properties: all(/resourceInputs\["(\w+)"\] = .*\bstate\b/g),
    required: all(/Missing required property '(\w+)'/g),
  };
}

const rows = [aws, docker, random, tls].flatMap((provider) => Object.entries(provider.resources));

describe.each(rows)("%s", (token: string, type: ResourceType) => {
  const sdk = sdkOf(token);

  it("is a resource of the installed SDK", () => {
    expect(sdk.token).toBe(token);
  });

  it("names only inputs that the SDK has, and requires what the SDK requires", () => {
    const fixed = Array.isArray(type.replaceOn) ? (type.replaceOn as string[]) : [];
    const named = [
      ...[...fixed, ...(type.sets ?? []), ...(type.json ?? [])].map((input) => input.split(".")[0] ?? ""),
      ...Object.keys(type.defaults ?? {}),
      ...(type.autoName ? [type.autoName.property] : []),
    ];
    expect(named.filter((input) => !sdk.inputs.includes(input))).toEqual([]);
    expect([...(type.required ?? [])].sort()).toEqual([...sdk.required].sort());
  });

  it("gives every output that the SDK has", () => {
    const computed = Object.keys(type.computed ?? {});
    const missing = sdk.outputsOnly.filter((output) => output !== "tagsAll" && !computed.includes(output));
    expect(missing).toEqual([]);
    expect(computed.filter((output) => !sdk.properties.includes(output))).toEqual([]);
  });
});

describe.each(Object.entries(aws.resources))("%s", (token, type) => {
  it("has a region and tags if the SDK says so", () => {
    const sdk = sdkOf(token);
    expect(!type.global).toBe(sdk.inputs.includes("region"));
    expect(!type.untagged).toBe(sdk.outputsOnly.includes("tagsAll"));
  });
});
