import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import {
  CONTAINER,
  DOCKER_BACKUPS,
  dockerTenant,
  fileIn,
  NETWORK,
  networksOf,
  PASSWORD,
  protectedOf,
  STASH,
  VOLUME,
} from "../../testing/dockerTenant";
import { ofType, one, type Registration } from "../../testing/mocks";

describe("a server on Docker", () => {
  let made: Registration[];
  let database: Registration;
  let application: Registration;
  beforeAll(async () => {
    made = await dockerTenant();
    database = one(made, CONTAINER, "moh-hmis-database");
    application = one(made, CONTAINER, "moh-hmis-application");
  });

  it("registers what policies and people see of it", () => {
    expect(one(made, "dhistance:index:DataManagementServer", "moh-hmis").inputs).toEqual({
      tenant: "moh",
      server: "hmis",
      size: "small",
      dhis2: "42.5.2",
      hostname: "hmis.moh.example.org",
    });
  });

  it("has a network for its data that leads nowhere, and one to the gateway", () => {
    const internal = (name: string) => one(made, NETWORK, name).inputs.internal;
    expect(internal("moh-hmis-data")).toBe(true);
    expect(internal("moh-hmis-web")).toBe(false);
    expect(networksOf(database)).toEqual(["moh-hmis-data"]);
    expect(networksOf(application).sort()).toEqual(["moh-hmis-data", "moh-hmis-web"]);
  });

  it("publishes no port, neither of the database nor of the application", () => {
    expect(database.inputs.ports).toBeUndefined();
    expect(application.inputs.ports).toBeUndefined();
  });

  it("has data and passwords of its own, not the other server's", () => {
    const volumes = (name: string) =>
      (one(made, CONTAINER, name).inputs.volumes as { volumeName: string }[]).map(
        ({ volumeName }) => volumeName,
      );
    expect(volumes("moh-hmis-database")).toEqual(["moh-hmis-database-data"]);
    expect(volumes("moh-training-database")).toEqual(["moh-training-database-data"]);
    expect(networksOf(one(made, CONTAINER, "moh-training-database"))).toEqual(["moh-training-data"]);
  });

  it("keeps passwords out of the environment, in files that are secret", () => {
    for (const { name, inputs } of ofType(made, CONTAINER))
      expect(JSON.stringify([inputs.envs, inputs.command]), name).not.toContain("secret-of");
    expect(fileIn(application, "/opt/dhis2/dhis.conf")).toContain("secret-of-moh-hmis-role-password");
    expect(application.secret).toContain("uploads");
    expect(fileIn(database, "/var/lib/postgresql/given/administrator-password")).toBe(
      "secret-of-moh-hmis-administrator-password",
    );
    expect(database.secret).toContain("uploads");
  });

  it("makes links with the port that people use", async () => {
    const conf = (made: Awaited<ReturnType<typeof dockerTenant>>) =>
      fileIn(one(made, CONTAINER, "moh-hmis-application"), "/opt/dhis2/dhis.conf");
    const published = { address: "192.0.2.1", http: 8000, https: 8443 };
    expect(conf(made)).toContain("server.base.url = https://hmis.moh.example.org\n");
    expect(conf(await dockerTenant({ target: { published } }))).toContain(
      "server.base.url = https://hmis.moh.example.org:8443\n",
    );
  });

  it("gives DHIS2 the tenant's settings in the same secret file, and nowhere else", async () => {
    const settings = { "ldap.manager.password": "hidden of ldap" };
    const withSettings = await dockerTenant({ settings: pulumi.secret(settings) });
    const dhis2 = one(withSettings, CONTAINER, "moh-hmis-application");
    expect(fileIn(dhis2, "/opt/dhis2/dhis.conf")).toContain("ldap.manager.password = hidden of ldap\n");
    expect(dhis2.secret).toContain("uploads");
    const elsewhere = withSettings.filter(({ type }) => type !== CONTAINER);
    expect(JSON.stringify(elsewhere)).not.toContain("hidden of ldap");
    expect(JSON.stringify({ ...dhis2.inputs, uploads: undefined })).not.toContain("hidden of ldap");
  });

  it("takes what its size gives", () => {
    expect([database.inputs.memory, application.inputs.memory]).toEqual([4096, 4096]);
    expect(database.inputs.shmSize).toBe(1024);
    expect(database.inputs.command).toContain("shared_buffers=131072");
  });

  it("starts the application after the preparation, the version and the check of the accounts", () => {
    expect(one(made, STASH, "moh-hmis-history").waitsFor).toContain("moh-hmis-prepared");
    expect(one(made, STASH, "moh-hmis-accounts").waitsFor).toContain("moh-hmis-history");
    expect(application.waitsFor).toEqual(
      expect.arrayContaining(["moh-hmis-accounts", "moh-hmis-files-handed-over", "moh-hmis-start-given"]),
    );
    expect(one(made, STASH, "moh-hmis-secured").waitsFor).toContain("moh-hmis-application-started");
  });

  it("archives no write-ahead log where no backups are made", () => {
    expect(database.inputs.command).not.toContain("archive_mode=on");
    expect(fileIn(database, "/var/lib/postgresql/given/copies.key")).toBeUndefined();
  });
});

