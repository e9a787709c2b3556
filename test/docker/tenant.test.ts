import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import path from "node:path";
import type { NetworkInspectInfo } from "dockerode";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { adminPassword } from "../../components/DataManagementServer/adminPassword";
import { ROOT, type TenantStack } from "../engine/tenants";
import { missingForBrowser, needs, openBrowser, type Browser } from "./browser";
import { expectSecured } from "./defaultPassword";
import { inside as insideOf } from "./runInContainer";
import { REPORTS } from "./scan";
import { Visitor } from "./visitor";
import { freePlace, startWorld, sweep, until, VERSIONS, type World } from "./world";

/** The life of a tenant with two servers on a real engine. Each test goes on from where the one before it ended. */
const TENANT = "tiermoh";
const OLDEST = VERSIONS.oldest;
const HMIS = "hmis.moh.test";
const TRAINING = "training.moh.test";
const DUMP = "tenants/moh-premium/hmis.sql";
const SHA256 = createHash("sha256")
  .update(readFileSync(path.join(ROOT, DUMP)))
  .digest("hex");

let world: World;
let stack: TenantStack;
let visitor: Visitor;
let place: Awaited<ReturnType<typeof freePlace>>;
beforeAll(async () => {
  mkdirSync(REPORTS, { recursive: true });
  world = await startWorld();
  await sweep(world.engine, TENANT);
  place = await freePlace();
  stack = await world.tenants.stack(TENANT, { plan: "premium", maxServers: 2 }, (spec, put) => {
    const { images } = world;
    spec.target = { docker: { host: world.engine.host, ...place, certificates: { private: {} }, images } };
    spec.backups = { locations: [] };
    const data = { dump: put("hmis.sql", readFileSync(path.join(ROOT, DUMP), "utf8")), sha256: SHA256 };
    spec.servers = [
      { name: "hmis", dhis2: VERSIONS.current, size: "small", hostname: HMIS, import: data },
      { name: "training", dhis2: OLDEST, size: "small", hostname: TRAINING },
    ];
  });
  await stack.succeed("up", "--yes", "--skip-preview");
  const { stdout } = await stack.succeed("stack", "output", "authority");
  visitor = new Visitor(place.published, stdout);
});
afterAll(async () => {
  if (world) await sweep(world.engine, TENANT);
  await world?.end();
});

const name = (suffix: string) => `${TENANT}-${suffix}`;
const inspect = (suffix: string) => world.engine.docker.getContainer(name(suffix)).inspect();
async function containers(): Promise<string[]> {
  const all = await world.engine.docker.listContainers({ all: true });
  return all
    .flatMap(({ Names }) => Names.map((each) => each.slice(1)))
    .filter((each) => each.startsWith(name("")));
}
const answers = (hostname: string) =>
  until(`${hostname} answers`, async () => (await visitor.get(hostname, "/api/count/note")).status === 200);

