import type { Command } from "commander";
import { parseArgsStringToArgv } from "string-argv";
import { afterEach, describe, expect, it } from "vitest";
import { keptServers } from "./deployment";
import { kept } from "./onDocker";
import { next, program as pitr } from "./pitr";
import { program as restore } from "./restore";
import { look } from "./restoring";
import { program as rollback } from "./rollback";
import { program as start } from "./start";
import { describeAccess, describeNext } from "./summary";

/** What a printed command asks for, by the real parser: an option or a command that does not exist fails. */
async function ask(program: Command, words: string[]): Promise<Record<string, unknown>> {
  let asked: Record<string, unknown> | undefined;
  const capture = (command: Command): void => {
    command.exitOverride().configureOutput({ writeErr: () => undefined });
    command.action((...given: unknown[]) => {
      const options = command.opts<Record<string, unknown>>();
      const names = command.registeredArguments.map((argument) => argument.name());
      const named = Object.fromEntries(names.map((name, index) => [name, given[index]]));
      asked = { command: command.name(), ...options, ...named };
    });
    command.commands.forEach(capture);
  };
  if (program.commands.length > 0) program.commands.forEach(capture);
  else capture(program);
  program.exitOverride();
  await program.parseAsync(words, { from: "user" });
  if (!asked) throw new Error(`"${words.join(" ")}" does nothing`);
  return asked;
}

const PROGRAMS: Record<string, Command> = { start, pitr, restore, rollback };

/** Every command of ours in a text, and what the real programs understand by it. */
async function commandsIn(text: string): Promise<Record<string, unknown>[]> {
  const plain = text.replace(/\u001b\[\d+m/g, "");
  const found = plain
    .split("\n")
    .flatMap((line) => /npm (?:run )?\w+ -- .*?(?=\s\s|$)/.exec(line)?.[0] ?? []);
  return Promise.all(
    found.map((command) => {
      const [name = "", ...words] = parseArgsStringToArgv(command.replace(/^npm (run )?/, "")).filter(
        (word) => word !== "--",
      );
      const program = PROGRAMS[name];
      if (!program) throw new Error(`${command}: there is no such command`);
      return ask(program, words);
    }),
  );
}

const MONITORING = { page: "http://127.0.0.1:9090/consoles/index.html" };
const ACCESS = {
  address: "https://hmis.localhost:8443",
  status: 200,
  login: { account: "admin", passwordFile: ".dhistance/docker/moh-premium-passwords/hmis" },
};

afterEach(() => {
  process.exitCode = undefined;
});

describe("a command that is printed", () => {
  it("does not take down another tenant than the one that was brought up", async () => {
    expect(await commandsIn(describeAccess("moh-premium", [ACCESS], MONITORING))).toMatchObject([
      { target: "docker", tenant: "moh-premium", down: false },
      { target: "docker", tenant: "moh-premium", down: true, yes: false },
    ]);
  });

  it("names the tenant whose data would be deleted, after a refusal of that", async () => {
    expect(await commandsIn(kept("moh-premium", ["hmis"]) ?? "")).toMatchObject([
      { target: "docker", tenant: "moh-premium", down: false },
      { target: "docker", tenant: "moh-premium", down: true },
    ]);
  });

  it("does not settle the restore of another server, or on another host", async () => {
    const host = "ssh://ops@dhis2.moh.example.org";
    for (const verb of ["confirm", "undo", "list"]) {
      expect(await commandsIn(next(verb, "moh", "hmis", { host }))).toMatchObject([
        { command: verb, tenant: "moh", server: "hmis", host },
      ]);
    }
    const command = "npm run restore -- moh hmis --cwd /srv/tenants";
    const how = { command, sure: () => Promise.resolve() };
    expect(await commandsIn(look(how))).toMatchObject([
      { tenant: "moh", server: "hmis", cwd: "/srv/tenants", confirm: true },
      { tenant: "moh", server: "hmis", cwd: "/srv/tenants", undo: true },
    ]);
  });

  it("of the rehearsal is one that exists", async () => {
    const lines = describeNext("moh-premium", ["moh-trial"]).split("\n");
    const text = lines.filter((line) => !line.includes("npm run preview")).join("\n");
    expect(await commandsIn(text)).toMatchObject([
      { target: "rehearsal", tenant: "moh-trial" },
      { target: "docker" },
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
      ...[resource("moh-hmis-database-data", true), resource("moh-hmis-files", true)],
      ...[resource("moh-old-one-database-data", false), resource("moh-two-b-database-data", true)],
    ];
    expect(keptServers({ resources }, "moh")).toEqual(["hmis", "two-b"]);
    expect(kept("moh", [])).toBeUndefined();
  });
});
