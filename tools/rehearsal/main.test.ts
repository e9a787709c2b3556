import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";

it("answers each of many plugins that ask at once with one line: a second one would end the plugin", async () => {
  const desk = mkdtempSync(path.join(tmpdir(), "desk-"));
  const program = path.join(__dirname, "main.ts");
  const providers = spawn(process.execPath, ["--import", "tsx", program, desk, String(process.pid)]);
  const answers: string[] = [];
  const ask = (...names: string[]) => {
    const pipes = names.map((name) => path.join(desk, name));
    execFileSync("mkfifo", pipes);
    for (const pipe of pipes) {
      const nth = answers.push("") - 1;
      spawn("cat", [pipe]).stdout.on("data", (text: Buffer) => (answers[nth] += text.toString()));
    }
  };
  const answered = () =>
    expect.poll(() => answers.filter((answer) => !answer), { timeout: 20_000 }).toEqual([]);
  try {
    ask("aws.0");
    await answered();
    for (let burst = 1; burst <= 10; burst++)
      ask(...["aws", "docker", "random", "tls"].map((name) => `${name}.${burst}`));
    await answered();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(answers.filter((answer) => !/^\d+\n$/.test(answer))).toEqual([]);
  } finally {
    providers.kill();
    rmSync(desk, { recursive: true });
  }
});
