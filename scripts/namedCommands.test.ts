import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { beforeAll, expect, it } from "vitest";
import { dhistance } from "./dhistance";
import { ROOT } from "./lib/checkout";

/** Every command that a message, a comment or a page of the docs names has to exist, with its options. */

/** What npm itself knows. */
const OF_NPM = ["ci", "install", "exec"];

interface Named {
  /** The file and line that name it. */
  where: string;
  /** As it is written there. */
  text: string;
}

let lines: Named[];
let programs: Map<string, Command>;

beforeAll(async () => {
  const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  })
    .trim()
    .split("\n")
    .filter((file) => /\.(ts|md|html|ya?ml|sh|cjs|mjs)$|^images\//.test(file))
    .filter((file) => !/\.test\.ts$|^test\/|\/testing\/|node_modules/.test(file))
    .filter((file) => existsSync(path.join(ROOT, file)));
  lines = files.flatMap((file) =>
    readFileSync(path.join(ROOT, file), "utf8")
      .split("\n")
      .map((text, index) => ({ where: `${file}:${index + 1}`, text })),
  );
  const jobs = readdirSync(path.join(ROOT, "jobs")).filter((name) =>
    existsSync(path.join(ROOT, "jobs", name, "cli.ts")),
  );
  programs = new Map();
  for (const job of jobs) {
    const { program } = (await import(`../jobs/${job}/cli.ts`)) as { program: () => Command };
    programs.set(job, program());
  }
  programs.set("dhistance", dhistance());
}, 60_000);

/** Why a program does not understand these words; undefined if it does. */
function complaint(command: Command, words: string[]): string | undefined {
  const [first = "", ...rest] = words;
  if (command.commands.length > 0) {
    // A word of a sentence, or a placeholder, names no subcommand.
    if (!/^[a-z][a-z-]*$/.test(first)) return undefined;
    const next = command.commands.find((each) => each.name() === first);
    return next ? complaint(next, rest) : `${command.name()} has no command ${first}`;
  }
  const known = ["--help", ...command.options.map(({ long }) => long)];
  const unknown = words.filter((word) => /^--[a-z]/.test(word) && !known.includes(word));
  return unknown.length > 0 ? `${command.name()} has no option ${unknown.join(", ")}` : undefined;
}

/** The words of a command in a line: up to what ends it there. */
function wordsOf(rest: string): string[] {
  const [command = ""] = rest.split(/`|"|\\n|#| {2,}|[;,()|]| && |\. |\.$|…/);
  const words = command.trim().split(/\s+/).filter(Boolean);
  const end = words.indexOf("--");
  return end < 0 ? words : words.slice(0, end);
}

function problemsOf(pattern: RegExp, judge: (match: RegExpExecArray) => string | undefined) {
  let found = 0;
  const problems: string[] = [];
  for (const { where, text } of lines) {
    for (const match of text.matchAll(pattern)) {
      found++;
      const problem = judge(match);
      if (problem) problems.push(`${where}: ${problem}: ${match[0].trim()}`);
    }
  }
  return { found, problems };
}

it("npm scripts", () => {
  const scripts = new Set<string>();
  for (const file of ["package.json", "jobs/package.json"]) {
    const { scripts: own } = JSON.parse(readFileSync(path.join(ROOT, file), "utf8")) as { scripts: object };
    for (const name of Object.keys(own)) scripts.add(name);
  }
  const { found, problems } = problemsOf(
    /\bnpm (?:run (?:--silent )?([\w:-]+)|(ci|install|exec|start|test))( -- .*)?/g,
    ([, script, verb = "", rest = ""]) => {
      const name = script ?? verb;
      if (!scripts.has(name) && !OF_NPM.includes(name)) return `there is no npm script ${name}`;
      const command = programs.get("dhistance")?.commands.find((each) => each.name() === name);
      return command && complaint(command, wordsOf(rest.slice(4)));
    },
  );
  expect(problems).toEqual([]);
  expect(found).toBeGreaterThan(50);
});

it("commands of dhistance", () => {
  const { found, problems } = problemsOf(
    /(?:`dhistance ([a-z][^`$]*)`|(?:npx |\$\()dhistance ([a-z][^)]*))/g,
    ([, quoted, typed = ""]) => complaint(programs.get("dhistance") as Command, wordsOf(quoted ?? typed)),
  );
  expect(problems).toEqual([]);
  expect(found).toBeGreaterThan(0);
});

it("commands of pitr by their npm script, because the program pitr is in the container only", () => {
  const { problems } = problemsOf(
    /(?<!npm run )(?<!dhistance )(?<!exec \S+ )(?<![\w/."'$-])pitr (list|restore|undo|confirm)\b/g,
    () => "no such command",
  );
  expect(problems).toEqual([]);
});

it("commands of the jobs, as they are called in their containers", () => {
  const jobs = () => [...programs.keys()].filter((name) => name !== "dhistance").join("|");
  const pattern = new RegExp(`(exec [^ ]+ |(?<=[\`'"])|: )(${jobs()}) ((?:[a-z][a-z-]*|--[a-z]).*)`, "g");
  const { found, problems } = problemsOf(pattern, ([, before = "", job = "", rest = ""]) => {
    const program = programs.get(job) as Command;
    const [verb = ""] = wordsOf(rest);
    const isCommand = program.commands.some((each) => each.name() === verb);
    // Only after exec it is a command for certain: elsewhere "import a" begins a sentence.
    return isCommand || before.startsWith("exec") ? complaint(program, wordsOf(rest)) : undefined;
  });
  expect(problems).toEqual([]);
  expect(found).toBeGreaterThan(10);
});

it("fails on a command, a subcommand or an option that does not exist", () => {
  const check = (text: string) => complaint(programs.get("dhistance") as Command, wordsOf(text));
  expect(check("restor TENANT SERVER`")).toBe("dhistance has no command restor");
  expect(check("pitr rollback TENANT SERVER")).toBe("pitr has no command rollback");
  expect(check("restore TENANT SERVER --forget  deletes it")).toBe("restore has no option --forget");
  expect(check("restore TENANT SERVER --undo`, not --forget")).toBeUndefined();
  expect(complaint(programs.get("import") as Command, wordsOf("rollback --server X --sha256 Y"))).toBe(
    "rollback has no option --sha256",
  );
});
