import { describe, expect, it } from "vitest";
import { duration } from "../../docker/container";
import { authority } from "../../docker/address";
import { caddyfile, PATHS, type Gateway } from "./caddyfile";

const gateway: Gateway = {
  sites: [
    { hostname: "hmis.moh.example.org", upstream: "moh-hmis-application:8080" },
    { hostname: "training.moh.example.org", upstream: "moh-training-application:8080" },
  ],
  certificates: "acme",
  acme: { email: "ops@moh.example.org", ownAuthority: false },
  published: { http: 80, https: 443 },
};

describe("the gateway's configuration", () => {
  it("has a site and a redirect for each server, each with its own application", () => {
    const config = caddyfile(gateway);
    for (const { hostname, upstream } of gateway.sites) {
      const site = config.slice(config.indexOf(`\nhttps://${hostname} {`));
      expect(site.slice(0, site.indexOf("\n}\n"))).toContain(`reverse_proxy http://${upstream} {`);
      expect(config).toContain(`redir https://${hostname}{uri} 308`);
    }
  });

  it("takes certificates from where the spec says", () => {
    expect(caddyfile(gateway)).toContain("email ops@moh.example.org");
    expect(caddyfile(gateway)).not.toMatch(/issuer internal|acme_ca/);
    const directory = "https://ca.moh.example.org/acme/directory";
    const own = caddyfile({
      ...gateway,
      acme: { email: "ops@moh.example.org", directory, ownAuthority: true },
    });
    expect(own).toContain(`acme_ca ${directory}\n`);
    expect(own).toContain(`acme_ca_root ${PATHS.root}\n`);
    const given = caddyfile({ ...gateway, certificates: "given" });
    expect(given.split(`tls ${PATHS.certificate} ${PATHS.privateKey} {`)).toHaveLength(3);
    expect(caddyfile({ ...gateway, certificates: "private" }).split("issuer internal {")).toHaveLength(3);
  });

  it("names the port in addresses unless it is HTTPS's own", () => {
    const published = { http: 8000, https: 8443 };
    expect(caddyfile({ ...gateway, published })).toContain(
      "redir https://hmis.moh.example.org:8443{uri} 308",
    );
    expect(caddyfile({ ...gateway, published })).toContain("header_up Host hmis.moh.example.org:8443\n");
    expect(authority("hmis.moh.example.org", 443)).toBe("hmis.moh.example.org");
  });
});

it.each([
  [5, "5s"],
  [60, "1m0s"],
  [1800, "30m0s"],
  [14_400, "4h0m0s"],
])("%i s is %s to the engine", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});