describe("from outside", () => {
  it("every server answers over HTTPS, to whoever trusts the tenant's authority", async () => {
    for (const hostname of [HMIS, TRAINING]) {
      expect(await visitor.get(hostname, "/api/ping")).toMatchObject({ status: 200, text: "" });
    }
    await expect(
      visitor.ask("GET", HMIS, "/", { ca: readFileSync("/etc/ssl/certs/ca-certificates.crt", "utf8") }),
    ).rejects.toThrow(/certificate/);
  });

  it("HTTP is redirected to HTTPS, and another host name gets no answer", async () => {
    const { status, headers } = await visitor.plain(HMIS, "/api/me?x=1");
    const { stdout } = await stack.succeed("stack", "output", "--json");
    const url = (JSON.parse(stdout) as { servers: Record<string, { url: string }> }).servers["hmis"]?.url;
    expect({ status, location: headers.location }).toEqual({ status: 308, location: `${url}/api/me?x=1` });
    await expect(visitor.plain("another.moh.test", "/")).rejects.toThrow();
    await expect(visitor.get("another.moh.test", "/")).rejects.toThrow();
  });

  it("DHIS2's page to log in at is at the same address, port and all, though DHIS2 redirects to plain HTTP", async () => {
    const { status, headers } = await visitor.get(HMIS, "/dhis-web-dashboard/");
    expect({ status, location: headers.location }).toEqual({
      status: 302,
      location: `https://${HMIS}:${place.published.https}/login/`,
    });
  });

  it("headers keep browsers to it", async () => {
    const { headers } = await visitor.get(HMIS, "/login/");
    expect(headers).toMatchObject({
      "strict-transport-security": "max-age=63072000",
      "x-content-type-options": "nosniff",
      "x-frame-options": "SAMEORIGIN",
    });
    expect(headers["set-cookie"]?.[0]).toContain("Secure");
    expect(headers).not.toHaveProperty("server");
  });

  it("what a client says of itself in forwarding headers is overwritten", async () => {
    const forged = {
      ...{ "X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.test" },
      ...{ "X-Forwarded-Port": "80", Forwarded: "for=203.0.113.7" },
    };
    const { text } = await visitor.get(HMIS, "/api/headers", forged);
    const seen = JSON.parse(text) as Record<string, string>;
    expect(seen["x-forwarded-proto"]).toBe("https");
    expect(seen["x-forwarded-host"]).toMatch(/^hmis\.moh\.test/);
    expect(seen["x-forwarded-for"]).not.toContain("203.0.113.7");
    expect(seen["x-forwarded-port"]).toMatch(/^\d+$/);
    expect(seen["x-forwarded-port"]).not.toBe("80");
    expect(seen).not.toHaveProperty("forwarded");
  });

  it("bodies of DHIS2's size pass, larger ones do not", async () => {
    const passed = await visitor.ask("POST", TRAINING, "/api/note", { body: Buffer.alloc(128 * 2 ** 20) });
    expect(passed.status).toBe(201);
    // Announced is enough.
    const headers = { "Content-Length": 128 * 2 ** 20 + 1 };
    expect((await visitor.ask("POST", TRAINING, "/api/note", { headers })).status).toBe(413);
  });

  it("only TLS 1.2 and 1.3 are spoken, and only with authenticated ciphers", async () => {
    for (const version of ["TLSv1", "TLSv1.1"] as const) {
      const old = { minVersion: version, maxVersion: version, ciphers: "DEFAULT@SECLEVEL=0" };
      await expect(visitor.handshake(HMIS, old)).rejects.toThrow();
    }
    const twelve = { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const;
    await expect(
      visitor.handshake(HMIS, {
        ...twelve,
        ciphers: "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:AES128-GCM-SHA256",
      }),
    ).rejects.toThrow();
    expect((await visitor.handshake(HMIS, twelve)).cipher).toMatch(/^ECDHE-.*(GCM|CHACHA20)/);
    expect((await visitor.handshake(HMIS, { minVersion: "TLSv1.3" })).protocol).toBe("TLSv1.3");
  });
});

describe("the data", () => {
  it("of the dump are found by the application, under its own role", async () => {
    const rows = /COPY public\.datavalue .*;\n([\s\S]*?)\n\\\./.exec(
      readFileSync(path.join(ROOT, DUMP), "utf8"),
    );
    const { text } = await visitor.get(HMIS, "/api/count/datavalue");
    expect(JSON.parse(text)).toEqual([rows?.[1]?.split("\n").length, "dhis2"]);
    expect((await visitor.get(TRAINING, "/api/count/datavalue")).status).toBe(500);
  });

  it("do not let anybody in with DHIS2's default password, but with the one in the state", async () => {
    for (const server of ["hmis", "training"])
      await expectSecured(visitor, stack, { server: name(server), hostname: `${server}.moh.test` });
  });
});

describe("from inside", () => {
  /** Runs Python in a server's application, which has it. */
  async function inside(suffix: string, code: string): Promise<string> {
    const exec = await world.engine.docker
      .getContainer(name(suffix))
      .exec({ Cmd: ["python3", "-c", code], AttachStdout: true, AttachStderr: true, Tty: true });
    const stream = await exec.start({ Tty: true });
    let text = "";
    for await (const data of stream) text += String(data);
    return text.trim();
  }
  const reaches = (from: string, host: string, port: number) =>
    inside(
      from,
      `import socket\ntry:\n socket.create_connection(("${host}", ${port}), 2); print("reached")\nexcept OSError as e: print("no way")`,
    );
  async function addresses(suffix: string): Promise<string[]> {
    const { NetworkSettings } = await inspect(suffix);
    return Object.values(NetworkSettings.Networks).map(({ IPAddress }) => IPAddress);
  }

  it("an application reaches its own database, and nothing of the other server", async () => {
    expect(await reaches("training-application", "database", 5432)).toBe("reached");
    const theirs = { "hmis-database": 5432, "hmis-application": 8080 };
    for (const [suffix, port] of Object.entries(theirs)) {
      expect(await reaches("training-application", name(suffix), port)).toBe("no way");
      for (const address of await addresses(suffix))
        expect(`${address} ${await reaches("training-application", address, port)}`).toBe(
          `${address} no way`,
        );
    }
  });

  it("nothing of monitoring is reached from a server's networks, on any of its ports", async () => {
    const tried = [name("monitoring"), ...(await addresses("monitoring"))].flatMap((address) =>
      [9090, 9100, 9115, 9187].map(
        async (port) => `${address}:${port} ${await reaches("hmis-application", address, port)}`,
      ),
    );
    for (const answer of await Promise.all(tried)) expect(answer).toMatch(/ no way$/);
  });

  it("`database` is each server's own, with a password of its own", async () => {
    const ask = (suffix: string) => inside(suffix, 'import socket; print(socket.gethostbyname("database"))');
    const [hmis, training] = [await ask("hmis-application"), await ask("training-application")];
    expect([await addresses("hmis-database"), await addresses("training-database")]).toEqual([
      [hmis],
      [training],
    ]);
  });

  it("that the host is reached from an internal network is said in the preview, with the rule that ends it", async () => {
    const { Id } = (await world.engine.docker.getNetwork(name("hmis-data")).inspect()) as NetworkInspectInfo;
    const { stdout, stderr } = await stack.succeed("preview");
    expect(stdout + stderr).toContain(`iptables -I INPUT -i br-${Id.slice(0, 12)} -j DROP`);
  });

  it("a database has no way out, and takes no connection without TLS", async () => {
    const { NetworkSettings } = await inspect("hmis-database");
    expect(Object.keys(NetworkSettings.Networks)).toEqual([name("hmis-data")]);
    expect(await world.engine.docker.getNetwork(name("hmis-data")).inspect()).toMatchObject({
      Internal: true,
    });
    const tried = await inside(
      "hmis-application",
      'import psycopg2\ntry: psycopg2.connect("host=database dbname=dhis2 user=dhis2 password=x sslmode=disable")\nexcept Exception as e: print(e)',
    );
    expect(tried).toContain("no encryption");
  });

  it("only the gateway and the monitoring page are published, and no container has more than it needs", async () => {
    const all = await containers();
    expect(all.sort()).toEqual(
      [
        ...["gateway", "hmis-application", "hmis-database", "monitoring"],
        ...["training-application", "training-database"],
      ].map(name),
    );
    const ports: Record<string, string> = {
      [name("gateway")]: "8080/tcp,8443/tcp",
      [name("monitoring")]: "9090/tcp",
    };
    for (const each of all) {
      const { HostConfig, Config, Mounts } = await world.engine.docker.getContainer(each).inspect();
      const published = Object.keys(HostConfig.PortBindings ?? {});
      expect(`${each}: ${published.join()}`).toBe(`${each}: ${ports[each] ?? ""}`);
      expect(HostConfig).toMatchObject({
        Privileged: false,
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges:true"],
      });
      expect(Config.User).toMatch(/^(65534|999):/);
      expect(HostConfig.Memory).toBeGreaterThan(0);
      expect(HostConfig.MemorySwap).toBe(HostConfig.Memory);
      expect(HostConfig.PidsLimit).toBeGreaterThan(0);
      expect(HostConfig.RestartPolicy?.Name).toBe("always");
      expect(Mounts.filter(({ Type, Source }) => Type === "bind" || Source.includes("docker.sock"))).toEqual(
        [],
      );
      expect((Config.Env ?? []).filter((variable) => /password|secret/i.test(variable))).toEqual([]);
    }
  });
});

describe("the monitoring page", () => {
  let url: string;
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    url = (await stack.succeed("stack", "output", "monitoring")).stdout.trim();
    if (missingForBrowser()) return;
    browser = await openBrowser();
    page = await browser.context.newPage();
  });
  afterAll(() => browser?.close());
  /** What a place of the page says, asked again. */
  async function says(id: string): Promise<string> {
    await page.goto(url);
    return ((await page.textContent(`#${id}`)) ?? "").trim();
  }
  const comesToSay = (id: string, what: string | RegExp) =>
    until(`#${id} says ${what}`, async () => RegExp(what).test(await says(id)));
  async function sql(server: string, query: string): Promise<string> {
    const psql = `PGPASSWORD=$(cat /var/lib/postgresql/given/administrator-password) psql -h /run/postgresql -U dhistance -qAt dhis2 -c "${query}"`;
    const { output } = await insideOf(world.engine.docker.getContainer(name(`${server}-database`)), [
      ...["sh", "-c", psql],
    ]);
    return output.trim();
  }

  it("shows a browser of each server whether endpoint, application and database answer", async (context) => {
    needs(context, missingForBrowser());
    for (const server of ["hmis", "training"]) {
      for (const what of ["endpoint", "application"]) await comesToSay(`${server}-${what}`, /^answers$/);
      await comesToSay(`${server}-database`, /^answers, \d+ of 200 connections$/);
      expect(await says(`${server}-backups`)).toBe("none are made");
    }
    expect(await page.title()).toContain("Ministry");
    expect(await says("monitoring")).toBe("5 of 5 exporters answer");
    expect(await page.locator("td:has(strong):not(#disk, #memory)").allTextContents()).toEqual([]);
    await page.screenshot({ path: path.join(REPORTS, "monitoring.png"), fullPage: true });
    const usual = page.viewportSize();
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
    await page.screenshot({ path: path.join(REPORTS, "monitoring-phone.png"), fullPage: true });
    if (usual) await page.setViewportSize(usual);
  });

  it("has the numbers right: size of the database, days left of the certificate", async (context) => {
    needs(context, missingForBrowser());
    for (const server of ["hmis", "training"])
      await until(`the size of ${server} is PostgreSQL's own`, async () => {
        await says(`${server}-size`);
        const shown = await page.getAttribute(`#${server}-size span`, "title");
        return shown === `${await sql(server, "select pg_database_size('dhis2')")} bytes`;
      });
    const ends = await visitor.certificateEnds(HMIS);
    const days = Math.floor((ends - Date.now()) / 86_400_000);
    // At midnight of the certificate it is one less between the two.
    expect([`${days} days left`, `${days + 1} days left`]).toContain(
      (await says("hmis-certificate")).split(",")[0],
    );
  });

  it("shows that a database is down, and that it is back", async (context) => {
    needs(context, missingForBrowser());
    const database = world.engine.docker.getContainer(name("training-database"));
    await database.stop();
    await comesToSay("training-database", /^does not answer$/);
    expect(await says("all")).toContain("training, database: does not answer");
    expect(await says("hmis-database")).toMatch(/^answers/);
    await database.start();
    await comesToSay("training-database", /^answers/);
    expect(await says("all")).not.toContain("training, database");
    await answers(TRAINING);
  });

  it("is reached at its private address, at no other of this machine, and by no other website", async () => {
    const { port } = place.monitoring;
    const { status, headers } = await fetch(url, { headers: { Origin: "https://elsewhere.test" } });
    expect({ status, allowed: headers.get("access-control-allow-origin") }).toEqual({
      ...{ status: 200, allowed: null },
    });
    const others = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .filter(({ internal, family }) => !internal && family === "IPv4");
    expect(others.length).toBeGreaterThan(0);
    for (const { address } of others)
      await expect(
        fetch(`http://${address}:${port}/`, { signal: AbortSignal.timeout(5000) }),
      ).rejects.toThrow();
  });

  it("knows no secret in plain, and no more of a database than how it is", async () => {
    const monitoring = world.engine.docker.getContainer(name("monitoring"));
    const { output } = await insideOf(monitoring, ["sh", "-c", "cat /proc/*/environ /proc/*/cmdline"]);
    const seen = JSON.stringify(await monitoring.inspect()) + output + (await (await fetch(url)).text());
    for (const secret of await stack.secrets()) expect(seen).not.toContain(secret);
    const roles =
      "select string_agg(r.rolname, ',') from pg_auth_members m join pg_roles r on r.oid = roleid join pg_roles g on g.oid = member where g.rolname = 'dhistance_monitor'";
    expect(await sql("hmis", roles)).toBe("pg_monitor");
    expect(await sql("hmis", "select has_database_privilege('dhistance_monitor', 'dhis2', 'connect')")).toBe(
      "f",
    );
  });
});

