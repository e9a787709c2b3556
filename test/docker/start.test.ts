import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import type { Result } from "../engine/pulumi";
import type { Draft, TenantStack } from "../engine/tenants";
import { missingForBrowser, needs, openBrowser } from "./browser";
import { giveCertificate } from "./certificate";
import { Checkout, npm } from "./checkout";
import { expectSecured, toDefaultPassword } from "./defaultPassword";
import { BASE } from "./engine";
import { inside as insideOf } from "./runInContainer";
import { rollback, rollbackOf } from "./rollback";
import { REPORTS, missingForScanner, scanTls, type Finding } from "./scan";
import { Visitor, type Visit } from "./visitor";
import { freePlace, startWorld, sweep, VERSIONS, type World } from "./world";

/**
 * `npm start -- --target docker` in a newcomer's checkout, and what comes of it: seen by a browser, by a scanner, and
 * by a second tenant on the same engine, whose certificate is a given one. Each test goes on from the one before.
 */
const OURS = "moh-docker";
const HMIS = "hmis.localhost";
const THEIRS = "tierneighbour";
const GIVEN = "neighbour.localhost";
/** A second tenant of the same checkout, on a paid plan. */
const SECOND = "moh-paid";
/** Seconds; longer than the default timeout of proxies. */
const LONG = 65;

let world: World;
let checkout: Checkout;
let folder: string;
let first: Result;
let address: string;
let visitor: Visitor;
let neighbour: TenantStack;
let neighbours: Visitor;
let theirPlace: Awaited<ReturnType<typeof freePlace>>;
let scan: Promise<Finding[]> | undefined;
let longRead: Promise<Visit>;
const start = (...args: string[]) =>
  checkout.start(["--target", "docker", ...args], { DOCKER_HOST: world.engine.host });

beforeAll(async () => {
  mkdirSync(REPORTS, { recursive: true });
  world = await startWorld();
  folder = mkdtempSync(path.join(tmpdir(), "given-"));
  checkout = new Checkout();
  for (const tenant of [OURS, THEIRS, SECOND]) await sweep(world.engine, tenant);
  const place = await freePlace();
  theirPlace = await freePlace();
  checkout.change(OURS, ({ target: { docker } }) => {
    Object.assign(docker, { images: world.images, ...place });
  });
  neighbour = await world.tenants.stack(THEIRS, { plan: "enterprise", maxServers: 20 }, (spec, put) => {
    const { certificate, privateKey } = giveCertificate(folder, GIVEN);
    const given = {
      certificate: put("certificate.pem", readFileSync(certificate, "utf8")),
      privateKey: put("private-key.pem", readFileSync(privateKey, "utf8")),
    };
    const certificates = { given };
    spec.target = { docker: { host: world.engine.host, ...theirPlace, certificates, images: world.images } };
    spec.backups = { locations: [] };
    spec.servers = [{ name: "hmis", dhis2: VERSIONS.current, size: "small", hostname: GIVEN }];
  });
  // At once: they are two tenants that know nothing of each other.
  [first] = await Promise.all([start(), neighbour.succeed("up", "--yes", "--skip-preview")]);
  if (first.code !== 0) throw new Error(`npm start:\n${first.stdout}\n${first.stderr}`);
  address = `https://${HMIS}:${place.published.https}`;
  const authority = checkout.read(said(/its root is (\S+)/));
  visitor = new Visitor(place.published, authority);
  neighbours = new Visitor(theirPlace.published, readFileSync(path.join(folder, "authority.pem"), "utf8"));
  // Both take a minute in which other tests go on.
  longRead = visitor.get(HMIS, `/api/wait/${LONG}`);
  if (!missingForScanner()) scan = scanTls("tls-private-authority", address, authority);
  for (const promise of [longRead, scan]) promise?.catch(() => undefined);
});
afterAll(async () => {
  await scan?.catch(() => undefined);
  for (const tenant of world ? [OURS, THEIRS, SECOND] : []) await sweep(world.engine, tenant);
  checkout?.remove();
  rmSync(folder, { recursive: true, force: true });
  await world?.end();
});

/** What the first run said, in a place. */
function said(where: RegExp): string {
  const found = where.exec(first.stdout)?.[1];
  if (!found) throw new Error(`nothing like ${where} in:\n${first.stdout}`);
  return found;
}

