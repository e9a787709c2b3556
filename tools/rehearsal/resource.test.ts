import { describe, expect, it } from "vitest";
import { all, oneOf } from "./checks";
import { check, create, diff, update, type ResourceType } from "./resource";
import { UNKNOWN } from "./values";

const none = new Uint8Array();
const identity = { name: "web", urn: "urn:web", config: { region: "eu-west-1" } };
const type: ResourceType = {
  required: ["size"],
  defaults: { public: false },
  autoName: { property: "name" },
  replaceOn: ["name"],
  check: all(oneOf("size", "small", "large")),
  id: (r) => `id-${r.text("name")}`,
  computed: {
    arn: (r) => `arn:${String(r.config["region"])}:${r.id}`,
    port: 5432,
    endpoint: (r) => `${r.text("name")}:${String(r.output("port"))}`,
    version: () => String(Math.random()),
  },
  follows: { version: ["content"] },
};

describe("check", () => {
  it("fills in defaults and a name, and keeps them at later checks", () => {
    const first = check(type, "web", { size: "small" }, undefined, none);
    expect(first.failures).toEqual([]);
    expect(first.inputs).toMatchObject({ size: "small", public: false });
    expect(first.inputs["name"]).toMatch(/^web-/);
    const second = check(type, "web", { size: "large" }, first.inputs, none);
    expect(second.inputs["name"]).toBe(first.inputs["name"]);
  });

  it("does not take a name given by hand for a default once it is left out", () => {
    const first = check(type, "web", { size: "small", name: "mine" }, undefined, none);
    const second = check(type, "web", { size: "small" }, first.inputs, none);
    expect(second.inputs["name"]).toMatch(/^web-[0-9a-f]{7}$/);
  });

  it("reports every fault with its property, and none of what is not known", () => {
    expect(check(type, "web", {}, undefined, none).failures).toEqual([
      { property: "size", reason: '"size" is required' },
    ]);
    expect(check(type, "web", { size: "huge" }, undefined, none).failures).toEqual([
      { property: "size", reason: '"huge" is not valid; allowed: small, large' },
    ]);
    expect(check(type, "web", { size: UNKNOWN }, undefined, none).failures).toEqual([]);
  });
});

describe("create", () => {
  const inputs = { size: "small", name: "web-1", public: false, __defaults: ["name", "public"] };

  it("knows in a preview only what the inputs say", async () => {
    const { id, outputs } = await create(type, identity, { ...inputs, size: UNKNOWN }, true);
    expect(id).toBe("");
    expect(outputs).toEqual({
      ...{ size: UNKNOWN, name: "web-1", public: false },
      ...{ arn: UNKNOWN, port: UNKNOWN, endpoint: UNKNOWN, version: UNKNOWN },
    });
  });

  it("makes id and outputs, which may draw on each other", async () => {
    const { id, outputs } = await create(type, identity, inputs, false);
    expect(id).toBe("id-web-1");
    expect(outputs).toMatchObject({ arn: "arn:eu-west-1:id-web-1", port: 5432, endpoint: "web-1:5432" });
    expect(outputs).not.toHaveProperty("__defaults");
  });

  it("lets an input win over what the provider would choose", async () => {
    const { outputs } = await create(type, identity, { ...inputs, port: 5433 }, false);
    expect(outputs).toMatchObject({ port: 5433, endpoint: "web-1:5433" });
  });
});

describe("update", () => {
  const old = { size: "small", name: "web-1", content: "a" };
  const state = { ...old, arn: "arn:kept", port: 5432, endpoint: "kept", version: "1" };
  const updated = (inputs: typeof old, preview: boolean) =>
    update(type, { ...identity, id: "id-web-1" }, old, state, inputs, preview);

  it("keeps outputs, also in a preview", () => {
    const inputs = { ...old, size: "large" };
    expect(updated(inputs, true)).toEqual({ ...state, size: "large" });
    expect(updated(inputs, false)).toEqual({ ...state, size: "large" });
  });

  it("makes those again that follow a changed input", () => {
    const inputs = { ...old, content: "b" };
    expect(updated(inputs, true)).toMatchObject({ arn: "arn:kept", version: UNKNOWN });
    expect(updated(inputs, false)["version"]).not.toBe("1");
  });
});

describe("diff", () => {
  it("creates the replacement first if the name is generated, and last if it was chosen by hand", () => {
    const generated = { name: "web-1", size: "small", __defaults: ["name"] };
    const fixed: ResourceType = { ...type, replaceOn: ["size"] };
    expect(diff(fixed, generated, {}, { ...generated, size: "large" })).toMatchObject({
      replace: true,
      deleteBeforeReplace: false,
    });
    const chosen = { name: "web", size: "small", __defaults: [] };
    expect(diff(fixed, chosen, {}, { ...chosen, size: "large" })).toMatchObject({
      replace: true,
      deleteBeforeReplace: true,
    });
  });

  it("replaces what has expired though no input changed", () => {
    const expiring: ResourceType = { expired: (state) => (state["old"] ? ["ready"] : []) };
    expect(diff(expiring, {}, { old: false }, {}).changes).toEqual([]);
    expect(diff(expiring, {}, { old: true }, {})).toMatchObject({
      replace: true,
      changes: [{ path: "ready", replaces: true }],
    });
  });
});
