import { describe, expect, it } from "vitest";
import { SpecError } from "../config";
import { parsePlatform } from "./spec";

const good = () => ({
  region: "eu-west-1",
  zone: "moh.example.org",
  alerts: ["ops@example.org"],
  images: { jobs: "r.example.org/jobs:1.0.0", agent: `r.example.org/jobs@sha256:${"a".repeat(64)}` },
});

function problemsOf(change: object): string[] {
  try {
    parsePlatform({ ...good(), ...change });
  } catch (error) {
    expect(error).toBeInstanceOf(SpecError);
    return (error as SpecError).problems;
  }
  return [];
}

describe("parsePlatform", () => {
  it("has the cheapest network that works as its default", () => {
    expect(parsePlatform(good())).toMatchObject({ network: "10.20.0.0/16", nat: "none" });
  });

  it.each<[object, string]>([
    [{ region: "Ireland" }, 'region: "Ireland"; allowed: an AWS region such as eu-west-1'],
    [{ zone: "localhost" }, 'zone: "localhost"; allowed: a domain, lower case, such as moh.example.org'],
    [{ nat: "two" }, 'nat: "two"; allowed: none, one, perZone'],
    [{ network: "10.20.0.0/24" }, 'network: "10.20.0.0/24"; allowed: /16 to /22'],
    [
      { network: "10.20.1.0/16" },
      'network: "10.20.1.0/16"; is not where a /16 begins; allowed: 10.20.0.0/16',
    ],
    [{ alerts: [] }, "alerts: []; allowed: one e-mail address or more"],
    [
      { vpc: "mine" },
      "vpc: unknown key; allowed keys: region, zone, delegated, network, nat, alerts, images, retire",
    ],
    [
      { images: { ...good().images, jobs: "r.example.org/jobs:latest" } },
      'images.jobs: "r.example.org/jobs:latest"; allowed: an image with a version or digest, such as ' +
        "registry.example.org/dhistance/jobs:1.2.0",
    ],
    [
      { images: { ...good().images, agent: "jobs" } },
      'images.agent: "jobs"; allowed: an image with a version or digest, such as ' +
        "registry.example.org/dhistance/jobs:1.2.0",
    ],
  ])("refuses %j", (change, problem) => {
    expect(problemsOf(change)).toEqual([problem]);
  });

  it("reports several faults together", () => {
    expect(problemsOf({ region: "x", zone: "y", alerts: ["nobody"] })).toHaveLength(3);
  });
});