describe("a server on Docker with backups", () => {
  it("archives its write-ahead log, and has no key of a repository", async () => {
    const made = await dockerTenant({ target: { backups: DOCKER_BACKUPS } });
    const database = one(made, CONTAINER, "moh-hmis-database");
    expect(database.inputs.command).toContain("archive_mode=on");
    expect(fileIn(database, "/var/lib/postgresql/given/pgbackrest-cloud.conf")).toContain(
      "repo2-host=copies",
    );
    expect(JSON.stringify(database.inputs)).not.toContain("secret-of-s3");
    expect(JSON.stringify(database.inputs)).not.toContain("passphrase");
  });
});

describe("every container on Docker", () => {
  let containers: Registration[];
  beforeAll(async () => {
    containers = ofType(await dockerTenant({ target: { backups: DOCKER_BACKUPS } }), CONTAINER);
  });

  it("is one of these", () => {
    expect(containers.map(({ name }) => name)).toEqual([
      "moh-gateway",
      "moh-hmis-application",
      "moh-hmis-copies",
      "moh-hmis-database",
      "moh-hmis-portable",
      "moh-monitoring",
      "moh-training-application",
      "moh-training-copies",
      "moh-training-database",
      "moh-training-portable",
    ]);
  });

  it("has no capabilities, but for the gateway's port, and no way to get any", () => {
    for (const { name, inputs } of containers) {
      const adds = name === "moh-gateway" ? ["CAP_NET_BIND_SERVICE"] : [];
      expect(inputs.capabilities, name).toEqual({ drops: ["ALL"], adds });
      expect(inputs.securityOpts, name).toEqual(["no-new-privileges:true"]);
      expect(inputs.privileged, name).toBeUndefined();
    }
  });

  it("is not root's, and writes to nothing that outlives it but volumes", () => {
    for (const { name, inputs } of containers) {
      expect(inputs.user, name).toMatch(/^[1-9]\d*:[1-9]\d*$/);
      expect(inputs.mounts, name).toBeUndefined();
      expect(inputs.tmpfs, name).toHaveProperty("/tmp");
    }
  });

  it("has a limit on memory, and none of it on disk", () => {
    for (const { name, inputs } of containers) {
      expect(inputs.memory, name).toBeGreaterThan(0);
      expect(inputs.memorySwap, name).toBe(inputs.memory);
    }
  });

  it("comes back with the engine, and its logs do not grow", () => {
    for (const { name, inputs } of containers) {
      expect(inputs.restart, name).toBe("always");
      expect(inputs.logOpts, name).toEqual({ "max-size": "10m", "max-file": "5" });
    }
  });

  it("carries the mark of this stack", () => {
    for (const { name, inputs } of containers)
      expect(inputs.labels, name).toEqual([
        { label: "dhistance.container", value: name },
        { label: "dhistance.stack", value: "mark-of-this-stack" },
      ]);
  });

  it("publishes a port only where people come in", () => {
    const published = containers.filter(({ inputs }) => inputs.ports).map(({ name }) => name);
    expect(published).toEqual(["moh-gateway", "moh-monitoring"]);
  });
});

describe("the data of a plan on Docker", () => {
  const kept = ["moh-hmis-database-data", "moh-hmis-files", "moh-hmis-logs"];

  it("are protected where it is paid, with the passwords that open them", async () => {
    const made = await dockerTenant({ plan: "premium" });
    expect(protectedOf(made, VOLUME)).toEqual(expect.arrayContaining(kept));
    expect(protectedOf(made, PASSWORD)).toEqual(
      expect.arrayContaining(["moh-hmis-administrator-password", "moh-hmis-encryption-password"]),
    );
  });

  it("may go with a trial, and when a server retires", async () => {
    expect(protectedOf(await dockerTenant({ plan: "trial" }), VOLUME)).toEqual([]);
    const retired = await dockerTenant({ plan: "enterprise", retire: true });
    expect([...protectedOf(retired, VOLUME), ...protectedOf(retired, PASSWORD)]).toEqual([]);
  });
});
