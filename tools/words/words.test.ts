import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { PHRASES } from "./phrases";
import { textsOfCode, textsOfLines, textsOfMarkdown } from "./texts";

const ROOT = path.join(__dirname, "../..");

/** Files with a phrase that is right there. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  "docs/glossary.md": "says what other words mean",
  "tools/words/words.test.ts": "shows that the phrases are found",
  "tools/words/phrases.ts": "has the phrases",
};

/** Shell, Docker, Go, Python, YAML and HTML: every line of them is read. */
const PLAIN = ["images/**", ".ci/run", "*.sh", "*.go", "*.py", "*.yaml", "*.yml"];
const isPlain = (file: string): boolean => !/\.(?:[cm]?[jt]s|md)$/.test(file);

function heldFiles(): string[] {
  const files = execFileSync("git", ["ls-files", "--", "*.*ts", "*.cjs", "*.mjs", "*.md", ...PLAIN], {
    cwd: ROOT,
    encoding: "utf8",
  });
  return files
    .trim()
    .split("\n")
    .filter((file) => !(file in EXCEPTIONS));
}

function found(file: string, source: string): string[] {
  const texts = file.endsWith(".md")
    ? textsOfMarkdown(source)
    : isPlain(file)
      ? textsOfLines(source)
      : textsOfCode(file, source);
  return texts.flatMap(({ line, text }) =>
    PHRASES.flatMap(({ pattern, write }) => {
      const phrase = pattern.exec(text)?.[0];
      return phrase === undefined ? [] : [`${file}:${line}: "${phrase}"; write: ${write}`];
    }),
  );
}

it("docs, messages and comments use the words of the glossary", () => {
  const files = heldFiles();
  expect(files.length).toBeGreaterThan(100);
  expect(files.flatMap((file) => found(file, readFileSync(path.join(ROOT, file), "utf8")))).toEqual([]);
});

it("every exception is a file", () => {
  const files = execFileSync("git", ["ls-files"], { cwd: ROOT, encoding: "utf8" }).split("\n");
  expect(Object.keys(EXCEPTIONS).filter((file) => !files.includes(file))).toEqual([]);
});

describe("the check finds a phrase", () => {
  it.each([
    ["in a comment", "/** Keeps the newest\n * copy. */\nconst a = 1;", 1],
    ["in a message", 'throw new Error("The former database is gone.");', 1],
    ["over the seam of a message", 'const a =\n  "The former " +\n  "database is gone.";', 2],
    ["in a template", "const a = 1;\nconst b = `The newest copy of ${a}`;", 2],
  ])("%s", (_, source, line) => {
    expect(found("a.ts", source)).toEqual([
      expect.stringMatching(new RegExp(`^a\\.ts:${line}: ".*"; write: `)),
    ]);
  });

  it("in a paragraph, but not in code", () => {
    const source = "# A\n\n`a copy`\n\n```\nthe copy\n```\n\nKeep the\ncopy.\n";
    expect(found("a.md", source)).toEqual(['a.md:9: "the copy"; write: backup']);
  });

  it("in a comment of a shell script", () => {
    expect(found("a.sh", "echo 1\n# Keep the\n# copy.\necho 2\n")).toEqual([
      'a.sh:2: "the copy"; write: backup',
    ]);
  });

  it("but none in a name", () => {
    expect(found("a.ts", 'import { copy } from "the copy";\nconst copies = "copies";')).toEqual([]);
  });
});
