import type { Certificates } from "../../contract/dockerTarget";
import { authority } from "../../docker/address";

/** A server behind the gateway. */
export interface Site {
  hostname: string;
  /** Where the application is, `host:port`. */
  upstream: string;
}

export interface Gateway {
  sites: readonly Site[];
  certificates: Certificates["kind"];
  /** Of ACME: whom the authority writes to; its directory, and whether `PATHS.root` vouches for it. */
  acme?: { email: string; directory?: string | undefined; ownAuthority: boolean };
  /** Ports of the host. */
  published: { http: number; https: number };
}

/** Ports inside the container, where nobody needs a privilege for them. */
export const PORTS = { http: 8080, https: 8443, health: 8081 };
/** Where the container has its files. */
export const PATHS = {
  config: "/etc/caddy/Caddyfile",
  root: "/etc/caddy/root.pem",
  certificate: "/etc/caddy/certificate.pem",
  privateKey: "/etc/caddy/private-key.pem",
  starting: "/etc/caddy/starting.html",
};

/** Two years, as docs.tlsref.org (Mozilla's guidelines) asks. */
const HSTS = "max-age=63072000";

/** What DHIS2 takes of a body, in MiB: uploads of metadata, files and apps. */
const BODY_MIB = 128;

/** AEAD with forward secrecy alone: the intermediate profile of docs.tlsref.org. TLS 1.3 has no others. */
const CIPHERS = [
  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/**
 * The gateway's configuration. What a client says of itself in forwarding headers is overwritten: Caddy trusts
 * nobody's, and the port is set here. The limits are DHIS2's own (128 MB bodies, 180 s and more for a long read).
 */
export function caddyfile({ sites, certificates, acme, published }: Gateway): string {
  const options = [
    "admin off",
    "skip_install_trust",
    "auto_https disable_redirects",
    `http_port ${PORTS.http}`,
    `https_port ${PORTS.https}`,
    ...(acme ? [`email ${acme.email}`] : []),
    ...(acme?.directory ? [`acme_ca ${acme.directory}`] : []),
    ...(acme?.ownAuthority ? [`acme_ca_root ${PATHS.root}`] : []),
    ...(certificates === "private"
      ? [
          "pki {",
          "  ca tenant {",
          "    root {",
          `      cert ${PATHS.root}`,
          // Caddy asks for a key here too, and with an intermediate at hand uses it for nothing: it need not be the
          // root's, which is not on this host.
          `      key ${PATHS.privateKey}`,
          "    }",
          "    intermediate {",
          `      cert ${PATHS.certificate}`,
          `      key ${PATHS.privateKey}`,
          "    }",
          "  }",
          "}",
        ]
      : []),
    "servers {",
    "  protocols h1 h2",
    "  timeouts {",
    "    read_header 30s",
    "    idle 5m",
    "  }",
    "}",
  ];
  return [
    block("", options),
    ...sites.map((site) => block(`http://${site.hostname}`, redirect(site, published.https))),
    // For the container's own health check; nobody outside gets to this port.
    block(`http://127.0.0.1:${PORTS.health}`, ["respond ok"]),
    // A request for another name, or for none, gets no answer.
    block("http://", ["abort"]),
    ...sites.map((site) => block(`https://${site.hostname}`, secured(site, certificates, published.https))),
  ].join("\n");
}

function redirect({ hostname }: Site, port: number): string[] {
  return [`redir https://${authority(hostname, port)}{uri} 308`];
}

function secured({ hostname, upstream }: Site, certificates: Certificates["kind"], port: number): string[] {
  const tls = certificates === "given" ? `tls ${PATHS.certificate} ${PATHS.privateKey} {` : "tls {";
  return [
    tls,
    "  protocols tls1.2 tls1.3",
    `  ciphers ${CIPHERS.join(" ")}`,
    // Caddy renews them long before; nothing waits for a `pulumi up`.
    ...(certificates === "private"
      ? ["  issuer internal {", "    ca tenant", "    lifetime 168h", "  }"]
      : []),
    "}",
    // By what is announced, so that nothing of it is read; and whatever is announced, no more is passed on.
    `@large expression \`{http.request.header.Content-Length}.matches("^[0-9]+$") && int({http.request.header.Content-Length}) > ${BODY_MIB * 2 ** 20}\``,
    'error @large "larger than DHIS2 takes" 413',
    "request_body {",
    `  max_size ${BODY_MIB}MiB`,
    "}",
    "header {",
    `  Strict-Transport-Security "${HSTS}"`,
    "  X-Content-Type-Options nosniff",
    "  X-Frame-Options SAMEORIGIN",
    "  Referrer-Policy strict-origin-when-cross-origin",
    "  Permissions-Policy interest-cohort=()",
    "  -Server",
    "  -Via",
    "  defer",
    "}",
    `reverse_proxy http://${upstream} {`,
    `  header_up X-Forwarded-Port ${port}`,
    "  header_up -Forwarded",
    // DHIS2 redirects to its page to log in without a look at X-Forwarded-Proto.
    `  header_down Location \`^http://${hostname.replaceAll(".", "\\.")}(:[0-9]+)?/\` https://${authority(hostname, port)}/`,
    "  transport http {",
    "    dial_timeout 5s",
    "    response_header_timeout 30m",
    "    read_timeout 30m",
    "    write_timeout 30m",
    "  }",
    "}",
    // While DHIS2 starts or migrates nothing answers, or something says that it is not ready.
    "handle_errors {",
    "  @starting expression `{http.error.status_code} in [502, 503, 504]`",
    "  handle @starting {",
    "    root * /etc/caddy",
    "    rewrite * /starting.html",
    "    header Retry-After 30",
    "    header Cache-Control no-store",
    "    file_server {",
    "      status 503",
    "    }",
    "  }",
    "}",
  ];
}

function block(head: string, lines: string[]): string {
  return `${head && `${head} `}{\n${lines.map((line) => `  ${line}\n`).join("")}}\n`;
}

/** What a person sees meanwhile. It asks again by itself. */
export const STARTING = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="30">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>DHIS2 is starting</title>
<style>body{font:18px/1.5 system-ui,sans-serif;max-width:32em;margin:20vh auto;padding:0 1em;color:#212934}</style>
<h1>DHIS2 is starting</h1>
<p>The system is being started or updated. Nothing you saved is lost. This page asks again every half minute; after an
update of a large system it can take an hour.</p>
</html>
`;
