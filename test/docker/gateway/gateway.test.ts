import { existsSync, readFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import tls from "node:tls";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Visitor, type Visit } from "../visitor";
import { missingForCaddy, startCaddy, type RunningCaddy } from "./caddy";

/** The gateway's configuration in a real Caddy, before an application that behaves as each test says. */
const HMIS = "hmis.moh.test";
const TRAINING = "training.moh.test";
/** The port that people use, which need not be Caddy's own. */
const PUBLISHED = 18_443;
const lacking = missingForCaddy();

type Answer = (request: http.IncomingMessage, response: http.ServerResponse, body: Buffer) => void;
const echo: Answer = ({ method, url, headers, rawHeaders }, response, body) => {
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ method, url, headers, rawHeaders, body: body.toString("base64") }));
};
const ready: Answer = (request, response, body) =>
  request.url === "/api/ping" ? response.end() : echo(request, response, body);
/** As DHIS2 does while it starts. */
const silent: Answer = () => undefined;
/** As DHIS2 does when its start has failed. */
const notFound: Answer = (_, response) => response.writeHead(404).end();

let answer: Answer = ready;
let application: http.Server;
let caddy: RunningCaddy;
let visitor: Visitor;
beforeAll(async () => {
  if (lacking) return;
  application = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => answer(request, response, Buffer.concat(chunks)));
    request.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => application.listen(0, "127.0.0.1", resolve));
  const upstream = `127.0.0.1:${(application.address() as AddressInfo).port}`;
  caddy = await startCaddy(
    {
      sites: [HMIS, TRAINING].map((hostname) => ({ hostname, upstream })),
      published: { http: 18_080, https: PUBLISHED },
    },
    "*.moh.test",
  );
  visitor = new Visitor(caddy, caddy.ca);
});
afterAll(async () => {
  await caddy?.end();
  application?.closeAllConnections();
  application?.close();
});
beforeEach(async () => {
  if (lacking) return;
  answer = ready;
  await eventually((visit) => visit.status === 200);
});

async function eventually(done: (visit: Visit) => boolean, path = "/api/me"): Promise<Visit> {
  for (let tries = 0; ; tries++) {
    const visit = await visitor.get(HMIS, path);
    if (done(visit)) return visit;
    if (tries > 100) throw new Error(`in vain: ${visit.status} ${visit.text}`);
    await sleep(200);
  }
}

/** Sends bytes over TLS as they are. @returns what came back until the connection was closed, or nothing more came */
function raw(text: string, servername = HMIS): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: "127.0.0.1", port: caddy.https, servername, ca: caddy.ca }, () =>
      socket.write(text),
    );
    let received = "";
    socket.setTimeout(3000, () => socket.destroy());
    socket.on("data", (data) => (received += String(data)));
    socket.on("close", () => resolve(received));
    socket.on("error", (error) =>
      /ECONNRESET|EPIPE/.test(String(error)) ? resolve(received) : reject(error),
    );
  });
}

const SAFE = {
  "strict-transport-security": "max-age=63072000",
  "x-content-type-options": "nosniff",
  "x-frame-options": "SAMEORIGIN",
};
const kindOf = ({ status, text }: Visit) => ({ status, title: /<h1>(.*)<\/h1>/.exec(text)?.[1] });

