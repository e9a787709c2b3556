import { PassThrough } from "node:stream";
import { expect, it, vi } from "vitest";
import { drawBar, progressOn } from "./progress";

/** A stream that remembers, as a terminal of so many columns or as a file. */
function stream(columns?: number) {
  const through = new PassThrough();
  let said = "";
  through.on("data", (text) => (said += String(text)));
  Object.assign(through, columns ? { isTTY: true, columns } : {});
  return { stream: through as unknown as NodeJS.WriteStream, said: () => said };
}

it("draws on a terminal one line over and over, no wider than it is", () => {
  const { stream: terminal, said } = stream(60);
  const progress = progressOn(terminal);
  progress.step("Pulumi: compiling", 1, 4);
  progress.step("Pulumi: compiling", 3, 4);
  progress.step(`Pulumi: ${"very ".repeat(30)}long`);
  const lines = said().split("\r\u001b[K");
  expect(said()).not.toContain("\n");
  expect(lines[1]).toBe("Pulumi: compiling ██████░░░░░░░░░░░░░░░░░░ 1 of 4 0 s");
  for (const line of lines) expect(line.length).toBeLessThan(60);
  progress.done("Pulumi");
  expect(said()).toMatch(/\r\u001b\[K.*✓.* Pulumi .*\(0 s\).*\n$/);
});

it("writes elsewhere plain lines: one for each thing that begins, not one for each step", () => {
  const { stream: file, said } = stream();
  const progress = progressOn(file);
  for (let done = 0; done < 100; done++) progress.step("compiling", done, 100);
  progress.step("linking");
  progress.done("built");
  expect(said()).toBe("compiling, 0 of 100, 0 s\nlinking, 0 s\n✓ built (0 s)\n");
});

it("shows that a silent step goes on, until it has ended", () => {
  vi.useFakeTimers();
  try {
    const { stream: file, said } = stream();
    const progress = progressOn(file);
    progress.step("linking");
    vi.advanceTimersByTime(31_000);
    expect(said()).toBe("linking, 0 s\nlinking, 15 s\nlinking, 30 s\n");
    progress.clear();
    vi.advanceTimersByTime(60_000);
    expect(said()).toMatch(/30 s\n$/);
  } finally {
    vi.useRealTimers();
  }
});

it("has a bar only of a known whole", () => {
  expect(drawBar(1)).toBe("");
  expect(drawBar(0, 0)).toBe("");
  expect(drawBar(5, 4)).toBe("█".repeat(24));
});
