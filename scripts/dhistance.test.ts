import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { Command, Option } from "commander";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BackupError, LossError, MismatchError, OverdueError, LocationError } from "../jobs/backup/errors";
import { NeedsReimport } from "../jobs/import/runImport";
import { BusyError } from "../jobs/import/server";
import { RunFailed } from "../operations/runFailed";
import { commandsOf, dhistance, run } from "./dhistance";
import { confirm, confirmName } from "./lib/confirm";
import { CommandError, RESTORE_EXIT_CODES, UsageError } from "./lib/errors";
import { Output, plainText, table } from "./lib/output";
import { restoreError } from "./lib/restore/request";

let out: string;
let err: string;
beforeEach(() => {
  [out, err] = ["", ""];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => Boolean((out += String(text))));
  vi.spyOn(process.stderr, "write").mockImplementation((text) => Boolean((err += String(text))));
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

/** Runs the command line. */
async function ran(...words: string[]) {
  const code = await run(words);
  return { code, out, err };
}

/** Runs a command that does nothing but fail. */
async function failing(error: Error, ...words: string[]) {
  const program = new Command("dhistance").exitOverride();
  program
    .command("fail")
    .addOption(new Option("--json"))
    .action(() => Promise.reject(error));
  const code = await run(["fail", ...words], program);
  return { code, out, err };
}

describe("an unknown tenant", () => {
  const message =
    'tenant "nobody" has no stack file; tenants: moh-docker, moh-enterprise, moh-premium, moh-trial, over-quota. ' +
    "Use one of them, or write tenants/Pulumi.nobody.yaml first.";

  it.each([
    ["tenant", "show", "nobody"],
    ["tenant", "secret", "nobody", "servers[0].import.encryptionPassword"],
    ["preview", "nobody"],
    ["restore", "nobody", "hmis"],
    ["rollback", "nobody", "hmis"],
    ["pitr", "list", "nobody", "hmis"],
    ["pitr", "restore", "nobody", "hmis"],
    ["pitr", "undo", "nobody", "hmis"],
    ["pitr", "confirm", "nobody", "hmis"],
    ["start", "--target", "docker", "--tenant", "nobody"],
  ])("has one text and exit code 2: %s %s %s", async (...words) => {
    vi.stubEnv("DOCKER_HOST", "");
    expect(await ran(...words)).toEqual({ code: 2, out: "", err: `error: ${message}\n` });
    vi.unstubAllEnvs();
  });

  it("is one JSON object with --json", async () => {
    const { code, out, err } = await ran("tenant", "show", "nobody", "--json");
    expect({ code, err }).toEqual({ code: 2, err: "" });
    expect(JSON.parse(out)).toEqual({ event: "error", exitCode: 2, message });
  });
});

it("every command takes --json", () => {
  const without = commandsOf(dhistance())
    .filter(
      ({ commands, options }) => commands.length === 0 && !options.some(({ long }) => long === "--json"),
    )
    .map((command) => command.name());
  // It prints a script for the shell.
  expect(without).toEqual(["completion"]);
});

it("an entitlement is made, verified, replaced and revoked in JSON", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "entitlement-"));
  const [key, issuers, token] = ["key.json", "issuers.json", "token"].map((file) => path.join(folder, file));
  const printed = async (...words: string[]) => {
    out = "";
    expect(await ran(...words)).toMatchObject({ code: 0 });
    return JSON.parse(out) as Record<string, unknown>;
  };
  const made = await printed("entitlement", "key", key ?? "", issuers ?? "", "--kid", "test", "--json");
  expect(made).toEqual({ kid: "test", privateFile: key, issuersFile: issuers });
  const { entitlement, ...claims } = await printed(
    ...["entitlement", "issue", "--key", key ?? "", "--tenant", "moh", "--plan", "premium"],
    ...["--issuer", "DHIStance", "--json"],
  );
  expect(claims).toMatchObject({ tenant: "moh", plan: "premium", maxServers: 2, issuer: "DHIStance" });
  writeFileSync(token ?? "", String(entitlement));
  vi.stubEnv("DHISTANCE_ISSUERS", issuers);
  expect(await printed("entitlement", "verify", token ?? "", "--json")).toMatchObject({ tenant: "moh" });

  const renewed = await printed(
    ...[
      "entitlement",
      "issue",
      "--key",
      key ?? "",
      "--tenant",
      "moh",
      "--plan",
      "trial",
      "--issuer",
      "DHIStance",
    ],
    ...["--activated", "2026-01-31T00:00:00Z", "--issuers", issuers ?? "", "--json"],
  );
  expect(renewed).toMatchObject({ activatedAt: "2026-01-31T00:00:00.000Z", maxServers: 1 });
  expect(await ran("entitlement", "verify", token ?? "")).toMatchObject({
    code: 1,
    err: expect.stringMatching(/has replaced it\. Put the newest into dhistance:entitlement/) as string,
  });
  writeFileSync(token ?? "", String(renewed["entitlement"]));
  expect(await printed("entitlement", "verify", token ?? "", "--json")).toMatchObject({ plan: "trial" });

  const { revokedAt } = await printed(
    ...["entitlement", "revoke", issuers ?? "", "--key", key ?? "", "--tenant", "moh", "--json"],
  );
  // So much may clocks differ.
  vi.useFakeTimers({ now: Date.parse(String(revokedAt)) + 5 * 60_000, toFake: ["Date"] });
  const voided = await ran("entitlement", "verify", token ?? "");
  vi.useRealTimers();
  expect(voided).toMatchObject({
    code: 1,
    err: expect.stringContaining(`expired at ${String(revokedAt)}`) as string,
  });
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

