import { LARGEST_BODY_MIB } from "../../contract/application";
import type { Certificates } from "../../contract/dockerTarget";
import { authority } from "../../docker/address";
import type { PageFile } from "./pages";

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
export const PORTS = { http: 8080, https: 8443, health: 8081, state: 8082 };
/** Where the container has its files. */
export const PATHS = {
  config: "/etc/caddy/Caddyfile",
  root: "/etc/caddy/root.pem",
  certificate: "/etc/caddy/certificate.pem",
  privateKey: "/etc/caddy/private-key.pem",
  pages: "/etc/caddy/pages",
};

/** Two years, as docs.tlsref.org (Mozilla's guidelines) asks. */
const HSTS = "max-age=63072000";

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
 * Headers by which a proxy tells an application who asks, where and for what. Nobody before this gateway is trusted, so
 * they are removed; Caddy then sets its own X-Forwarded-For, -Host and -Proto. With an underscore a name can pass for
 * the one with a hyphen (nginx drops such names, too).
 */
const FORGED = [
  "*_*",
  "*Forward*",
  "Via",
  "*-IP",
  "*-Addr",
  "*Client-IP*",
  "*Real-*",
  "X-Client-Port",
  "X-Originating-*",
  "X-Remote-*",
  "Remote-*",
  "X-Authenticated-*",
  "X-Auth-Request-*",
  "X-WebAuth-*",
  "X-Proxy*",
  "Proxy",
  "X-Envoy-*",
  "X-ARR-*",
  "X-Azure-*",
  "X-Accel-*",
  "X-Host",
  "X-Original*",
  "X-Rewrite-*",
  "X-Request-URI",
  "X-Script-Name",
  "X-Context-Path",
  "X-Base-Url",
  "X-HTTP-*",
  "X-Method-Override",
  "X-HTTPS",
  "X-Scheme",
  "X-Url-Scheme",
  "Front-End-Https",
  "*SSL-*",
  "*Client-Cert*",
];

/** The answers that the gateway gives itself name no program, and keep browsers as DHIS2's do. */
const SAFE_HEADERS = [
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
];

/** What Go's reader of request bodies says of a body that breaks the protocol (net/http, net/http/internal). */
const MALFORMED =
  "malformed chunked|invalid byte in chunk|chunk length|chunked line|chunked encoding|header line too long|invalid trailer|bad trailer";

/**
 * The gateway's configuration. The limits are DHIS2's own (128 MB bodies, 180 s and more for a long read). It has to be
 * right for Caddy 2.6 (Debian's) as well.
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
    // 421 where the host name asked for is not that of the connection.
    "  strict_sni_host on",
    "  timeouts {",
    "    read_header 30s",
    "    idle 5m",
    "  }",
    "}",
  ];
  return [
    block("", options),
    ...sites.map((site) => block(`http://${site.hostname}`, redirect(site, published.https))),
    // For the container's own health check.
    block(`http://127.0.0.1:${PORTS.health}`, [ONLY_HERE, "respond ok"]),
    ...sites.map((site) => block(`http://${site.hostname}:${PORTS.state}`, state(site))),
    // A request for another name, or for none, gets no answer.
    block("http://", ["abort"]),
    ...sites.map((site) => block(`https://${site.hostname}`, secured(site, certificates, published.https))),
    // With a certificate for several names, a connection can be for a name that no server has.
    block("https://", ["abort", "handle_errors {", "  abort", "}"]),
  ].join("\n");
}

/** Not for other containers in its networks. */
const ONLY_HERE = "bind 127.0.0.1";

function redirect({ hostname }: Site, port: number): string[] {
  return [
    "header -Server",
    "@connect method CONNECT",
    "abort @connect",
    `redir https://${authority(hostname, port)}{uri} 308`,
  ];
}

