import { describe, expect, it } from "vitest";
import { CONTAINER, dockerTenant, fileIn, NETWORK, networksOf, VOLUME } from "../testing/dockerTenant";
import { one, registered } from "../testing/mocks";
import { makeServer, TARGET, tenant } from "../testing/tenant";
import { Gateway } from "./index";

const GATEWAY = "moh-gateway";

describe("the gateway on Docker", () => {
  it("reaches the applications, and no database", async () => {
    const made = await dockerTenant();
    const gateway = one(made, CONTAINER, GATEWAY);
    expect(networksOf(gateway).sort()).toEqual([GATEWAY, "moh-hmis-web", "moh-training-web"]);
    expect(one(made, NETWORK, GATEWAY).inputs.internal).toBe(true);
  });

  it("opens once every server is secured", async () => {
    const { waitsFor } = one(await dockerTenant(), CONTAINER, GATEWAY);
    expect(waitsFor).toEqual(expect.arrayContaining(["moh-hmis-secured", "moh-training-secured"]));
  });

  it("is published at the address and the ports of the target", async () => {
    const published = { address: "192.0.2.7", http: 8080, https: 8443 };
    const { inputs } = one(await dockerTenant({ target: { published } }), CONTAINER, GATEWAY);
    expect(inputs.ports).toEqual([
      { internal: 8080, external: 8080, ip: "192.0.2.7" },
      { internal: 8443, external: 8443, ip: "192.0.2.7" },
    ]);
  });

  it("has a private CA, and its root key stays in the state", async () => {
    const made = await dockerTenant();
    const gateway = one(made, CONTAINER, GATEWAY);
    expect(fileIn(gateway, "/etc/caddy/root.pem")).toBe("certificate moh-gateway-root");
    expect(fileIn(gateway, "/etc/caddy/private-key.pem")).toBe("secret-of-moh-gateway-issuer-key");
    expect(JSON.stringify(gateway.inputs)).not.toContain("moh-gateway-root-key");
    expect(one(made, "tls:index/privateKey:PrivateKey", "moh-gateway-root-key").protect).toBe(true);
  });

  it("keeps ACME's certificates in a volume", async () => {
    const certificates = { kind: "acme", email: "ops@moh.example.org" } as const;
    const made = await dockerTenant({ target: { certificates } });
    expect(one(made, VOLUME, "moh-gateway-certificates").inputs.name).toBe("moh-gateway-certificates");
    const { inputs, waitsFor } = one(made, CONTAINER, GATEWAY);
    expect(inputs.volumes).toEqual([
      { containerPath: "/var/lib/gateway", volumeName: "moh-gateway-certificates" },
    ]);
    expect(waitsFor).toContain("moh-gateway-certificates-handed-over");
  });

  it("takes a given certificate, and its key as a secret", async () => {
    const certificates = { kind: "given", certificate: "CERTIFICATE", privateKey: "KEY" } as const;
    const gateway = one(await dockerTenant({ target: { certificates } }), CONTAINER, GATEWAY);
    expect(fileIn(gateway, "/etc/caddy/certificate.pem")).toBe("CERTIFICATE");
    expect(fileIn(gateway, "/etc/caddy/private-key.pem")).toBe("KEY");
    expect(gateway.secret).toContain("uploads");
  });
});

it("replaces nothing that earlier versions made without the components", async () => {
  const made = await dockerTenant();
  const moved = made.filter(({ parent }) => [GATEWAY, "moh-monitoring"].includes(parent));
  expect(moved.map(({ name }) => name)).toEqual(
    expect.arrayContaining([GATEWAY, "moh-gateway-root", "moh-monitoring"]),
  );
  for (const { name, formerParents } of moved) expect(formerParents, name).toEqual(["moh"]);
});

it("is the platform's load balancer on AWS", async () => {
  const made = await registered(() => {
    const servers = [makeServer()];
    const gateway = new Gateway(GATEWAY, {
      tenant: tenant("premium"),
      servers,
      keepsAuthority: true,
      target: TARGET,
    });
    expect(gateway.authority).toBeUndefined();
  });
  expect(made.filter(({ parent }) => parent === GATEWAY)).toEqual([]);
});
