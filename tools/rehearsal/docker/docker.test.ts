import { describe, expect, it } from "vitest";
import { check, create, diff } from "../resource";
import type { Properties } from "../values";
import { docker } from "./";

const identity = { name: "web", urn: "urn:web", config: {} };

function typeOf(name: string) {
  const type = docker.resources[`docker:index/${name.charAt(0).toLowerCase()}${name.slice(1)}:${name}`];
  if (!type) throw new Error(`no row ${name}`);
  return type;
}
const checked = (name: string, inputs: Properties) =>
  check(typeOf(name), "web", inputs, undefined, new Uint8Array());
async function made(name: string, inputs: Properties) {
  const { inputs: complete, failures } = checked(name, inputs);
  expect(failures).toEqual([]);
  return create(typeOf(name), identity, complete, false);
}

describe("Container", () => {
  const old = { image: "app:1", memory: 512, restart: "always", envs: ["A=1", "B=2"], name: "web" };
  const plan = (change: Properties) => diff(typeOf("Container"), old, {}, { ...old, ...change });

  it("takes other limits and restart policies in place, and is recreated for most else", () => {
    expect(plan({ memory: 1024, restart: "no" })).toMatchObject({ replace: false });
    expect(plan({ healthcheck: { tests: ["NONE"] } })).toMatchObject({ replace: false });
    expect(plan({ image: "app:2" })).toMatchObject({ replace: true, deleteBeforeReplace: true });
    expect(plan({ envs: ["B=2", "A=1"] }).changes).toEqual([]);
    expect(plan({ envs: ["B=3", "A=1"] })).toMatchObject({ replace: true });
  });

  it("has an address in each of its networks", async () => {
    const { id, outputs } = await made("Container", {
      ...{ image: "app:1", networksAdvanced: [{ name: "inner" }, { name: "outer" }] },
    });
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(outputs["hostname"]).toBe(id.slice(0, 12));
    expect(outputs["networkDatas"]).toMatchObject([
      { networkName: "inner", ipAddress: expect.stringMatching(/^172\.\d+\.0\.\d+$/) as string },
      { networkName: "outer" },
    ]);
  });

  it("refuses a restart policy and a name that Docker does not know", () => {
    expect(checked("Container", { image: "a", restart: "sometimes" }).failures).toMatchObject([
      { property: "restart" },
    ]);
    expect(checked("Container", { image: "a", name: "-a" }).failures).toMatchObject([{ property: "name" }]);
    expect(checked("Container", {}).failures).toMatchObject([{ property: "image" }]);
  });
});

describe("RemoteImage", () => {
  it("has one digest for one reference, without its tag in the repository's name", async () => {
    const [one, same, other] = await Promise.all([
      made("RemoteImage", { name: "registry:5000/team/app:1" }),
      made("RemoteImage", { name: "registry:5000/team/app:1" }),
      made("RemoteImage", { name: "registry:5000/team/app:2" }),
    ]);
    expect(one.outputs).toEqual(same.outputs);
    expect(one.outputs["imageId"]).not.toBe(other.outputs["imageId"]);
    expect(one.outputs["repoDigest"]).toMatch(/^registry:5000\/team\/app@sha256:[0-9a-f]{64}$/);
  });
});

describe("Volume and Network", () => {
  it("are named after the resource, and known by name or id", async () => {
    const volume = await made("Volume", {});
    expect(volume.id).toMatch(/^web-[0-9a-f]{7}$/);
    expect(volume.outputs["mountpoint"]).toBe(`/var/lib/docker/volumes/${volume.id}/_data`);
    const network = await made("Network", { internal: true });
    expect(network.outputs).toMatchObject({ driver: "bridge", internal: true, scope: "local" });
  });
});

describe("the host", () => {
  it.each(["ssh://ops@host", "unix:///var/run/docker.sock", "tcp://host:2376"])("may be %s", (host) => {
    expect(docker.configure?.({ host })).toEqual({ host });
  });
  it("may not be a bare name", () => {
    expect(() => docker.configure?.({ host: "office" })).toThrow('"office" is not a Docker host');
  });
});