function secured(site: Site, certificates: Certificates["kind"], port: number): string[] {
  const { hostname, upstream } = site;
  const tls = certificates === "given" ? `tls ${PATHS.certificate} ${PATHS.privateKey} {` : "tls {";
  const address = authority(hostname, port);
  return [
    tls,
    "  protocols tls1.2 tls1.3",
    `  ciphers ${CIPHERS.join(" ")}`,
    // Caddy renews them long before; nothing waits for a `pulumi up`.
    ...(certificates === "private"
      ? ["  issuer internal {", "    ca tenant", "    lifetime 168h", "  }"]
      : []),
    "}",
    ...SAFE_HEADERS,
    "@tunnel method CONNECT TRACE",
    'error @tunnel "no proxy for other addresses" 421',
    // By what is announced, so that nothing of it is read; and whatever is announced, no more is passed on.
    `@large expression \`{http.request.header.Content-Length}.matches("^[0-9]+$") && int({http.request.header.Content-Length}) > ${LARGEST_BODY_MIB * 2 ** 20}\``,
    'error @large "larger than DHIS2 takes" 413',
    "request_body {",
    `  max_size ${LARGEST_BODY_MIB}MiB`,
    "}",
    ...FORGED.map((name) => `request_header -${name}`),
    `reverse_proxy http://${upstream} {`,
    // A request may take minutes. That DHIS2 itself answers is asked apart: while it starts it takes connections and
    // answers none, and a request would hang.
    "  health_uri /api/ping",
    "  health_status 200",
    "  health_interval 3s",
    "  health_timeout 5s",
    // A client may name another port.
    `  header_up Host ${address}`,
    `  header_up X-Forwarded-Host ${address}`,
    `  header_up X-Forwarded-Port ${port}`,
    // DHIS2 redirects to its page to log in without a look at X-Forwarded-Proto.
    `  header_down Location \`(?i)^https?://${hostname.replaceAll(".", "\\.")}(:[0-9]+)?([/?#]|$)\` https://${address}$2`,
    "  transport http {",
    "    dial_timeout 5s",
    "    response_header_timeout 30m",
    "    read_timeout 30m",
    "    write_timeout 30m",
    "  }",
    "}",
    ...errors(site),
  ];
}

/** What the gateway answers where DHIS2 does not. */
function errors({ hostname }: Site): string[] {
  const when = (name: string, expression: string, lines: string[]) => [
    `  @${name} expression \`${expression}\``,
    `  handle @${name} {`,
    ...lines.map((line) => `    ${line}`),
    "  }",
  ];
  return [
    "handle_errors {",
    ...SAFE_HEADERS.map((line) => `  ${line}`),
    ...when(
      "refused",
      '{http.error.status_code} == 413 || {http.error.message}.contains("body too large")',
      say("too-large.html", 413),
    ),
    ...when("malformed", `{http.error.message}.matches("${MALFORMED}")`, say("malformed.html", 400)),
    ...when("away", "{http.error.status_code} in [502, 503, 504]", [
      `reverse_proxy http://127.0.0.1:${PORTS.state} {`,
      "  method GET",
      `  header_up Host ${hostname}`,
      "}",
    ]),
    "  handle {",
    '    respond "{http.error.status_code} {http.error.status_text}" {http.error.status_code}',
    "  }",
    "}",
  ];
}

/**
 * What DHIS2 itself says while requests fail. No answer to `/api/ping`: it starts or migrates. 404: its start has failed
 * (images/jobs/start). A site of its own, so that no answer is an error which it handles.
 */
function state({ upstream }: Site): string[] {
  return [
    ONLY_HERE,
    `reverse_proxy http://${upstream} {`,
    "  method GET",
    "  rewrite /api/ping",
    "  transport http {",
    "    dial_timeout 2s",
    "    response_header_timeout 2s",
    "  }",
    "  @ready status 200",
    "  handle_response @ready {",
    ...say("no-answer.html", 502).map((line) => `    ${line}`),
    "  }",
    "  @failed status 404",
    "  handle_response @failed {",
    ...say("failed.html", 503).map((line) => `    ${line}`),
    "  }",
    "  handle_response {",
    ...say("starting.html", 503).map((line) => `    ${line}`),
    "  }",
    "}",
    "handle_errors {",
    ...say("starting.html", 503).map((line) => `  ${line}`),
    "}",
  ];
}

function say(file: PageFile, status: number): string[] {
  return [
    "header Cache-Control no-store",
    ...(status === 503 ? ["header Retry-After 30"] : []),
    `root * ${PATHS.pages}`,
    `rewrite * /${file}`,
    "file_server {",
    `  status ${status}`,
    "}",
  ];
}

function block(head: string, lines: string[]): string {
  return `${head && `${head} `}{\n${lines.map((line) => `  ${line}\n`).join("")}}\n`;
}
