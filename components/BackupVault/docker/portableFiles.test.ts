import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readConfiguration } from "../../../jobs/backup/configuration";
import { metricsText } from "../../../jobs/backup/prometheusMetrics";
import { healthcheck, portableConfiguration, portableSource, REPORT_PATH } from "./portableFiles";

const folder = mkdtempSync(path.join(tmpdir(), "portable-"));
afterAll(() => rmSync(folder, { recursive: true }));

const cloud = { host: "s3.example.org", region: "eu-west-1", bucket: "copies", accessKeyId: "id" };

describe("the configuration of the agent", () => {
  it.each([
    ["trial", 14, 30],
    ["premium", 35, 180],
    ["enterprise", 90, 365],
  ] as const)("is accepted by the agent, and has the retention of the plan %s", (plan, away, home) => {
    const file = path.join(folder, "replicate.json");
    writeFileSync(file, JSON.stringify(portableConfiguration({ id: "moh", plan }, "hmis", cloud)));
    expect(readConfiguration(file)).toMatchObject({
      ...{ servers: ["hmis"], source: "s3:https://s3.example.org/copies/moh.portable", retentionDays: home },
      export: { database: "dhis2", retentionDays: away, everyHours: 24 },
      drill: { everyHours: 156, maxAgeHours: 192 },
    });
  });

  it("has the port of an S3 server that is not at the usual one", () => {
    expect(portableSource("moh", { ...cloud, port: 9000 })).toBe(
      "s3:https://s3.example.org:9000/copies/moh.portable",
    );
  });
});

describe("the health check", () => {
  const told = path.join(folder, "portable.prom");
  const check = (): { code: number; says: string } => {
    try {
      const command = healthcheck().replaceAll(`${REPORT_PATH}/portable.prom`, told);
      return { code: 0, says: execFileSync("sh", ["-c", command], { encoding: "utf8" }) };
    } catch (error) {
      const { status, stdout } = error as { status: number; stdout: string };
      return { code: status, says: stdout };
    }
  };

  it("fails while the agent has not reported, and while it reports a problem, which it prints", async () => {
    expect(check()).toEqual({ code: 1, says: "" });
    writeFileSync(told, await metricsText("hmis", {}, ["The disk is full.", 'No "bucket"']));
    expect(check()).toEqual({ code: 1, says: 'The disk is full.\nNo \\"bucket\\"\n' });
    writeFileSync(told, await metricsText("hmis", {}, []));
    expect(check()).toEqual({ code: 0, says: "" });
  });
});