describe.skipIf(lacking)(
  `what is not asked of a server of the tenant${lacking ? ` (${lacking})` : ""}`,
  () => {
    it.each([
      ["another host name", "GET / HTTP/1.1\r\nHost: nobody.moh.test\r\n\r\n"],
      ["a host name of another domain", "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n"],
      ["an absolute address", `GET http://evil.test/ HTTP/1.1\r\nHost: ${HMIS}\r\n\r\n`],
      ["no host name", "GET / HTTP/1.0\r\n\r\n"],
      ["an address", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"],
      ["CONNECT", "CONNECT app2:8080 HTTP/1.1\r\nHost: app2:8080\r\n\r\n"],
      ["CONNECT with the right host name", `CONNECT ${HMIS}:443 HTTP/1.1\r\nHost: ${HMIS}\r\n\r\n`],
      ["TRACE", `TRACE / HTTP/1.1\r\nHost: ${HMIS}\r\n\r\n`],
      ["another server's host name", `GET / HTTP/1.1\r\nHost: ${TRAINING}\r\n\r\n`],
    ])("is refused: %s", async (_, request) => {
      const received = await raw(request);
      expect(received).toMatch(/^(|HTTP\/1\.[01] 421 Misdirected Request\r\n[^]*)$/);
      expect(received).not.toMatch(/^Server:/im);
    });

    it("is refused on a connection for a name that only the certificate has", async () => {
      const received = await raw("GET / HTTP/1.1\r\nHost: nobody.moh.test\r\n\r\n", "nobody.moh.test");
      expect(received).toBe("");
    });

    it("is refused without TLS, but for the redirect, which names no program", async () => {
      const { status, headers } = await visitor.plain(HMIS, "/api/me?x=1");
      expect({ status, location: headers.location, server: headers["server"] }).toEqual({
        ...{ status: 308, location: `https://${HMIS}:${PUBLISHED}/api/me?x=1`, server: undefined },
      });
      await expect(visitor.plain("nobody.moh.test", "/")).rejects.toThrow();
    });
  },
);

describe.skipIf(lacking)("what a client says of itself", () => {
  const forged = [
    "Forwarded",
    "X-Forwarded",
    "X-Forwarded-Prefix",
    "X-Forwarded-Ssl",
    "X-Forwarded-Server",
    "X-Forwarded-By",
    "X-Forwarded-Scheme",
    "X-Forwarded-User",
    "X-Forwarded-Path",
    "X-Forwarded-Uri",
    "X-Forwarded-Method",
    "X-Forwarded-Client-Cert",
    "X-Forward-For",
    "X_Forwarded_For",
    "X_Forwarded-Proto",
    "Via",
    "X-Real-IP",
    "X-Real-Port",
    "X-Client-IP",
    "Client-IP",
    "True-Client-IP",
    "X-Cluster-Client-IP",
    "X-Source-IP",
    "CF-Connecting-IP",
    "Fastly-Client-IP",
    "WL-Proxy-Client-IP",
    "Proxy-Client-IP",
    "X-Originating-IP",
    "X-Remote-IP",
    "X-Remote-Addr",
    "X-Remote-User",
    "Remote-User",
    "X-ProxyUser-Ip",
    "Proxy",
    "X-Host",
    "X-Original-URL",
    "X-Original-Host",
    "X-Original-Method",
    "X-Original-Forwarded-For",
    "X-Rewrite-URL",
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "X-Scheme",
    "X-Url-Scheme",
    "X-Script-Name",
    "X-Context-Path",
    "Front-End-Https",
    "X-SSL-Client-Cert",
    "SSL_CLIENT_CERT",
    "X-Client-Cert",
    "REMOTE_USER",
  ];
  it.each(forged)("never reaches DHIS2: %s", async (name) => {
    const { text } = await visitor.get(HMIS, "/api/me", { [name]: "/evil" });
    expect((JSON.parse(text) as { rawHeaders: string[] }).rawHeaders.join("\n")).not.toContain("/evil");
  });

  it("is overwritten in the headers that DHIS2 reads, several of one name and another port too", async () => {
    const { text } = await visitor.get(HMIS, "/api/me", {
      ...{
        Host: `${HMIS}:1234`,
        "X-Forwarded-For": ["203.0.113.7", "203.0.113.8"],
        "X-Forwarded-Port": "80",
      },
      ...{ "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.test" },
    });
    expect((JSON.parse(text) as { headers: object }).headers).toMatchObject({
      host: `${HMIS}:${PUBLISHED}`,
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-host": `${HMIS}:${PUBLISHED}`,
      "x-forwarded-port": String(PUBLISHED),
      "x-forwarded-proto": "https",
    });
  });

  it("passes otherwise", async () => {
    const honest = {
      ...{ Authorization: "ApiToken d2pat_x", Cookie: "JSESSIONID=1", "X-Requested-With": "XMLHttpRequest" },
      ...{
        Origin: `https://${HMIS}`,
        Referer: `https://${HMIS}/`,
        "If-None-Match": '"1"',
        Range: "bytes=0-1",
      },
    };
    const { text } = await visitor.get(HMIS, "/api/me", honest);
    const lower = Object.fromEntries(
      Object.entries(honest).map(([name, value]) => [name.toLowerCase(), value]),
    );
    expect((JSON.parse(text) as { headers: object }).headers).toMatchObject(lower);
  });
});

describe.skipIf(lacking)("a redirect of DHIS2", () => {
  it.each([
    [`http://${HMIS}/login/`, `https://${HMIS}:${PUBLISHED}/login/`],
    [`http://${HMIS}:8080/login/?a=b`, `https://${HMIS}:${PUBLISHED}/login/?a=b`],
    [`http://${HMIS.toUpperCase()}:${PUBLISHED}/login/`, `https://${HMIS}:${PUBLISHED}/login/`],
    [`https://${HMIS}/login/`, `https://${HMIS}:${PUBLISHED}/login/`],
    [`http://${HMIS}`, `https://${HMIS}:${PUBLISHED}`],
    [`http://${HMIS}?a=b`, `https://${HMIS}:${PUBLISHED}?a=b`],
    ["/login/", "/login/"],
    ["https://login.example.org/authorize", "https://login.example.org/authorize"],
    [`http://${HMIS}.example.org/`, `http://${HMIS}.example.org/`],
    ["http://hmisxmoh.test/", "http://hmisxmoh.test/"],
  ])("to %s leads to %s", async (location, expected) => {
    answer = ({ url }, response) =>
      url === "/api/ping" ? response.end() : response.writeHead(302, { Location: location }).end();
    expect((await visitor.get(HMIS, "/")).headers.location).toBe(expected);
  });
});

describe.skipIf(lacking)("the answer where DHIS2 gives none", () => {
  it("says within seconds that DHIS2 starts, and opens when it is ready; a request that waits gets its answer", async () => {
    let finish: (() => void) | undefined;
    answer = (request, response, body) =>
      request.url === "/long"
        ? (finish = () => response.end("a long report"))
        : ready(request, response, body);
    const long = visitor.get(HMIS, "/long");
    for (let tries = 0; !finish && tries < 100; tries++) await sleep(50);
    answer = silent;
    await sleep(9000);
    const since = Date.now();
    const visit = await visitor.ask("POST", HMIS, "/api/dataValueSets", { body: Buffer.from("{}") });
    expect(Date.now() - since).toBeLessThan(4000);
    expect(kindOf(visit)).toEqual({ status: 503, title: "DHIS2 is starting" });
    expect(visit.headers).toMatchObject({ ...SAFE, "retry-after": "30", "cache-control": "no-store" });
    expect(visit.headers).not.toHaveProperty("server");
    expect(visit.headers).not.toHaveProperty("via");
    expect(visit.text).not.toContain("Nothing you saved is lost");
    finish?.();
    expect((await long).text).toBe("a long report");
    answer = ready;
    await eventually(({ status }) => status === 200);
  });

  it("says that its start has failed", async () => {
    answer = notFound;
    const visit = await eventually(({ status }) => status === 503);
    expect(kindOf(visit)).toEqual({ status: 503, title: "DHIS2 could not start" });
    expect(visit.headers).toMatchObject({ ...SAFE, "retry-after": "30" });
  });

  it("says that nothing is known where DHIS2 runs and ends a request", async () => {
    answer = (request, response) => (request.url === "/api/ping" ? response.end() : request.socket.destroy());
    const visit = await visitor.ask("POST", HMIS, "/api/dataValueSets", { body: Buffer.from("{}") });
    expect(kindOf(visit)).toEqual({ status: 502, title: "DHIS2 did not answer" });
    expect(visit.text).toContain("check whether it was saved");
    expect(visit.text).not.toContain('http-equiv="refresh"');
    expect(visit.headers).toMatchObject(SAFE);
  });

  it("passes DHIS2's own errors on", async () => {
    answer = ({ url }, response) =>
      url === "/api/ping" ? response.end() : response.writeHead(503).end("DHIS2's own");
    expect(await visitor.get(HMIS, "/api/me")).toMatchObject({ status: 503, text: "DHIS2's own" });
  });

  const length = 128 * 2 ** 20 + 1;
  const chunk = `${(1 << 20).toString(16)}\r\n${"x".repeat(1 << 20)}\r\n`;
  it.each([
    ["announced", `Content-Length: ${length}\r\n\r\n`],
    ["in pieces", `Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(129)}0\r\n\r\n`],
  ])("says that a body is too large: %s", async (_, rest) => {
    const received = await raw(`POST /a HTTP/1.1\r\nHost: ${HMIS}\r\n${rest}`);
    expect(received).toMatch(/^HTTP\/1\.1 413 /);
    expect(received).toContain("Nothing of it was saved");
    expect(received.toLowerCase()).toContain("x-content-type-options: nosniff");
    expect(received).not.toMatch(/^Server:/im);
  });

  it.each([
    ["no length of a piece", "hello\r\nworld\r\n"],
    ["no end of a piece", "3\r\nabcdef\r\n0\r\n\r\n"],
    ["a length that is none", "3;\nxx\r\nabc\r\nzz\r\n\r\n"],
    ["a length too large", "fffffffffffffffff\r\nabc"],
  ])("says that a body is malformed: %s", async (_, body) => {
    const received = await raw(
      `POST /a HTTP/1.1\r\nHost: ${HMIS}\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
    );
    expect(received).toMatch(/^HTTP\/1\.1 400 /);
    expect(received).not.toMatch(/is lost|^Server:/im);
  });
});

interface Recorded {
  method: string;
  path: string;
  headers: Record<string, string>;
  bodyBytes: number;
  bodySample: string;
}
const REQUESTS = path.join(__dirname, "../../../../shared/dhis2/requests.jsonl");
const recorded: Recorded[] = existsSync(REQUESTS)
  ? readFileSync(REQUESTS, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Recorded)
  : [];

describe.skipIf(lacking || recorded.length === 0)(
  `requests of DHIS2's clients${recorded.length ? "" : " (SKIPPED: needs ../shared/dhis2/requests.jsonl)"}`,
  () => {
    it.each(recorded.map((request, at) => [at, request.method, request.path.slice(0, 60), request] as const))(
      "%i passes unchanged: %s %s",
      async (_, method, __, { path, headers, bodyBytes, bodySample }) => {
        const sample = Buffer.from(bodySample);
        const body = Buffer.alloc(bodyBytes, "x");
        sample.copy(body);
        const { status, text } = await visitor.ask(method, HMIS, path, {
          headers,
          ...(bodyBytes > 0 && { body }),
        });
        expect(status).toBe(200);
        const seen = JSON.parse(text) as { method: string; url: string; headers: object; body: string };
        const { Host: ___, ...kept } = headers;
        const lower = Object.fromEntries(
          Object.entries(kept).map(([name, value]) => [name.toLowerCase(), value]),
        );
        expect({ method: seen.method, url: seen.url }).toEqual({ method, url: path });
        expect(seen.headers).toMatchObject(lower);
        expect(seen.body).toBe(body.toString("base64"));
      },
    );
  },
);
