import type { Command } from "commander";
import { parseArgsStringToArgv } from "string-argv";
import { describe, expect, it } from "vitest";
import { dhistance } from "./dhistance";
import { pitrCommand } from "./lib/docker/pitr";
import { refuseProtected } from "./lib/dockerTenant/down";
import { plainText } from "./lib/output";
import { protectedServers } from "./lib/pulumi/stackState";
import { nextSteps } from "./lib/restore/request";
import { describeAccess, describeNext } from "./lib/summary";

/** What a printed command asks for, by the real parser: an option or a command that does not exist fails. */
async function ask(words: string[]): Promise<Record<string, unknown>> {
  let asked: Record<string, unknown> | undefined;
  const capture = (command: Command): void => {
    command.commands.forEach(capture);
    if (command.commands.length > 0) return;
    command.action((...given: unknown[]) => {
      const options = command.opts<Record<string, unknown>>();
      const names = command.registeredArguments.map((argument) => argument.name());
      const named = Object.fromEntries(names.map((name, index) => [name, given[index]]));
      asked = { command: command.name(), ...options, ...named };
    });
  };
  const program = dhistance();
  capture(program);
  await program.parseAsync(words, { from: "user" });
  if (!asked) throw new Error(`"${words.join(" ")}" does nothing`);
  return asked;
}

/** Every command of ours in a text, and what the real program understands by it. */
async function commandsIn(text: string): Promise<Record<string, unknown>[]> {
  const found = plainText(text)
    .split("\n")
    .flatMap((line) => /npm (?:run )?\w+ -- .*?(?=\s\s|$)/.exec(line)?.[0] ?? []);
  return Promise.all(
    found.map((command) =>
      ask(parseArgsStringToArgv(command.replace(/^npm (run )?/, "")).filter((word) => word !== "--")),
    ),
  );
}

const MONITORING = { page: "http://127.0.0.1:9090/consoles/index.html" };
const ACCESS = {
  address: "https://hmis.localhost:8443",
  status: 200,
  login: { account: "admin", passwordFile: ".dhistance/docker/moh-premium-passwords/hmis" },
};

describe("a command that is printed", () => {
  it("does not take down another tenant than the one that was brought up", async () => {
    const [up, down, ...rest] = await commandsIn(describeAccess("moh-premium", [ACCESS], MONITORING));
    expect(rest).toEqual([]);
    expect(up).toEqual({ command: "start", target: "docker", tenant: "moh-premium" });
    expect(down).toEqual({ command: "start", target: "docker", tenant: "moh-premium", down: true });
  });

  it("names the tenant whose data would be deleted, after a refusal of that", async () => {
    const [up, down, ...rest] = await commandsIn(refuseProtected("moh-premium", ["hmis"]) ?? "");
    expect(rest).toEqual([]);
    expect(up).toEqual({ command: "start", target: "docker", tenant: "moh-premium" });
    expect(down).toEqual({ command: "start", target: "docker", tenant: "moh-premium", down: true });
  });

  it("does not settle the restore of another server, or on another host", async () => {
    const host = "ssh://ops@dhis2.moh.example.org";
    for (const verb of ["confirm", "undo", "list"]) {
      expect(await commandsIn(pitrCommand(verb, "moh", "hmis", { host }))).toMatchObject([
        { command: verb, tenant: "moh", server: "hmis", host },
      ]);
    }
    expect(await commandsIn(nextSteps({ tenant: "moh", server: "hmis", cwd: "/srv/tenants" }))).toMatchObject(
      [
        { command: "restore", tenant: "moh", server: "hmis", cwd: "/srv/tenants", confirm: true },
        { command: "restore", tenant: "moh", server: "hmis", cwd: "/srv/tenants", undo: true },
      ],
    );
  });

  it("of the rehearsal is one that exists", async () => {
    expect(await commandsIn(describeNext("moh-premium", ["moh-trial"]))).toMatchObject([
      { command: "start", target: "rehearsal", tenant: "moh-trial" },
      { command: "preview", tenants: ["moh-premium"] },
      { command: "start", target: "docker" },
    ]);
  });

  it("fails this test when it has an option that does not exist", async () => {
    await expect(commandsIn("npm run pitr -- confirm moh hmis --forget")).rejects.toThrow(/--forget/);
  });
});

describe("servers that keep their data", () => {
  const resource = (name: string, protect: boolean) => ({
    type: "docker:index/volume:Volume",
    urn: `urn:pulumi:moh::dhistance::docker:index/volume:Volume::${name}`,
    protect,
  });

  it("are those with a protected database, by their names in the stack file", () => {
    const resources = [
      resource("moh-hmis-database-data", true),
      resource("moh-hmis-files", true),
      resource("moh-old-one-database-data", false),
      resource("moh-two-b-database-data", true),
    ];
    expect(protectedServers({ resources }, "moh")).toEqual(["hmis", "two-b"]);
    expect(refuseProtected("moh", [])).toBeUndefined();
  });
});
