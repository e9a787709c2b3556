import { PassThrough } from "node:stream";
import { expect, it, vi } from "vitest";
import type { ServerOnHost } from "../../../operations/docker/server";
import { runIn } from "./backupContainers";

it("Ctrl-C ends in the container what was started there, children and all", async () => {
  const commands: string[][] = [];
  const stream = new PassThrough();
  const container = {
    inspect: () => Promise.resolve({ State: { Running: true } }),
    exec: ({ Cmd }: { Cmd: string[] }) => {
      commands.push(Cmd);
      return Promise.resolve({
        start: () => Promise.resolve(stream),
        inspect: () => Promise.resolve({ ExitCode: 143 }),
      });
    },
  };
  const docker = { getContainer: () => container, modem: { demuxStream: () => undefined } };
  const server = { docker, host: "unix:///x" } as unknown as ServerOnHost;
  const before = process.listenerCount("SIGINT");
  const exit = vi.spyOn(process, "exit").mockReturnValue(undefined as never);
  try {
    const running = runIn(server, "moh-hmis-copies", ["pitr", "list"], { mayEnd: true });
    await vi.waitFor(() => expect(process.listenerCount("SIGINT")).toBe(before + 1));
    const file = /\/tmp\/started-\S+(?=;)/.exec(commands[0]?.[2] ?? "")?.[0];
    expect(commands[0]?.slice(3)).toEqual(["sh", "pitr", "list"]);
    process.listeners("SIGINT").at(-1)?.("SIGINT");
    await vi.waitFor(() => expect(exit).toHaveBeenCalledWith(130));
    expect(commands[1]?.[2]).toBe(`kill -s TERM -- "-$(cat ${file})"; rm ${file}`);
    stream.resume().end();
    expect(await running).toBe(143);
    expect(process.listenerCount("SIGINT")).toBe(before);
  } finally {
    exit.mockRestore();
  }
});

it("a command that may not end is run as it is", async () => {
  const stream = new PassThrough();
  const exec = vi.fn(() =>
    Promise.resolve({
      start: () => Promise.resolve(stream),
      inspect: () => Promise.resolve({ ExitCode: 0 }),
    }),
  );
  const container = { inspect: () => Promise.resolve({ State: { Running: true } }), exec };
  const docker = { getContainer: () => container, modem: { demuxStream: () => stream.resume().end() } };
  const server = { docker, host: "unix:///x" } as unknown as ServerOnHost;
  expect(await runIn(server, "moh-hmis-copies", ["pitr", "swap"])).toBe(0);
  expect(exec).toHaveBeenCalledWith(expect.objectContaining({ Cmd: ["pitr", "swap"] }));
});