it.each([
  ["restore", "moh-docker", "nothing"],
  ["rollback", "moh-docker", "nothing"],
  ["pitr", "list", "moh-docker", "nothing"],
])("an unknown server has one text and exit code 2: %s %s %s", async (...words) => {
  expect(await ran(...words)).toEqual({
    code: 2,
    out: "",
    err: 'error: tenant moh-docker has no server "nothing"; servers: hmis.\n',
  });
});

describe("invalid usage ends with exit code 2 and says why:", () => {
  it.each([
    ["an unknown command", ["restor"], "unknown command 'restor'\n(Did you mean restore?)"],
    ["an unknown option", ["images", "--hots", "x"], "unknown option '--hots'\n(Did you mean --host?)"],
    ["a missing argument", ["restore", "moh-docker"], "missing required argument 'server'"],
    [
      "a value that is not allowed",
      ["images", "--network", "mine"],
      "option '--network <name>' argument 'mine' is invalid. Allowed choices are host.",
    ],
    [
      "options that exclude each other",
      ["restore", "moh-docker", "hmis", "--undo", "--confirm"],
      "Give only one of --replace, --to, --undo, --confirm and --analytics.",
    ],
    ["an option without its partner", ["start", "--yes"], "--yes needs --down."],
    [
      "a plan without a maximum",
      ["entitlement", "issue", "--key", "k", "--tenant", "t", "--plan", "enterprise", "--issuer", "i"],
      "--servers is missing; the plan enterprise has no maximum of its own.",
    ],
  ])("%s", async (_, words, message) => {
    expect(await ran(...words)).toEqual({ code: 2, out: "", err: `error: ${message}\n` });
  });

  it("a command without its subcommand, with the help", async () => {
    const { code, out, err } = await ran("tenant");
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain("Usage: dhistance tenant [options] [command]");
  });
});

describe("--help", () => {
  it.each(commandsOf(dhistance()).map((command) => [pathOf(command)]))(
    "of %s names the exit codes",
    async (path) => {
      const { code, out } = await ran(...path.split(" ").slice(1), "--help");
      expect(code).toBe(0);
      expect(out).toContain(`Usage: ${path} `);
      expect(out).toContain("  2  invalid usage, or not confirmed; nothing was changed");
      expect(out.includes("  9  something was lost")).toBe(path === "dhistance restore");
    },
  );

  function pathOf(command: Command): string {
    return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
  }
});

