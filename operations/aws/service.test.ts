import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { startOrWait, stopped } from "./service";

/** ECS as far as a service's number of tasks goes; they are there, and gone, at once. */
let desiredCount: number;
let calls: string[];
let server: Server;
const CLUSTER = "arn:aws:ecs:eu-west-1:111122223333:cluster/platform";
const ARN = "arn:aws:ecs:eu-west-1:111122223333:service/platform/moh-hmis-application-0a1b2c3";
/** Of another tenant, whose name begins like ours. */
const OTHER = ARN.replace("moh-hmis-application", "moh-hmis-application-application");
beforeEach(async () => {
  [desiredCount, calls] = [2, []];
  const answers: Record<string, (input: { service?: string; desiredCount?: number }) => object> = {
    ListServices: () => ({ serviceArns: [OTHER, ARN] }),
    DescribeServices: () => {
      const rolloutState = "COMPLETED";
      const deployments = [{ status: "PRIMARY", rolloutState, desiredCount, runningCount: desiredCount }];
      const counts = { desiredCount, runningCount: desiredCount, pendingCount: 0 };
      return { services: [{ serviceArn: ARN, status: "ACTIVE", ...counts, deployments }], failures: [] };
    },
    UpdateService: ({ service, desiredCount: count = 0 }) => {
      expect(service).toBe(ARN);
      calls.push(`${(desiredCount = count)} tasks`);
      return {};
    },
    ListTasks: () => ({ taskArns: [] }),
  };
  server = createServer((request, response) => {
    const call = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
    void json(request).then((input) => {
      response.writeHead(200, { "content-type": "application/x-amz-json-1.1" });
      response.end(JSON.stringify(answers[call]?.(input as object) ?? {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  vi.stubEnv("AWS_ENDPOINT_URL_ECS", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "key").stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const where = { region: "eu-west-1", cluster: CLUSTER };
const silent = () => Promise.resolve();
const work = () => {
  calls.push("work");
  return Promise.resolve();
};

it("DHIS2 does not run while its database is exchanged, and is left stopped for what follows", async () => {
  await stopped(where, "moh-hmis-application", silent, work);
  expect(calls).toEqual(["0 tasks", "work"]);
  const deployment = { ...where, service: ARN, container: "dhis2", logGroup: "logs", patience: 60 };
  await startOrWait("start", deployment, 3, silent);
  expect(calls).toEqual(["0 tasks", "work", "3 tasks"]);
  await startOrWait("start", deployment, 3, silent);
  expect(calls).toHaveLength(3);
});

it("it runs again as it did when that failed, and only if it ran", async () => {
  const failing = () => Promise.reject(new Error("the import failed"));
  await expect(stopped(where, "moh-hmis-application", silent, failing)).rejects.toThrow("the import failed");
  expect(calls).toEqual(["0 tasks", "2 tasks"]);
  [desiredCount, calls] = [0, []];
  await expect(stopped(where, "moh-hmis-application", silent, failing)).rejects.toThrow("the import failed");
  expect(calls).toEqual([]);
});

it("a service that is not there yet has nothing to stop", async () => {
  await stopped(where, "moh-new-application", silent, work);
  expect(calls).toEqual(["work"]);
});