it("does not change at a second up, and not when the state is refreshed", async () => {
  for (const more of [[], ["--refresh"], ["--refresh"]]) {
    const { stdout } = await stack.succeed("up", "--yes", "--skip-preview", "--expect-no-changes", ...more);
    expect(stdout).not.toMatch(/\d+ (created|updated|replaced|deleted)/);
  }
});

describe("what is down does not stay down after a pulumi up that changes nothing:", () => {
  it("what was stopped is said in the preview, and started", async () => {
    for (const part of ["training-application", "training-database"])
      await world.engine.docker.getContainer(name(part)).stop();
    const preview = await stack.succeed("preview");
    expect(preview.stdout + preview.stderr).toMatch(
      /container tiermoh-training-database is exited \(exit code \d+\); pulumi up starts it/,
    );
    await stack.succeed("up", "--yes", "--skip-preview", "--expect-no-changes");
    await answers(TRAINING);
  });

  it("what was removed is named, with the command that has it made again", async () => {
    await world.engine.docker.getContainer(name("monitoring")).remove({ force: true });
    const { code, stdout, stderr } = await stack.run("up", "--yes", "--skip-preview");
    expect(code).not.toBe(0);
    const said = /container tiermoh-monitoring is gone [^]*?(up --refresh) -s tiermoh/.exec(stdout + stderr);
    await stack.succeed(...(said?.[1] ?? "").split(" "), "--yes", "--skip-preview");
    expect((await inspect("monitoring")).State.Running).toBe(true);
  });
});