describe("a failure", () => {
  it("ends with its exit code and its message on standard error", async () => {
    expect(await failing(new Error("the disk is full"))).toEqual({
      code: 1,
      out: "",
      err: "error: the disk is full\n",
    });
    expect((await failing(new CommandError("no backup", 3))).code).toBe(3);
  });

  it("is one JSON object on standard output with --json", async () => {
    const { code, out, err } = await failing(new CommandError("no backup", 3), "--json");
    expect({ code, err }).toEqual({ code: 3, err: "" });
    expect(JSON.parse(out)).toEqual({ event: "error", exitCode: 3, message: "no backup" });
  });

  it.each([
    [3, new BackupError("missing", "none there")],
    [4, new MismatchError(["one row"])],
    [5, new LocationError("full")],
    [6, new NeedsReimport("live")],
    [7, new BusyError("another run")],
    [8, new OverdueError("too old")],
    [9, new LossError("gone")],
  ])("of a restore has the backup job's exit code %s", (code, error) => {
    expect(restoreError("Not restored.", error)).toMatchObject({
      exitCode: code,
      message: `Not restored. ${error.message}`,
    });
    expect(RESTORE_EXIT_CODES).toHaveProperty(String(code));
  });

  it("of a restore's task has the task's exit code, and does not repeat its output", () => {
    const error = new RunFailed("restore failed\nlast lines", 7, "restore failed");
    expect(restoreError("Not restored.", error)).toMatchObject({
      exitCode: 7,
      message: "Not restored. restore failed",
    });
  });
});

describe("a confirmation", () => {
  it("is not asked for with --yes", async () => {
    await confirm("Delete it?", { yes: true });
    await confirmName("This deletes moh.", "moh", { yes: true });
    expect(err).toBe("");
  });

  it("that no person can give is refused, with what it is about and how to give it", async () => {
    vi.spyOn(process, "stdin", "get").mockReturnValue({ isTTY: false } as typeof process.stdin);
    const refusal = "Delete it? Cannot ask for confirmation here. Pass --yes to confirm.";
    await expect(confirm("Delete it?", {})).rejects.toEqual(new UsageError(refusal));
    await expect(confirmName("Delete it?", "moh", {})).rejects.toMatchObject({
      message: refusal,
      exitCode: 2,
    });
  });
});

describe("at a terminal, a confirmation", () => {
  /** A person who types this line. */
  function typing(line: string): void {
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    stdin.end(`${line}\n`);
    vi.spyOn(process, "stdin", "get").mockReturnValue(stdin as unknown as typeof process.stdin);
  }
  const cancelled = { exitCode: 2, message: "Cancelled. Nothing was changed." };

  it.each(["y", "Yes"])("is given by %s, and asked for on standard error", async (line) => {
    typing(line);
    await confirm("Delete it?", {});
    expect({ out, err }).toEqual({ out: "", err: expect.stringContaining("Delete it? [y/N] ") as string });
  });

  it.each(["", "n", "yesterday"])("is not given by %j", async (line) => {
    typing(line);
    await expect(confirm("Delete it?", {})).rejects.toMatchObject(cancelled);
  });

  it("for what cannot be undone is the name, and nothing else", async () => {
    typing("moh");
    await confirmName("This deletes moh.", "moh", {});
    typing("y");
    await expect(confirmName("This deletes moh.", "moh", {})).rejects.toMatchObject(cancelled);
  });
});

describe("output", () => {
  const streamsOf = (isTTY: boolean) => {
    const written: string[] = [];
    const stream = { isTTY, write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream;
    return { stream, written };
  };

  it("has colours on a terminal only", () => {
    vi.stubEnv("NO_COLOR", "");
    vi.stubEnv("FORCE_COLOR", "");
    for (const isTTY of [true, false]) {
      const { stream, written } = streamsOf(isTTY);
      new Output(false, stream, stream).warn("careful");
      expect(written).toEqual([isTTY ? "\u001b[33mwarning:\u001b[39m careful\n" : "warning: careful\n"]);
    }
    vi.unstubAllEnvs();
  });

  it("with --json is JSON alone", () => {
    const { stream, written } = streamsOf(true);
    const output = new Output(true, stream, stream);
    output.print("for people");
    output.progress("stopping hmis");
    output.result({ tenant: "moh" }, "for people");
    expect(written).toEqual(['{"event":"progress","message":"stopping hmis"}\n', '{"tenant":"moh"}\n']);
  });

  it("aligns the columns of a table by what is visible", () => {
    const rows = [
      ["\u001b[1mhmis\u001b[22m", "8"],
      ["training", "16"],
    ];
    expect(table(rows, { right: [1] }).map(plainText)).toEqual(["  hmis       8", "  training  16"]);
  });
});
