import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import { runCommand } from "../runCommand";
import { startApplicationStandIn } from "../testing/application";
import { program } from "./cli";
import { makeAnalytics, type Notice } from "./makeAnalytics";

const folder = mkdtempSync(join(tmpdir(), "analytics-"));
const passwordFile = join(folder, "password");
writeFileSync(passwordFile, "secret\n");
afterAll(() => rmSync(folder, { recursive: true }));

const notice = (message: string, more: Partial<Notice> = {}) => ({
  ...{ level: "INFO", message, completed: false },
  ...more,
});

async function run(application: string, password: string, wait = 60): Promise<string[]> {
  const said: string[] = [];
  const onNotice = ({ message }: Notice) => void said.push(message);
  const { signal } = new AbortController();
  await makeAnalytics({
    ...{ application, account: "admin", password, wait, every: 0.01, signal, onNotice },
  });
  return said;
}

it("asks once, tells each notice once and in its order, and ends when DHIS2 has", async () => {
  const application = await startApplicationStandIn("secret", [
    [notice("Analytics table update process started")],
    [],
    [notice("Populating analytics_2026"), notice("Analytics tables updated", { completed: true })],
  ]);
  expect(await run(application.url, "secret")).toEqual([
    "Analytics table update process started",
    "Populating analytics_2026",
    "Analytics tables updated",
  ]);
  expect(application.asked.filter((each) => each.startsWith("POST"))).toHaveLength(1);
  await application.stop();
});

it("fails with DHIS2's own words", async () => {
  const application = await startApplicationStandIn("secret", [
    [notice("Process failed: no space left", { level: "ERROR", completed: true })],
  ]);
  await expect(run(application.url, "secret")).rejects.toThrow(
    "DHIS2 could not make its analytics tables: Process failed: no space left",
  );
  await application.stop();
});

it("does not wait for ever", async () => {
  const application = await startApplicationStandIn("secret", []);
  await expect(run(application.url, "secret", 0)).rejects.toThrow("still at its analytics tables after 0 s");
  await application.stop();
});

it.each([
  ["another password", (url: string) => url, "other", /does not let admin in with this password/],
  ["nobody there", () => "http://127.0.0.1:1", "secret", /does not answer at http:\/\/127\.0\.0\.1:1: /],
])("says what is wrong: %s", async (_, at, password, why) => {
  const application = await startApplicationStandIn("secret", [[notice("done", { completed: true })]]);
  await expect(run(at(application.url), password)).rejects.toThrow(why);
  await application.stop();
});

it("as a command: the password is in a file, and the end has an exit code", async () => {
  const application = await startApplicationStandIn("secret", [[notice("done", { completed: true })]]);
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const complain = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const command = (url: string, file: string, ...more: string[]) =>
    runCommand(program(), ["--application", url, "--password-file", file, ...more]);
  const events = () => write.mock.calls.map(([text]) => JSON.parse(String(text)) as object);
  expect(await command(application.url, passwordFile, "--json")).toBe(0);
  expect(events()).toEqual([
    { event: "progress", level: "INFO", phase: "done" },
    { event: "analytics made" },
  ]);
  expect(await command("hmis.moh.example.org", passwordFile)).toBe(2);
  expect(await command(application.url, join(folder, "nothing"))).toBe(2);
  expect(await command("http://127.0.0.1:1", passwordFile)).toBe(4);
  expect(complain).toHaveBeenLastCalledWith(expect.stringMatching(/Not done\..* .*does not answer/));
  expect(await command("http://127.0.0.1:1", passwordFile, "--json")).toBe(4);
  expect(events().at(-1)).toEqual({
    ...{ event: "error", exitCode: 4 },
    message: expect.stringContaining("does not answer") as string,
  });
  vi.restoreAllMocks();
  await application.stop();
});
