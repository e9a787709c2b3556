import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { TenantStack } from "../engine/tenants";
import { startAcmeAuthority, type AcmeAuthority } from "./acme";
import { Visitor } from "./visitor";
import { freePlace, startWorld, sweep, until, VERSIONS, type World } from "./world";

/** A tenant whose gateway gets its certificates by ACME, from a CA that verifies its host name. */
const TENANT = "tieracme";
const HMIS = "hmis.acme.test";

let world: World;
let stack: TenantStack;
let authority: AcmeAuthority;
let visitor: Visitor;
beforeAll(async () => {
  world = await startWorld();
  await sweep(world.engine, TENANT);
  const place = await freePlace();
  authority = await startAcmeAuthority(world.engine, place.published);
  visitor = new Visitor(place.published, authority.root);
  stack = await world.tenants.stack(TENANT, { plan: "trial", maxServers: 1 }, (spec, put) => {
    const ca = put("ca.pem", readFileSync(authority.authority, "utf8"));
    const certificates = { acme: { directory: authority.directory, authority: ca } };
    spec.target = { docker: { host: world.engine.host, ...place, certificates, images: world.images } };
    spec.backups = { locations: [] };
    spec.servers = [{ name: "hmis", dhis2: VERSIONS.current, size: "small", hostname: HMIS }];
  });
  await stack.succeed("up", "--yes", "--skip-preview");
});
afterAll(async () => {
  if (world) await sweep(world.engine, TENANT);
  authority?.stop();
  await world?.end();
});

const answers = () =>
  until("it answers with a certificate of the authority's", async () => {
    return (await visitor.get(HMIS, "/api/ping")).status === 200;
  });

it("the authority's certificate is shown to whoever trusts that one alone", async () => {
  await answers();
  const { protocol } = await visitor.handshake(HMIS, { minVersion: "TLSv1.2" });
  expect(protocol).toBe("TLSv1.3");
});

it("it is kept when the gateway is recreated, and needs no authority then", async () => {
  const ends = await visitor.certificateEnds(HMIS);
  authority.halt();
  const gateway = world.engine.docker.getContainer(`${TENANT}-gateway`);
  await gateway.remove({ force: true });
  await stack.succeed("up", "--yes", "--skip-preview", "--refresh");
  await answers();
  expect(await visitor.certificateEnds(HMIS)).toBe(ends);
});

it("monitoring finds it good", async () => {
  const { stdout } = await stack.succeed("stack", "output", "monitoring");
  await until("the page says that the endpoint answers", async () => {
    const page = await (await fetch(stdout.trim())).text();
    return /<td id="hmis-endpoint">\s*answers/.test(page);
  });
});
