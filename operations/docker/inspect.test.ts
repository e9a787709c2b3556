import type Docker from "dockerode";
import { expect, it } from "vitest";
import { LABELS } from "../../components/contract/dockerTarget";
import { inspectHost, openNetworks } from "./inspect";
import { JOB_LABEL } from "./job";

/** How much memory a tenant may take of a host that others are on. */
const GIB = 2 ** 30;

interface Present {
  name: string;
  gib: number;
  labels?: Record<string, string>;
  running?: boolean;
  restart?: string;
}

function host(gib: number, containers: Present[]): Docker {
  return {
    info: () => Promise.resolve({ MemTotal: gib * GIB }),
    listContainers: () =>
      Promise.resolve(
        containers.map(({ name, labels = {} }) => ({
          Id: name,
          Names: [`/${name}`],
          Labels: labels,
          Ports: [],
        })),
      ),
    getContainer: (id: string) => {
      const found = containers.find(({ name }) => name === id);
      return {
        inspect: () =>
          Promise.resolve({
            State: { Running: found?.running ?? true },
            HostConfig: {
              Memory: (found?.gib ?? 0) * GIB,
              RestartPolicy: { Name: found?.restart ?? "always" },
            },
          }),
      };
    },
  } as unknown as Docker;
}

const problems = (memoryGiB: number, docker: Docker) => {
  const containers = ["moh-gateway", "moh-hmis-database"];
  const needs = { tenant: "moh", ports: [], images: [], memoryGiB, containers, networks: [] };
  return inspectHost("unix:///x", needs, docker);
};

it("a tenant alone has all but the host's own", async () => {
  expect(await problems(23, host(24, []))).toEqual([]);
  expect(await problems(23, host(23.5, []))).toEqual([
    "servers: their sizes take 23 GiB of memory, and 1 GiB is the host's own; it has 23.5 GiB. Choose smaller sizes or fewer servers, or a larger host",
  ]);
});

it("other tenants on the host have theirs, also while they are stopped", async () => {
  const others = [
    { name: "moh-two-hmis-database", gib: 9, labels: { [LABELS.stack]: "two" } },
    { name: "moh-two-hmis-application", gib: 3, labels: { [LABELS.stack]: "two" }, running: false },
  ];
  expect(await problems(12, host(25, others))).toEqual([]);
  expect(await problems(17, host(23.5, others))).toEqual([
    expect.stringContaining("take 17 GiB of memory, other containers of the host take 12 GiB, and 1 GiB"),
  ]);
});

it("jobs, and what does not come back, have none", async () => {
  const others = [
    { name: "a-job", gib: 4, labels: { [JOB_LABEL]: "x" } },
    { name: "was-tried", gib: 4, running: false, restart: "no" },
  ];
  expect(await problems(9, host(10, others))).toEqual([]);
});

it("a tenant's own containers are not counted twice, and on a full host it may change but not grow", async () => {
  const own = { [LABELS.stack]: "ours" };
  const present = [
    { name: "moh-gateway", gib: 0.5, labels: { ...own, [LABELS.container]: "moh-gateway" } },
    { name: "moh-hmis-database", gib: 8.5, labels: own },
    { name: "moh-removed-database", gib: 8, labels: own },
    { name: "moh-two-gateway", gib: 12, labels: { [LABELS.stack]: "two" } },
  ];
  expect(await problems(17, host(30, present))).toEqual([]);
  expect(await problems(17, host(20, present))).toEqual([]);
  expect(await problems(18, host(20, present))).toHaveLength(1);
});

it("an internal network from which the host is reached is named, with what to do; no other", async () => {
  const network = (Name: string, Internal: boolean, Gateway: string) => ({
    ...{ Name, Internal, Id: `${Name}0123456789` },
    IPAM: { Config: [{ Gateway }] },
  });
  const open = "172.20.0.1";
  const docker = {
    listNetworks: () =>
      Promise.resolve([
        network("moh-hmis-data", true, open),
        network("moh-gateway", true, "172.21.0.1"),
        network("moh-hmis-web", false, open),
        network("another", true, open),
      ]),
    getContainer: () => ({ inspect: () => Promise.reject(new Error("none")) }),
    createContainer: ({ Cmd }: { Cmd: string[] }) =>
      Promise.resolve({
        start: () => Promise.resolve(),
        wait: () => Promise.resolve(),
        logs: () => Promise.resolve(Cmd.at(-1) === open ? "reached\r\n" : "closed\r\n"),
        remove: () => Promise.resolve(),
      }),
  } as unknown as Docker;
  const needs = { tenant: "moh", images: ["dhistance/jobs:1"], networks: ["moh-hmis-data", "moh-gateway"] };
  expect(await openNetworks("unix:///x", needs, docker)).toEqual([
    "from the network moh-hmis-data the host's own services are reached, at 172.20.0.1. Close the host's firewall to it, in a way that survives a restart: iptables -I INPUT -i br-moh-hmis-dat -j DROP",
  ]);
});