describe("comes back with every committed row", () => {
  async function rows(): Promise<number> {
    return (JSON.parse((await visitor.get(HMIS, "/api/count/note")).text) as [number])[0];
  }
  async function survives(what: () => Promise<void>): Promise<void> {
    const before = await rows();
    for (let i = 0; i < 5; i++) expect((await visitor.ask("POST", HMIS, "/api/note")).status).toBe(201);
    await what();
    await answers(HMIS);
    expect(await rows()).toBe(before + 5);
  }
  /** As a crash does: the engine is not asked. */
  async function kill(suffix: string): Promise<void> {
    const { State } = await inspect(suffix);
    process.kill(State.Pid, "SIGKILL");
    await until(`${suffix} runs again`, async () => {
      const now = (await inspect(suffix)).State;
      return now.Running && now.Pid !== State.Pid;
    });
  }

  it("when the application is killed; meanwhile people see that it starts", async () => {
    await survives(() => kill("hmis-application"));
  });

  it("when the database is killed", async () => {
    await survives(() => kill("hmis-database"));
  });

  it("when the engine is restarted", async ({ skip }) => {
    skip(!world.engine.restart, "the engine is not the tests' own to restart");
    await survives(async () => {
      // Also what a restore had stopped that was killed.
      for (const part of ["training-application", "training-database"])
        await world.engine.docker.getContainer(name(part)).stop();
      await world.engine.restart?.();
      await until("all run", async () => {
        const states = await Promise.all(
          (await containers()).map((each) => world.engine.docker.getContainer(each).inspect()),
        );
        return states.length === 6 && states.every(({ State }) => State.Running);
      });
    });
  });

  it("when the database comes later than DHIS2, as it may when the host is restarted", async () => {
    const [application, database] = ["hmis-application", "hmis-database"].map((suffix) =>
      world.engine.docker.getContainer(name(suffix)),
    );
    await survives(async () => {
      await application?.stop();
      await database?.stop();
      const since = Math.floor(Date.now() / 1000);
      await application?.start();
      await until("DHIS2 waits", async () =>
        String(await application?.logs({ stdout: true, since })).includes("Waiting for the database"),
      );
      await database?.start();
    });
  });

  it("which answers with a page of its own while DHIS2 is away", async () => {
    const application = world.engine.docker.getContainer(name("training-application"));
    await application.stop();
    const { status, headers, text } = await visitor.get(TRAINING, "/");
    expect({ status, retry: headers["retry-after"] }).toEqual({ status: 503, retry: "30" });
    expect(text).toContain("DHIS2 is starting");
    await application.start();
    await answers(TRAINING);
  });
});

