import { PassThrough } from "node:stream";
import type Docker from "dockerode";
import { expect, it } from "vitest";
import { runJob } from "./job";

/** An engine whose containers end with an exit code; it keeps what it was asked to make. */
function engine(exitCode: number) {
  const asked: Docker.ContainerCreateOptions[] = [];
  const container = {
    start: async () => undefined,
    wait: async () => ({ StatusCode: exitCode }),
    inspect: async () => ({ State: { OOMKilled: exitCode === 137 } }),
    remove: async () => undefined,
    logs: async () => {
      const output = new PassThrough();
      output.end("out of luck\n");
      return output;
    },
  };
  const docker = {
    getContainer: () => ({ inspect: async () => Promise.reject(new Error("no such container")) }),
    createContainer: async (options: Docker.ContainerCreateOptions) => {
      asked.push(options);
      return container;
    },
    modem: {
      demuxStream: (from: PassThrough, to: PassThrough) => from.on("data", (data: Buffer) => to.write(data)),
    },
  };
  return { docker: docker as unknown as Docker, asked };
}

const JOB = {
  host: "unix:///run/docker.sock",
  name: "moh-hmis-prepare",
  image: "jobs",
  command: ["prepare"],
  network: "moh-hmis-data",
  memory: 1024,
  patience: 60,
};

it("runs a job that may change nothing but its volumes, in one network, with a limit on memory", async () => {
  const { docker, asked } = engine(0);
  await runJob("preparation", JOB, async () => undefined, docker);
  expect(asked).toEqual([
    expect.objectContaining({
      User: "65534:65534",
      HostConfig: {
        NetworkMode: "moh-hmis-data",
        Binds: [],
        ReadonlyRootfs: true,
        CapDrop: ["ALL"],
        CapAdd: [],
        SecurityOpt: ["no-new-privileges:true"],
        Memory: 2 ** 30,
        MemorySwap: 2 ** 30,
        PidsLimit: 512,
      },
    }),
  ]);
});

it("fails with the last lines of a job that failed", async () => {
  const { docker } = engine(3);
  await expect(runJob("preparation", JOB, async () => undefined, docker)).rejects.toThrow(
    "preparation failed (exit code 3)\nout of luck",
  );
});
