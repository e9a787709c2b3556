import http from "node:http";
import https from "node:https";
import tls from "node:tls";

export interface Visit {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
}

/** What reaches a tenant's gateway from outside: a host name, whatever DNS says of it. */
export class Visitor {
  constructor(
    private readonly ports: { http: number; https: number },
    /** The only CA that it trusts. */
    readonly authority: string,
  ) {}

  get(hostname: string, path: string, headers: http.OutgoingHttpHeaders = {}): Promise<Visit> {
    return this.ask("GET", hostname, path, { headers });
  }

  ask(
    method: string,
    hostname: string,
    path: string,
    {
      headers = {},
      body,
      ca = this.authority,
    }: { headers?: http.OutgoingHttpHeaders; body?: Buffer; ca?: string } = {},
  ): Promise<Visit> {
    return answer(
      https.request({
        ...this.at(hostname, this.ports.https, method, path, headers),
        servername: hostname,
        ca,
      }),
      body,
    );
  }

  /** As DHIS2's page does it: `loginStatus`, or the status where it is not 200. */
  async logIn(hostname: string, username: string, password: string): Promise<string> {
    const headers = { "Content-Type": "application/json" };
    const body = Buffer.from(JSON.stringify({ username, password }));
    const { status, text } = await this.ask("POST", hostname, "/api/auth/login", { headers, body });
    return status === 200 ? (JSON.parse(text) as { loginStatus: string }).loginStatus : String(status);
  }

  plain(hostname: string, path: string): Promise<Visit> {
    return answer(http.request(this.at(hostname, this.ports.http, "GET", path, {})));
  }

  /** When the certificate is over, in milliseconds. */
  certificateEnds(hostname: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const { https: port } = this.ports;
      const options = { host: "127.0.0.1", port, servername: hostname, ca: this.authority };
      const socket = tls.connect(options, () => {
        resolve(Date.parse(socket.getPeerCertificate().valid_to));
        socket.end();
      });
      socket.on("error", reject);
    });
  }

  /** @throws Error if no connection comes about */
  handshake(hostname: string, options: tls.ConnectionOptions): Promise<{ protocol: string; cipher: string }> {
    return new Promise((resolve, reject) => {
      const socket = tls.connect(
        { host: "127.0.0.1", port: this.ports.https, servername: hostname, ca: this.authority, ...options },
        () => {
          resolve({ protocol: socket.getProtocol() ?? "", cipher: socket.getCipher().name });
          socket.end();
        },
      );
      socket.on("error", reject);
    });
  }

  private at(
    hostname: string,
    port: number,
    method: string,
    path: string,
    headers: http.OutgoingHttpHeaders,
  ) {
    return {
      host: "127.0.0.1",
      port,
      method,
      path,
      agent: false as const,
      headers: { Host: `${hostname}:${port}`, ...headers },
    };
  }
}

function answer(request: http.ClientRequest, body?: Buffer): Promise<Visit> {
  return new Promise((resolve, reject) => {
    let answered = false;
    request.on("response", (response) => {
      answered = true;
      let text = "";
      response.on("data", (data: Buffer) => (text += String(data)));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
      response.on("error", reject);
    });
    // A body that is refused is not read to its end.
    request.on("error", (error) => answered || reject(error));
    if (body || !request.hasHeader("Content-Length")) request.end(body);
    else request.flushHeaders();
  });
}