async function inspectAll(tenant: string) {
  const all = await world.engine.docker.listContainers({ all: true });
  const names = all.flatMap(({ Names }) => Names.map((each) => each.slice(1)));
  const own = names.filter((each) => each.startsWith(`${tenant}-`)).sort();
  return Promise.all(own.map((each) => world.engine.docker.getContainer(each).inspect()));
}
const ids = async (tenant: string) => (await inspectAll(tenant)).map(({ Id }) => Id);

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 240; tries++) {
    if (await done().catch(() => false)) return;
    await sleep(500);
  }
  throw new Error(`in two minutes it did not come about that ${what}`);
}

describe("npm start -- --target docker", () => {
  it("says in plain lines what it does, and ends with an address that answers", async () => {
    expect(first.stdout).toContain(`${address}  answers, certificate verified with the tenant's root`);
    expect((await fetch(said(/Monitoring\n +(\S+)/))).status).toBe(200);
    expect(first.stdout).toMatch(/✔ Tenant moh-docker: \d+ created in \d+ s/);
    expect(first.stdout).not.toContain("\u001b");
    expect(await visitor.get(HMIS, "/api/ping")).toMatchObject({ status: 200, text: "" });
  });

  it("says how to log in, and shows no password", async () => {
    const [, account, file] = /log in +(\S+), with the password in (\S+)/.exec(first.stdout) ?? [];
    const password = checkout.read(file as string);
    expect(first.stdout + first.stderr).not.toContain(password);
    expect(statSync(checkout.at(file as string)).mode & 0o077).toBe(0);
    const Authorization = `Basic ${Buffer.from(`${account}:${password}`).toString("base64")}`;
    expect((await visitor.get(HMIS, "/api/me", { Authorization })).status).toBe(200);
  });

  it("keeps state, root and passwords where git does not look, and leaves the stack file as it was", () => {
    const file = `tenants/Pulumi.${OURS}.yaml`;
    expect(checkout.read(".gitignore").split("\n")).toContain(".dhistance/");
    for (const place of [said(/its root is (\S+)/), said(/the password in (\S+)/)])
      expect(place).toMatch(/^\.dhistance\//);
    expect(checkout.read(file)).toContain("encryptionsalt: v1:QJARzKGHg1Y=");
    expect(statSync(checkout.at(".dhistance/docker")).mode & 0o077).toBe(0);
  });

  it("refuses what cannot be had before it touches anything", async () => {
    const before = await ids(OURS);
    const { gateway } = world.images;
    let port = 0;
    checkout.change(OURS, ({ target: { docker } }) => {
      docker.images.gateway = "registry.invalid/caddy:0";
      [port, docker.monitoring.port] = [docker.monitoring.port as number, theirPlace.monitoring.port];
    });
    const { code, stdout, stderr } = await start();
    checkout.change(OURS, ({ target: { docker } }) => {
      docker.images.gateway = gateway;
      docker.monitoring.port = port;
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /cannot be brought up; nothing was changed\.\n[^]*- target\.docker\.images: "registry\.invalid\/caddy:0" is not on the host, and cannot be pulled .* \(docker -H \S+ load\)/,
    );
    expect(stderr).toContain(
      `- target.docker.monitoring.port: port ${theirPlace.monitoring.port} is taken by the container ${THEIRS}-monitoring.`,
    );
    expect(stdout).not.toContain("Images");
    expect(await ids(OURS)).toEqual(before);
  });

  it("changes nothing when it is run again, and says so in JSON", async () => {
    const { code, stdout } = await start("--json");
    expect(code).toBe(0);
    const { changes, access } = JSON.parse(stdout) as { changes: object; access: object[] };
    expect(Object.keys(changes)).toEqual(["same"]);
    // DHIS2 sends who has not logged in to its page to log in.
    expect(access).toMatchObject([{ address, status: 302, login: { account: "admin" } }]);
  });
});

describe("what is down comes up again by npm start:", () => {
  // They look at the endpoint that is taken down here.
  beforeAll(() => Promise.allSettled([longRead, scan]));

  const container = (part: string) => world.engine.docker.getContainer(`${OURS}-${part}`);
  async function isBroughtUp(): Promise<void> {
    const { code, stdout, stderr } = await start();
    expect(code, `${stdout}\n${stderr}`).toBe(0);
    const all = (await inspectAll(OURS)).map(({ Name, State }) => `${Name.slice(1)} ${State.Status}`);
    const parts = ["gateway", "hmis-application", "hmis-database", "monitoring"];
    expect(all).toEqual(parts.map((part) => `${OURS}-${part} running`));
    expect(await visitor.get(HMIS, "/api/ping")).toMatchObject({ status: 200 });
  }

  it("a container whose start failed, which leaves its name taken", async () => {
    const { gateway } = world.images;
    checkout.change(OURS, ({ target: { docker } }) => (docker.images.gateway = BASE));
    const failed = await start();
    checkout.change(OURS, ({ target: { docker } }) => (docker.images.gateway = gateway));
    expect(failed.code).toBe(1);
    expect((await container("gateway").inspect()).State.Status).toBe("created");
    await isBroughtUp();
  });

  it("what was stopped, as by a restore that was killed, and what was renamed", async () => {
    for (const part of ["hmis-application", "hmis-database"]) await container(part).stop();
    await container("monitoring").rename({ name: `${OURS}-watching` });
    await isBroughtUp();
  });

  it("what was removed by hand", async () => {
    await container("hmis-application").remove({ force: true });
    await isBroughtUp();
  });
});

describe("a browser", () => {
  it("opens the address without a complaint once it was given the root", async (context) => {
    needs(context, missingForBrowser());
    const { context: browser, close } = await openBrowser(visitor.authority);
    try {
      const page = await browser.newPage();
      const response = await page.goto(address);
      expect(response?.status()).toBe(200);
      expect(await response?.securityDetails()).toMatchObject({
        issuer: `${OURS}-gateway issuer`,
        protocol: "TLS 1.3",
      });
      expect(await page.title()).toBe("Stand-in for DHIS2");
      expect(await page.evaluate("isSecureContext")).toBe(true);
    } finally {
      await close();
    }
  });

  it("refuses it without", async (context) => {
    needs(context, missingForBrowser());
    const { context: browser, close } = await openBrowser();
    try {
      const page = await browser.newPage();
      await expect(page.goto(address)).rejects.toThrow("net::ERR_CERT_AUTHORITY_INVALID");
    } finally {
      await close();
    }
  });
});

describe("two tenants on one engine", () => {
  /** Runs Python in a tenant's application, which has it. */
  async function inside(tenant: string, code: string): Promise<string> {
    const exec = await world.engine.docker
      .getContainer(`${tenant}-hmis-application`)
      .exec({ Cmd: ["python3", "-c", code], AttachStdout: true, AttachStderr: true, Tty: true });
    const stream = await exec.start({ Tty: true });
    let text = "";
    for await (const data of stream) text += String(data);
    return text.trim();
  }
  /** Of addresses those that are reached: all are tried at once. */
  async function reached(from: string, targets: [host: string, port: number][]): Promise<string[]> {
    const answered = await inside(
      from,
      [
        "import socket, json, concurrent.futures as f",
        "def one(t):",
        " try: socket.create_connection(tuple(t), 3).close(); return True",
        " except OSError: return False",
        `targets = json.loads('${JSON.stringify(targets)}')`,
        "print(json.dumps(list(f.ThreadPoolExecutor(32).map(one, targets))))",
      ].join("\n"),
    );
    return targets
      .filter((_, index) => (JSON.parse(answered) as boolean[])[index])
      .map(([host, port]) => `${host}:${port}`);
  }
  const PORTS = [5432, 8080, 8443, 9090];

  it("share no network", async () => {
    const networks = async (tenant: string) =>
      new Set(
        (await inspectAll(tenant)).flatMap(({ NetworkSettings }) => Object.keys(NetworkSettings.Networks)),
      );
    const [ours, theirs] = [await networks(OURS), await networks(THEIRS)];
    expect([...ours].filter((each) => theirs.has(each))).toEqual([]);
    expect([ours.size, theirs.size]).toEqual([4, 4]);
  });

  it("reach nothing of each other: no database, no application, no gateway, by address or by name", async () => {
    for (const [from, to] of [
      [OURS, THEIRS],
      [THEIRS, OURS],
    ] as const) {
      const containers = await inspectAll(to);
      const addresses = containers.flatMap(({ NetworkSettings }) =>
        Object.values(NetworkSettings.Networks).map(({ IPAddress }) => IPAddress),
      );
      expect(addresses).toHaveLength(8);
      const hosts = [...addresses, ...containers.map(({ Name }) => Name.slice(1))];
      const targets = hosts.flatMap((host) => PORTS.map((port) => [host, port] as [string, number]));
      expect(await reached(from, targets)).toEqual([]);
      // The same attempt finds what is its own, so it would have found the others.
      expect(await reached(from, [["database", 5432]])).toEqual(["database:5432"]);
    }
  });

  it("do not reach each other's published ports either, which are this machine's alone", async () => {
    const [network] = await world.engine.docker.listNetworks({
      filters: { name: [`${OURS}-hmis-web`] },
    });
    const host = network?.IPAM?.Config?.[0]?.Gateway as string;
    const { port } = new URL(await neighbourUrl());
    expect(
      await reached(OURS, [
        [host, Number(port)],
        ["127.0.0.1", Number(port)],
      ]),
    ).toEqual([]);
  });
});

async function neighbourUrl(): Promise<string> {
  const { stdout } = await neighbour.succeed("stack", "output", "--json");
  return (JSON.parse(stdout) as { servers: { hmis: { url: string } } }).servers.hmis.url;
}

describe("a certificate that was given", () => {
  it("is the one that the world sees, with the headers and protocols of the others", async () => {
    const { status, headers } = await neighbours.get(GIVEN, "/login/");
    expect({ status, hsts: headers["strict-transport-security"] }).toEqual({
      status: 200,
      hsts: "max-age=63072000",
    });
    expect((await neighbours.handshake(GIVEN, { minVersion: "TLSv1.3" })).protocol).toBe("TLSv1.3");
    await expect(visitor.get(GIVEN, "/")).rejects.toThrow();
  });

  it("keeps its key out of what the engine shows of the container, and out of the state", async () => {
    const key = readFileSync(path.join(folder, "private-key.pem"), "utf8").split("\n")[1] as string;
    expect(JSON.stringify(await inspectAll(THEIRS))).not.toContain(key);
    expect(neighbour.stateFile()).not.toContain(key);
  });
});

it("a host with too little memory is refused by an up, which touches nothing", async () => {
  const before = await ids(THEIRS);
  neighbour.change((spec) => {
    for (let i = 1; i < 20; i++)
      spec.servers.push({
        name: `more-${i}`,
        dhis2: VERSIONS.current,
        size: "large",
        hostname: `m${i}.test.test`,
      });
  });
  const { code, stdout, stderr } = await neighbour.run("up", "--yes", "--skip-preview");
  neighbour.change((spec) => spec.servers.splice(1));
  expect(code).not.toBe(0);
  expect(stdout + stderr).toMatch(
    /was refused: 1 problem; nothing was changed\.\n\s*- servers: their sizes take \d+(\.\d+)? GiB of memory/,
  );
  expect(await ids(THEIRS)).toEqual(before);
});

describe("a version whose migration fails", () => {
  const hindrance = `files/fail-migration-to-${VERSIONS.later}`;
  const notes = async () => (await neighbours.get(GIVEN, "/api/count/note")).text;
  const raise = () => {
    neighbour.change((spec) => (spec.servers[0].dhis2 = VERSIONS.later));
    return neighbour.run("up", "--yes", "--skip-preview");
  };
  /** Where the version is now, as people see it. */
  const seen = async () => (await neighbours.get(GIVEN, "/login/")).text;
  let entered: string;

  it("fails the up with its last words, after a backup; people see that DHIS2 starts", async (context) => {
    for (let i = 0; i < 7; i++) await neighbours.ask("POST", GIVEN, "/api/note");
    entered = await notes();
    const application = world.engine.docker.getContainer(`${THEIRS}-hmis-application`);
    await (await application.exec({ Cmd: ["touch", `/opt/dhis2/${hindrance}`] })).start({});
    // What is kept from before the upgrade has DHIS2's default password.
    const database = world.engine.docker.getContainer(`${THEIRS}-hmis-database`);
    const line = `PGPASSWORD="$(cat given/administrator-password)" psql -q -U dhistance -d dhis2 -c "$0"`;
    expect(await insideOf(database, ["sh", "-c", `cd && ${line}`, await toDefaultPassword()])).toEqual({
      code: 0,
      output: "",
    });
    const { code, stdout, stderr } = await raise();
    const { StartedAt } = (await application.inspect()).State;
    expect(Date.now() - new Date(StartedAt).getTime(), "said within two minutes").toBeLessThan(120_000);
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain(
      "hmis-application did not start: DHIS2 failed to start (attempt 1 of 3): it answers 404 on every path.",
    );
    expect(stdout + stderr).toContain("the migration to 2.42.54 failed, as this test demands");
    expect(stdout).toContain(
      `backup of hmis before its upgrade to DHIS2 ${VERSIONS.later}: made. To return to it: npm run rollback -- ${THEIRS} hmis`,
    );

    needs(context, missingForBrowser());
    const { context: browser, close } = await openBrowser(neighbours.authority);
    try {
      const page = await browser.newPage();
      const url = await neighbourUrl();
      // A container that starts again and again changes the machine's network, which a browser gives a request up for.
      await until("people see that its start failed", async () => {
        const status = (await page.goto(url))?.status();
        return status === 503 && (await page.textContent("h1")) === "DHIS2 could not start";
      });
      await page.screenshot({ path: path.join(REPORTS, "failed.png") });
      await rollBack();
      await until(
        "the page has become DHIS2's by itself",
        async () => (await page.textContent("h1")) === `Stand-in for DHIS2 ${VERSIONS.current}`,
      );
    } finally {
      await close();
    }
  });

  /** Interrupted before the databases are exchanged, and after, and run once more. */
  async function rollBack() {
    for (const killWhen of [/stopping \S+-database/, /starting \S+-database/])
      expect(await rollbackOf(neighbour, "SERVER", { killWhen })).toMatchObject({ code: null, stderr: "" });
    const { code, stdout, stderr } = await rollbackOf(neighbour, "SERVER", { more: ["--json"] });
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: backups\.locations: \[\];.*\n$/);
    expect(JSON.parse(stdout)).toMatchObject({
      server: "hmis",
      dhis2: VERSIONS.current,
      previous: VERSIONS.later,
    });
  }

  it("is rolled back with one command, also when that was interrupted: every row is there, the previous version serves", async () => {
    if (!(await seen()).includes(VERSIONS.current)) await rollBack();
    expect(await seen()).toContain(`Stand-in for DHIS2 ${VERSIONS.current}`);
    expect(await notes()).toBe(entered);
    await expectSecured(neighbours, neighbour, { server: `${THEIRS}-hmis`, hostname: GIVEN });
    const file = readFileSync(path.join(neighbour.cwd, `Pulumi.${THEIRS}.yaml`), "utf8");
    expect(parse(file)).toMatchObject({
      config: { "dhistance:tenant": { servers: [{ name: "hmis", dhis2: VERSIONS.current }] } },
    });
    neighbour.change((spec) => (spec.servers[0].dhis2 = VERSIONS.current));
    await neighbour.succeed("up", "--yes", "--skip-preview", "--expect-no-changes");
  });

  it("is taken back in the stack file alone: DHIS2 has undone the migration, and the database shows it", async () => {
    expect(await rollbackOf(neighbour, "--forget")).toMatchObject({ code: 0 });
    expect((await raise()).code).not.toBe(0);
    neighbour.change((spec) => (spec.servers[0].dhis2 = VERSIONS.current));
    const { stdout } = await neighbour.succeed("up", "--yes", "--skip-preview");
    expect(stdout).toContain(`its database is still that of ${VERSIONS.current}`);
    expect(await seen()).toContain(`Stand-in for DHIS2 ${VERSIONS.current}`);
    expect(await notes()).toBe(entered);
    await neighbour.succeed("up", "--yes", "--skip-preview", "--expect-no-changes");
    // As after an upgrade that failed and was rolled back, which the next test begins with.
    expect((await raise()).code).not.toBe(0);
    await rollBack();
    neighbour.change((spec) => (spec.servers[0].dhis2 = VERSIONS.current));
  });

  it("is not tried again while the previous database is kept: the up fails, and DHIS2 runs as it did", async () => {
    const { code, stdout, stderr } = await raise();
    expect(code).not.toBe(0);
    expect(stdout + stderr).toMatch(
      /A previous database is still kept.* npm run rollback -- tierneighbour hmis --forget[^]*DHIS2 42\.5\.2 runs again/,
    );
    expect(await notes()).toBe(entered);
  });

  it("is there after another attempt, with every row", async () => {
    expect(await rollbackOf(neighbour, "--forget")).toMatchObject({ code: 0 });
    await world.engine.docker.run(BASE, ["rm", `/${hindrance}`], process.stderr, {
      HostConfig: { Binds: [`${THEIRS}-hmis-files:/files`], AutoRemove: true, NetworkMode: "none" },
    });
    expect(await raise()).toMatchObject({ code: 0 });
    expect(await seen()).toContain(`Stand-in for DHIS2 ${VERSIONS.later}`);
    expect(await notes()).toBe(entered);
  });
});

it("a read that says nothing for longer than proxies usually wait comes to its end", async () => {
  expect(await longRead).toMatchObject({ status: 200, text: String(LONG) });
});

describe("a scan of TLS", () => {
  /** What it finds that is so on purpose. */
  const EXCEPTED: Record<string, string> = {
    cert_expirationStatus: "the gateway's certificates live a week; it renews them itself",
    cert_notAfter: "the same",
    cert_revocation: "a private authority publishes no revocations; a week's life takes their place",
  };

  it("finds TLS 1.2 and 1.3 alone, strong ciphers alone, and nothing worse than low", async (context) => {
    needs(context, missingForScanner());
    const findings = (await scan) as Finding[];
    const of = (id: string) => findings.find((each) => each.id === id)?.finding;
    expect(["SSLv2", "SSLv3", "TLS1", "TLS1_1"].map(of)).toEqual(Array(4).fill("not offered"));
    expect(of("TLS1_2")).toBe("offered");
    expect(of("TLS1_3")).toMatch(/^offered/);
    for (const kind of ["NULL", "aNULL", "EXPORT", "LOW", "3DES_IDEA", "AVERAGE"])
      expect(`${kind} ${of(`cipherlist_${kind}`)}`).toBe(`${kind} not offered`);
    expect(of("cert_chain_of_trust")).toBe("passed.");
    expect(of("heartbleed")).toMatch(/^not vulnerable/);
    const serious = findings.filter(
      ({ severity, id }) =>
        ["MEDIUM", "HIGH", "CRITICAL", "FATAL"].includes(severity) && !Object.hasOwn(EXCEPTED, id),
    );
    expect(serious).toEqual([]);
  });
});

it("upgrades, and npm run rollback undoes that with no more than the names", async () => {
  const before = checkout.read(`tenants/Pulumi.${OURS}.yaml`);
  checkout.change(OURS, ({ servers }) => (servers[0].dhis2 = VERSIONS.later));
  expect(await start()).toMatchObject({ code: 0 });
  expect((await visitor.get(HMIS, "/login/")).text).toContain(VERSIONS.later);
  const newcomers = checkout.newcomers({ DOCKER_HOST: world.engine.host });
  const { code, stdout, stderr } = await rollback("SERVER", [OURS, "hmis"], newcomers);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain(`hmis is back at DHIS2 ${VERSIONS.current} and `);
  expect((await visitor.get(HMIS, "/login/")).text).toContain(VERSIONS.current);
  expect(checkout.read(`tenants/Pulumi.${OURS}.yaml`)).toBe(before);
});

describe("--down", () => {
  /** As the engine does it. */
  function lockedBy(pid: number): void {
    const locks = checkout.at(".dhistance/docker/state/.pulumi/locks/organization/dhistance", OURS);
    mkdirSync(locks, { recursive: true });
    const lock = { pid, username: "me", hostname: hostname(), timestamp: new Date().toISOString() };
    writeFileSync(path.join(locks, "of-a-test.json"), JSON.stringify(lock));
  }

  it("asks first, and where nobody can be asked does nothing", async () => {
    const before = await ids(OURS);
    const { code, stderr } = await start("--down");
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr:
        "error: This removes moh-docker and deletes all its data. Cannot ask for confirmation here. " +
        "Pass --yes to confirm.\n",
    });
    expect(await ids(OURS)).toEqual(before);
  });

  it("leaves a run alone that is still at work", async () => {
    lockedBy(process.pid);
    const { code, stderr } = await start("--down", "--yes");
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        `another run is in progress on ${OURS} (me@${hostname()}, process ${process.pid})`,
      ),
    });
  });

  it("removes all of it, also after an interrupted run, and nothing of the other tenant's", async () => {
    const before = await ids(THEIRS);
    lockedBy(spawnSync("true").pid);
    expect(await start("--down", "--yes")).toMatchObject({ code: 0 });
    expect(await ids(OURS)).toEqual([]);
    const { docker } = world.engine;
    const networks = (await docker.listNetworks()).map(({ Name }) => Name);
    const volumes = ((await docker.listVolumes()).Volumes ?? []).map(({ Name }) => Name);
    expect([...networks, ...volumes].filter((each) => each.startsWith(`${OURS}-`))).toEqual([]);
    expect(await ids(THEIRS)).toEqual(before);
    expect((await neighbours.get(GIVEN, "/login/")).status).toBe(200);
  });

  describe("of a second tenant, on a paid plan", () => {
    let up: Result;
    let down: string[];
    const restart = () => start("--tenant", SECOND);
    beforeAll(async () => {
      const key = [
        "issue",
        "--key",
        ".dhistance/issuer.private.json",
        "--tenant",
        SECOND,
        "--issuer",
        "test",
      ];
      const options = checkout.newcomers({});
      const issued = await npm(
        ["run", "--silent", "entitlement", "--", ...key, "--plan", "premium"],
        options,
      );
      mkdirSync(checkout.at(`tenants/${SECOND}`), { recursive: true });
      writeFileSync(checkout.at(`tenants/${SECOND}/entitlement.jws`), issued.stdout);
      const file = parse(checkout.read(`tenants/Pulumi.${OURS}.yaml`)) as Draft;
      file.config["dhistance:entitlement"] = { file: "entitlement.jws" };
      Object.assign(file.config["dhistance:tenant"].target.docker, await freePlace());
      writeFileSync(checkout.at(`tenants/Pulumi.${SECOND}.yaml`), stringify(file));
      // The host has memory for two tenants.
      await sweep(world.engine, THEIRS);
      expect(await start()).toMatchObject({ code: 0 });
      up = await restart();
      expect(up.code, up.stderr).toBe(0);
      // As printed, word for word, but for the question.
      down = (/npm start -- (.* --down)/.exec(up.stdout)?.[1] ?? "").split(" ");
    });
    const takenDown = () => checkout.start([...down, "--yes"], { DOCKER_HOST: world.engine.host });

    it("says what the engine warns of", () => {
      expect(up.stderr).toContain("warning: backups.locations: []; no backup of any server is made.");
    });

    it("touches nothing while the plan keeps its data, and says what to do", async () => {
      const before = await ids(SECOND);
      const { code, stderr } = await takenDown();
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: [
          `error: ${SECOND} is on a paid plan, which protects the data of hmis. Nothing was changed.`,
          `To delete the data: set retire: true on each of these servers in tenants/Pulumi.${SECOND}.yaml, then run`,
          `  npm start -- --target docker --tenant ${SECOND}`,
          `  npm start -- --target docker --tenant ${SECOND} --down\n`,
        ].join("\n"),
      });
      const all = await inspectAll(SECOND);
      expect(all.map(({ Id }) => Id)).toEqual(before);
      expect(all.filter(({ State }) => !State.Running)).toEqual([]);
    });

    it("takes that one down, as printed, and not the first", async () => {
      const before = await ids(OURS);
      checkout.change(SECOND, ({ servers }) => (servers[0].retire = true));
      expect(await restart()).toMatchObject({ code: 0 });
      expect(await takenDown()).toMatchObject({ code: 0 });
      expect(await ids(SECOND)).toEqual([]);
      expect(await ids(OURS)).toEqual(before);
    });
  });
});
