/** Stands in for DHIS2 where tests ask it to make its analytics tables: it makes none. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Notice } from "../analytics/makeAnalytics";

export interface ApplicationStandIn {
  url: string;
  /** Requests so far, as `POST /api/…`, but for log-ins and pings. */
  asked: string[];
  stop(): Promise<void>;
}

/**
 * @param says what it says of the work, question by question, in its order
 * @param port default: any
 */
export async function startApplicationStandIn(
  password: string,
  says: Omit<Notice, "uid">[][],
  port = 0,
): Promise<ApplicationStandIn> {
  const asked: string[] = [];
  const notices: Notice[] = [];
  const rounds = [...says];
  const answer = (request: IncomingMessage, body: string): [number, unknown] => {
    if (request.url === "/api/auth/login") {
      const given = (JSON.parse(body) as { password: string }).password;
      return given === password ? [200, { loginStatus: "SUCCESS" }] : [401, { message: "Unauthorized" }];
    }
    if (request.url === "/api/ping") return [200, ""];
    const basic = `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`;
    if (request.headers.authorization !== basic) return [401, { message: "Unauthorized" }];
    switch (`${request.method ?? ""} ${request.url ?? ""}`) {
      case "POST /api/resourceTables/analytics":
        return [
          200,
          {
            httpStatus: "OK",
            response: {
              jobType: "ANALYTICS_TABLE",
              relativeNotifierEndpoint: "/api/system/tasks/ANALYTICS_TABLE/x1",
            },
          },
        ];
      case "GET /api/configuration/dataOutputPeriodTypes":
        // It has some; the other stand-in begins without.
        return [200, [{ name: "Monthly" }]];
      case "GET /api/system/tasks/ANALYTICS_TABLE/x1":
        for (const notice of rounds.shift() ?? []) notices.unshift({ uid: `n${notices.length}`, ...notice });
        return [200, notices];
      default:
        return [404, { message: "Not Found" }];
    }
  };
  const server = createServer((request, response) => {
    void text(request).then((given) => {
      const [status, body] = answer(request, given);
      if (!["/api/ping", "/api/auth/login"].includes(request.url ?? ""))
        asked.push(`${request.method ?? ""} ${request.url ?? ""}`);
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    stop: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}
