import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { CONTAINER, DOCKER_BACKUPS, dockerTenant } from "../../components/testing/dockerTenant";
import { ofType } from "../../components/testing/mocks";
import { SIZE_TERMS } from "../../plans/sizes";
import type { Size } from "../../plans/plans";
import { memoryOf, totalMemoryGiB } from "./hostRequirements";
import type { DockerTenant } from "./spec";

/** Only whether there are any matters here. */
const LOCATIONS = [{ disk: {} }] as DockerTenant["backups"]["locations"];
const of = (sizes: Size[], locations = LOCATIONS) =>
  ({
    servers: sizes.map((size, index) => ({ name: `server${index}`, size })),
    backups: { locations },
  }) as Pick<DockerTenant, "servers" | "backups">;
const memory = (size: Size, locations = LOCATIONS) =>
  memoryOf(of([size], locations))
    .filter(({ what }) => what.includes("server0"))
    .reduce((sum, { memoryGiB }) => sum + memoryGiB, 0);

it("stands in the docs as up demands it", () => {
  const page = readFileSync(path.join(__dirname, "../../docs/docker/host.md"), "utf8");
  const rows = [...page.matchAll(/^\| (\w+) +\| (\d+) GiB +\| (\d+) GiB +\|$/gm)];
  expect(rows.map(([, size, without, withBackups]) => [size, Number(without), Number(withBackups)])).toEqual(
    (Object.keys(SIZE_TERMS) as Size[]).map((size) => [size, memory(size, []), memory(size)]),
  );
  expect(totalMemoryGiB(of(["small"], [])) - memory("small", [])).toBe(1);
  expect(page).toContain("1 GiB for gateway and monitoring, 1 GiB for the host");
});

it("covers the limits of all containers that a tenant has, backups too", async () => {
  const made = await dockerTenant({ target: { backups: DOCKER_BACKUPS } });
  const limits = ofType(made, CONTAINER).reduce((sum, { inputs }) => sum + Number(inputs.memory) / 1024, 0);
  const total = totalMemoryGiB(of(["small", "small"]));
  expect(limits).toBeLessThanOrEqual(total);
  expect(total - limits).toBeLessThan(0.5);
});
