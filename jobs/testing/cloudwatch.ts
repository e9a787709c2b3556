/** A stand-in for CloudWatch that takes metrics and remembers them. */
import type { AddressInfo } from "node:net";
import { createServer, type IncomingMessage } from "node:http";

export interface Reported {
  namespace: string;
  name: string;
  value: number;
  dimensions: Record<string, string>;
}

export interface CloudWatchStandIn {
  /** For `AWS_ENDPOINT_URL_CLOUDWATCH`. */
  url: string;
  /** What has been reported since the last call. */
  reported(): Reported[];
  stop(): Promise<void>;
}

export async function startCloudWatch(): Promise<CloudWatchStandIn> {
  let told: Reported[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      told.push(...metricsIn(JSON.parse(body) as Request));
      response.writeHead(200, { "content-type": "application/x-amz-json-1.0" });
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reported: () => {
      const all = told;
      told = [];
      return all;
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

interface Request {
  Namespace: string;
  MetricData: { MetricName: string; Value: number; Dimensions: { Name: string; Value: string }[] }[];
}

function metricsIn({ Namespace: namespace, MetricData }: Request): Reported[] {
  return MetricData.map(({ MetricName: name, Value: value, Dimensions }) => ({
    ...{ namespace, name, value },
    dimensions: Object.fromEntries(Dimensions.map((each) => [each.Name, each.Value])),
  }));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}
