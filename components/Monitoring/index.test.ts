import { describe, expect, it } from "vitest";
import { BackupVault } from "../BackupVault";
import { Gateway } from "../Gateway";
import {
  CONTAINER,
  DOCKER_BACKUPS,
  dockerTenant,
  fileIn,
  NETWORK,
  networksOf,
} from "../testing/dockerTenant";
import { one, registered } from "../testing/mocks";
import { makeServer, makeVault, TARGET, tenant } from "../testing/tenant";
import { Monitoring } from "./index";

const NAME = "moh-monitoring";

describe("monitoring on Docker", () => {
  it("asks the servers in their own networks, and has no way to the world", async () => {
    const made = await dockerTenant();
    expect(networksOf(one(made, CONTAINER, NAME)).sort()).toEqual([
      "moh-gateway",
      "moh-hmis-data",
      NAME,
      "moh-training-data",
    ]);
    expect(one(made, NETWORK, NAME).inputs.options).toEqual({
      "com.docker.network.bridge.enable_ip_masquerade": "false",
    });
  });

  it("is published at the target's private address alone", async () => {
    const monitoring = { address: "10.0.0.5", port: 9999 };
    const { inputs } = one(await dockerTenant({ target: { monitoring } }), CONTAINER, NAME);
    expect(inputs.ports).toEqual([{ internal: 9090, external: 9999, ip: "10.0.0.5" }]);
  });

  it("knows the password of a role that sees no data, and no other", async () => {
    const { inputs, secret } = one(await dockerTenant(), CONTAINER, NAME);
    const passwords = JSON.stringify(inputs).match(/secret-of-[a-z-]+/g);
    expect(new Set(passwords)).toEqual(
      new Set(["secret-of-moh-hmis-monitor-password", "secret-of-moh-training-monitor-password"]),
    );
    expect(secret).toContain("uploads");
  });

  it("reads what the backups report, and writes nothing there", async () => {
    const { inputs } = one(await dockerTenant({ target: { backups: DOCKER_BACKUPS } }), CONTAINER, NAME);
    const volumes = inputs.volumes as { containerPath: string; volumeName: string; readOnly?: boolean }[];
    expect(volumes.filter(({ readOnly }) => readOnly)).toEqual([
      { containerPath: "/var/lib/copies/hmis", volumeName: "moh-hmis-copies-told", readOnly: true },
      {
        containerPath: "/var/lib/copies/hmis.portable",
        volumeName: "moh-hmis-portable-told",
        readOnly: true,
      },
      { containerPath: "/var/lib/copies/training", volumeName: "moh-training-copies-told", readOnly: true },
      {
        containerPath: "/var/lib/copies/training.portable",
        volumeName: "moh-training-portable-told",
        readOnly: true,
      },
    ]);
    expect(volumes.filter(({ readOnly }) => !readOnly)).toEqual([
      { containerPath: "/var/lib/prometheus", volumeName: NAME },
    ]);
  });

  it("says of a server whether backups are made of it", async () => {
    const made = async (backups?: typeof DOCKER_BACKUPS) =>
      fileIn(
        one(await dockerTenant({ target: { backups } }), CONTAINER, NAME),
        "/etc/prometheus/given/targets.json",
      );
    expect(await made()).toContain('"backups":"none"');
    expect(await made(DOCKER_BACKUPS)).toContain('"backups":"made"');
  });
});

it("is the page of the alarms in CloudWatch on AWS", async () => {
  let page = "";
  const made = await registered(() => {
    const servers = [makeServer()];
    const common = { tenant: tenant("premium"), servers, target: TARGET };
    const gateway = new Gateway("moh-gateway", { ...common, keepsAuthority: true });
    const vault: BackupVault = makeVault("premium", servers);
    page = new Monitoring(NAME, { ...common, displayName: "Ministry of Health", gateway, vault }).page;
  });
  expect(page).toBe("https://eu-west-1.console.aws.amazonaws.com/cloudwatch/home?region=eu-west-1#alarmsV2:");
  expect(made.filter(({ parent }) => parent === NAME)).toEqual([]);
});