describe("a version of DHIS2", () => {
  /** What DHIS2 has written down of who changed what. */
  const audited = async () => {
    const application = world.engine.docker.getContainer(name("training-application"));
    const { output } = await insideOf(application, ["cat", "/opt/dhis2/logs/dhis-audit.log"]);
    const scopes = new Set([...output.matchAll(/"auditScope": "(\w+)"/g)].map(([, scope]) => scope));
    return { scopes, rows: (await visitor.get(TRAINING, "/api/count/audit")).text };
  };

  it("of the oldest major runs, as its image's user, who owns its files", async () => {
    expect((await visitor.get(TRAINING, "/login/")).text).toContain(OLDEST);
    expect((await inspect("training-application")).Config.User).toBe("65534:65534");
  });

  it("is not raised while rows are in the way of its migration: they are named, and DHIS2 goes on", async () => {
    const database = world.engine.docker.getContainer(name("training-database"));
    const sql = (statement: string) =>
      insideOf(database, [
        ...[
          "sh",
          "-c",
          'cd && PGPASSWORD="$(cat given/administrator-password)" psql -q -U dhistance -d dhis2 -c "$0"',
        ],
        statement,
      ]);
    const made =
      "CREATE TABLE event AS SELECT n AS eventid, NULL::bigint AS organisationunitid FROM generate_series(1, 3) n";
    expect(await sql(made)).toEqual({ code: 0, output: "" });
    const { StartedAt } = (await inspect("training-application")).State;
    stack.change((spec) => (spec.servers[1].dhis2 = VERSIONS.later));
    for (const args of [["preview"], ["up", "--yes", "--skip-preview"]]) {
      const { code, stdout, stderr } = await stack.run(...args);
      expect(code).not.toBe(0);
      expect((stdout + stderr).replace(/\s+/g, " ")).toContain(
        `"training" cannot be upgraded to DHIS2 ${VERSIONS.later} yet: its migration would fail on 3 events without an organisation unit (https://`,
      );
    }
    expect((await inspect("training-application")).State.StartedAt).toBe(StartedAt);
    expect(await sql("DROP TABLE event")).toEqual({ code: 0, output: "" });
  });

  it("is raised by one line, and the data stay, with DHIS2's audit of metadata, data and tracker", async () => {
    stack.change((spec) => (spec.servers[1].dhis2 = VERSIONS.later));
    await visitor.ask("POST", TRAINING, "/api/note");
    const before = (await visitor.get(TRAINING, "/api/count/note")).text;
    const password = adminPassword(await stack.password(name("training-admin-password")));
    const Authorization = `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`;
    for (const path of ["/api/metadata", "/api/dataValueSets", "/api/tracker"])
      expect((await visitor.ask("POST", TRAINING, path, { headers: { Authorization } })).status).toBe(200);
    const audit = await audited();
    expect([...audit.scopes].sort()).toEqual(["AGGREGATE", "METADATA", "TRACKER"]);
    await stack.succeed("up", "--yes", "--skip-preview");
    await answers(TRAINING);
    expect(await audited()).toEqual(audit);
    expect((await visitor.get(TRAINING, "/login/")).text).toContain(VERSIONS.later);
    expect((await visitor.get(TRAINING, "/api/count/note")).text).toBe(before);
  });

  it("is not lowered: refused before anything is done", async () => {
    stack.change((spec) => (spec.servers[1].dhis2 = VERSIONS.current));
    const { code, stdout, stderr } = await stack.run("preview");
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain(
      `server "training" runs DHIS2 ${VERSIONS.later}; it cannot go back to ${VERSIONS.current}`,
    );
    stack.change((spec) => (spec.servers[1].dhis2 = VERSIONS.later));
  });
});

