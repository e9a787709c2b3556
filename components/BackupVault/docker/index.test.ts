import { beforeAll, describe, expect, it } from "vitest";
import { RETENTION } from "../../../plans/retention";
import {
  CONTAINER,
  DOCKER_BACKUPS,
  dockerTenant,
  fileIn,
  networksOf,
  PASSWORD,
  protectedOf,
  VOLUME,
} from "../../testing/dockerTenant";
import { ofType, one, type Registration } from "../../testing/mocks";

describe("a vault on Docker", () => {
  let made: Registration[];
  let pitr: Registration;
  let portable: Registration;
  beforeAll(async () => {
    made = await dockerTenant({ target: { backups: DOCKER_BACKUPS } });
    pitr = one(made, CONTAINER, "moh-hmis-copies");
    portable = one(made, CONTAINER, "moh-hmis-portable");
  });

  it("reaches the database of its server and the cloud, and no other server", () => {
    for (const container of [pitr, portable])
      expect(networksOf(container)).toEqual(["moh-hmis-data", "moh-hmis-copies"]);
  });

  it("publishes nothing", () => {
    expect([pitr.inputs.ports, portable.inputs.ports]).toEqual([undefined, undefined]);
  });

  it("keeps points in time as long as the plan says, in two repositories under keys of their own", () => {
    const configuration = fileIn(pitr, "/var/lib/postgresql/given/pgbackrest.conf");
    const { pointInTime, portable } = RETENTION.premium;
    expect(configuration).toContain(`repo1-retention-full=${pointInTime}\n`);
    expect(configuration).toContain(`repo2-retention-full=${portable}\n`);
    expect(configuration).toContain("repo1-cipher-pass=secret-of-moh-hmis-copies-disk-passphrase\n");
    expect(configuration).toContain("repo2-cipher-pass=secret-of-moh-hmis-copies-cloud-passphrase\n");
    expect(configuration).toContain("repo2-path=/moh/hmis\n");
    expect(pitr.secret).toContain("uploads");
  });

  it("gives the portable backup two passwords and a signing key, each in a secret file", () => {
    const given = (file: string) => fileIn(portable, `/run/dhistance/${file}`);
    expect(given("cloud-password")).toBe("secret-of-moh-hmis-portable-cloud-password");
    expect(given("disk-password")).toBe("secret-of-moh-hmis-portable-disk-password");
    expect(given("signing.pem")).toBe("secret-of-moh-hmis-portable-signing-key");
    expect(given("s3-credentials")).toContain("secret-of-s3");
    expect(portable.secret).toContain("uploads");
  });

  it("backs up a database once it is prepared, and files once they are DHIS2's", () => {
    expect(pitr.waitsFor).toContain("moh-hmis-prepared");
    expect(portable.waitsFor).toEqual(
      expect.arrayContaining(["moh-hmis-secured", "moh-hmis-portable-handed-over"]),
    );
  });

  it("has a folder on the host's disk for each container", () => {
    const device = (name: string) => one(made, VOLUME, name).inputs.driverOpts.device as string;
    expect(device("moh-hmis-copies-disk")).toBe("/srv/backups/hmis");
    expect(device("moh-hmis-portable-disk")).toBe("/srv/backups/hmis.portable");
  });

  it("protects backups and what opens them on a paid plan, and not on a trial", async () => {
    const disks = ["moh-hmis-copies-disk", "moh-hmis-portable-disk"];
    const passwords = ["moh-hmis-copies-cloud-passphrase", "moh-hmis-portable-disk-password"];
    expect(protectedOf(made, VOLUME)).toEqual(expect.arrayContaining(disks));
    expect(protectedOf(made, PASSWORD)).toEqual(expect.arrayContaining(passwords));
    const trial = await dockerTenant({ plan: "trial", target: { backups: DOCKER_BACKUPS } });
    expect(protectedOf(trial, VOLUME)).toEqual([]);
    expect(protectedOf(trial, PASSWORD)).toEqual([]);
  });

  it("keeps backups on a volume where no directory is named", async () => {
    const backups = { ...DOCKER_BACKUPS, disk: {} };
    const onVolume = await dockerTenant({ target: { backups } });
    expect(one(onVolume, VOLUME, "moh-hmis-copies-disk").inputs.driverOpts).toBeUndefined();
  });

  it("trusts the CA of the S3 server", async () => {
    const backups = { ...DOCKER_BACKUPS, cloud: { ...DOCKER_BACKUPS.cloud, authority: "CA" } };
    const trusting = await dockerTenant({ target: { backups } });
    const file = "/run/dhistance/cloud-authority.crt";
    expect(fileIn(one(trusting, CONTAINER, "moh-hmis-portable"), file)).toBe("CA");
    expect(one(trusting, CONTAINER, "moh-hmis-portable").inputs.envs).toContain(`SSL_CERT_FILE=${file}`);
    expect(one(trusting, CONTAINER, "moh-hmis-copies").inputs.uploads).toContainEqual(
      expect.objectContaining({ file: "/var/lib/postgresql/given/cloud-authority.crt", content: "CA" }),
    );
    expect(portable.inputs.envs).toEqual([
      "AWS_REGION=eu-west-1",
      "AWS_SHARED_CREDENTIALS_FILE=/run/dhistance/s3-credentials",
    ]);
  });
});

it("makes no backups where the target names no location", async () => {
  const made = await dockerTenant();
  expect(ofType(made, CONTAINER).filter(({ name }) => /copies|portable/.test(name))).toEqual([]);
});
