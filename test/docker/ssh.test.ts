import path from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { inspectHost } from "../../operations/docker/inspect";
import { OWN_IMAGES } from "../../images/build";
import { ROOT, type TenantStack } from "../engine/tenants";
import { needs } from "./browser";
import { npm } from "./checkout";
import { BASE, useEngine } from "./engine";
import { missingForSsh, startSsh, type SshHost } from "./ssh";
import { Visitor } from "./visitor";
import { freePlace, startWorld, sweep, VERSIONS, type World } from "./world";

/** A tenant on a host that is reached over SSH, by the provider and by the jobs; the host is this machine. */
const TENANT = "tierssh";
const HMIS = "hmis.moh.test";
const lacking = missingForSsh();
let world: World;
let ssh: SshHost;
let stack: TenantStack;
beforeAll(async () => {
  if (lacking) return;
  const engine = await useEngine();
  ssh = await startSsh(engine.host);
  vi.stubEnv("PATH", [ssh.bin, process.env["PATH"]].join(path.delimiter));
  world = await startWorld();
  await engine.release();
  await sweep(world.engine, TENANT);
});
afterAll(async () => {
  if (world) await sweep(world.engine, TENANT);
  await world?.end();
  ssh?.stop();
});

it("nothing is said of a host that has what is needed", async (context) => {
  needs(context, lacking);
  const asked = { tenant: TENANT, ports: [], images: [BASE], memoryGiB: 1, containers: [], networks: [] };
  expect(await inspectHost(ssh.host, asked)).toEqual([]);
  expect(ssh.accepted()).toBeGreaterThan(0);
});

it("our images are built there", async (context) => {
  needs(context, lacking);
  const { DOCKER_HOST: _, ...env } = process.env;
  const args = ["run", "--silent", "images", "--", "--host", ssh.host, "--network", "host"];
  expect(await npm(args, { cwd: ROOT, env })).toEqual({
    code: 0,
    stdout: `${OWN_IMAGES.join("\n")}\n`,
    stderr: "",
  });
});

it("a tenant comes up there, answers, and does not change at a second up", async (context) => {
  needs(context, lacking);
  const place = await freePlace();
  stack = await world.tenants.stack(TENANT, { plan: "trial", maxServers: 1 }, (spec) => {
    spec.target = {
      docker: { host: ssh.host, ...place, certificates: { private: {} }, images: world.images },
    };
    spec.backups = { locations: [] };
    spec.servers = [{ name: "hmis", dhis2: VERSIONS.newest, size: "small", hostname: HMIS }];
  });
  await stack.succeed("up", "--yes", "--skip-preview");
  const { stdout } = await stack.succeed("stack", "output", "authority");
  const visitor = new Visitor(place.published, stdout);
  expect(await visitor.get(HMIS, "/api/ping")).toMatchObject({ status: 200, text: "" });
  await stack.succeed("up", "--yes", "--skip-preview", "--expect-no-changes");
});

it("a host that does not let us in is refused before anything is made, with what to try", async (context) => {
  needs(context, lacking);
  const others = await world.tenants.stack(`${TENANT}-other`, { plan: "trial", maxServers: 1 }, (spec) => {
    spec.target = { docker: { host: ssh.host.replace("ssh://", "ssh://nobody-") } };
    spec.backups = { locations: [] };
  });
  const { code, stdout, stderr } = await others.run("up", "--yes", "--skip-preview");
  expect(code).not.toBe(0);
  expect(stdout + stderr).toMatch(
    /nothing was changed\.\n\s*- target\.docker\.host: "ssh:\/\/nobody-[^"]+"; is not reached \(.*Permission denied.*\)\. Try: ssh -p \d+ nobody-/,
  );
  const types = (await others.state()).resources.map(({ type }) => type);
  expect(types).not.toContainEqual(expect.stringMatching(/^(docker|random|tls):/));
});