describe("destroy", () => {
  const ours = (each: string) => each.startsWith(name(""));
  const volumes = async () => {
    const { Volumes } = await world.engine.docker.listVolumes();
    const names = (Volumes ?? []).map((volume) => volume.Name).filter(ours);
    return names.filter((each) => each !== name("monitoring"));
  };

  it("is refused the data of servers that have not retired, and an up brings the rest back to them", async () => {
    const before = (await visitor.get(HMIS, "/api/count/note")).text;
    const refused = await stack.run("destroy", "--yes", "--skip-preview");
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toMatch(/protect/);
    expect(await volumes()).toHaveLength(6);
    await stack.succeed("up", "--yes", "--skip-preview");
    await answers(HMIS);
    expect((await visitor.get(HMIS, "/api/count/note")).text).toBe(before);
  });

  it("leaves nothing of servers that have", async () => {
    stack.change((spec) => {
      for (const server of spec.servers) server.retire = true;
    });
    await stack.succeed("up", "--yes", "--skip-preview");
    await stack.succeed("destroy", "--yes", "--skip-preview");
    expect(await containers()).toEqual([]);
    expect((await world.engine.docker.listNetworks()).map(({ Name }) => Name).filter(ours)).toEqual([]);
    expect(await volumes()).toEqual([]);
  });
});
