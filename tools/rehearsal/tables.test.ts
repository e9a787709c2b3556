import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { aws } from "./aws";
import { constrainedPaths } from "./aws/constraints";
import { docker } from "./docker";
import { random } from "./random";
import type { ResourceType } from "./resource";
import { tls } from "./tls";

/** Every row against the installed SDK: a name that the SDK does not have would have no effect, unnoticed. */

const texts = new Map<string, string>();
function sdkFile(pack: string, file: string): string {
  const place = path.join(path.dirname(require.resolve(`@pulumi/${pack}/package.json`)), file);
  let text = texts.get(place);
  if (text === undefined) {
    text = existsSync(place) ? readFileSync(place, "utf8") : "";
    texts.set(place, text);
  }
  return text;
}

/** The first passage of a text that begins and ends so, from a place on; empty if there is none. */
function passage(text: string, begin: string, end: string, start = 0): string {
  const from = text.indexOf(begin, start);
  return from < 0 ? "" : text.slice(from, text.indexOf(end, from) + 1);
}

/** What the SDK says of a resource, read from its class. */
function sdkOf(token: string) {
  const [pack = "", module = "", name = ""] = token.split(":");
  const file = module.replace(/^index\//, "");
  const source = sdkFile(pack, `${file}.js`);
  const all = (pattern: RegExp) => [...source.matchAll(pattern)].map((match) => match[1] ?? "");
  return {
    token: all(/__pulumiType = '([^']+)'/g)[0],
    inputs: all(/resourceInputs\["(\w+)"\] = .*\bargs\b/g),
    outputsOnly: all(/resourceInputs\["(\w+)"\] = undefined \/\*out/g),
    properties: all(/resourceInputs\["(\w+)"\] = .*\bstate\b/g),
    required: all(/Missing required property '(\w+)'/g),
    /** Whether there is an input so named: `rules.action.type`, lists passed through. */
    has(input: string): boolean {
      let [block, indent] = [
        passage(sdkFile(pack, `${file}.d.ts`), `export interface ${name}Args {`, "\n}\n"),
        4,
      ];
      for (const step of input.split(".")) {
        const type = new RegExp(`^ {${indent}}(?:readonly )?${step}\\??: (.*)$`, "m").exec(block)?.[1];
        if (type === undefined) return false;
        const [, space, nested] = /inputs\.(?:(\w+)\.)?(\w+)/.exec(type) ?? [];
        const types = sdkFile(pack, "types/input.d.ts");
        [block, indent] = !nested
          ? ["", 0]
          : space
            ? [
                passage(
                  types,
                  `    interface ${nested} {`,
                  "\n    }\n",
                  types.indexOf(`declare namespace ${space} {`),
                ),
                8,
              ]
            : [passage(types, `export interface ${nested} {`, "\n}\n"), 4];
      }
      return true;
    },
  };
}

const rows = [aws, docker, random, tls].flatMap((provider) => Object.entries(provider.resources));

describe.each(rows)("%s", (token: string, type: ResourceType) => {
  const sdk = sdkOf(token);

  it("is a resource of the installed SDK", () => {
    expect(sdk.token).toBe(token);
  });

  it("names only inputs that the SDK has, and requires what the SDK requires", () => {
    const named = [
      ...(Array.isArray(type.replaceOn) ? (type.replaceOn as string[]) : []),
      ...(type.sets ?? []),
      ...(type.json ?? []),
      ...constrainedPaths(token),
      ...Object.keys(type.defaults ?? {}),
      ...(type.autoName ? [type.autoName.property] : []),
    ];
    expect(named.filter((input) => !sdk.has(input))).toEqual([]);
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
