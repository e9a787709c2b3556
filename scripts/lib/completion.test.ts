import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { dhistance } from "../dhistance";
import { completionScript } from "./completion";

/** What bash offers for the last of the words. */
function offered(...words: string[]): string[] {
  const script = [
    completionScript(dhistance(), "bash"),
    `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})`,
    `COMP_CWORD=${words.length - 1}`,
    "_dhistance",
    'printf "%s\\n" "${COMPREPLY[@]}"',
  ].join("\n");
  return execFileSync("bash", ["-c", script], { encoding: "utf8" }).split("\n").filter(Boolean);
}

it.each([
  ["commands", ["dhistance", "re"], ["restore"]],
  ["subcommands", ["dhistance", "pitr", ""], ["list", "restore", "undo", "confirm", "--help"]],
  ["options after arguments", ["dhistance", "restore", "moh", "hmis", "--un"], ["--undo"]],
  ["options of a subcommand", ["dhistance", "pitr", "restore", "moh", "--t"], ["--to"]],
  ["what an option may be given", ["dhistance", "pitr", "restore", "--from", ""], ["disk", "cloud"]],
  ["what an argument may be", ["dhistance", "completion", "z"], ["zsh"]],
  ["nothing of another command", ["dhistance", "restore", "--forg"], []],
])("bash completes %s", (_, words, expected) => {
  expect(offered(...words)).toEqual(expected);
});

it("zsh loads what it needs to read completions of bash first", () => {
  const script = completionScript(dhistance(), "zsh");
  expect(script.split("\n")[0]).toContain("bashcompinit");
  expect(script).toContain(completionScript(dhistance(), "bash"));
});
