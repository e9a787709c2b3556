import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

/** Pages lead where they say, and recipes name what exists: names change, and nobody compiles a page. */
const ROOT = path.resolve(__dirname, "..");
const PAGES = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], {
  cwd: ROOT,
  encoding: "utf8",
})
  .split("\n")
  .filter((page) => page !== "" && existsSync(path.join(ROOT, page)));
const read = (file: string) => readFileSync(path.join(ROOT, file), "utf8");
const withoutCode = (text: string) => text.replace(/^( *)```.*?^\1```/gms, "");

/** GitHub's anchors of a page's headings. */
function anchors(page: string): string[] {
  const headings = [...withoutCode(read(page)).matchAll(/^#+ (.*)$/gm)];
  return headings.map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

describe.each(PAGES)("%s", (page) => {
  it("has links that lead somewhere", () => {
    const links = [...withoutCode(read(page)).matchAll(/\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)/g)];
    for (const [link, file = "", anchor] of links) {
      const target = file === "" ? page : path.join(path.dirname(page), file);
      expect(existsSync(path.join(ROOT, target)), link).toBe(true);
      if (anchor) expect(anchors(target), link).toContain(anchor);
    }
  });
});

describe.each(["CONTRIBUTING.md", "policies/README.md"])("the recipes of %s", (page) => {
  /** What the recipes make: the path before each block of code, and the examples' own names. NAME stands for any. */
  const made = /^(jobs\/largest-tables|policies\/protection|.*(azure|kubernetes|\bNAME\b))/i;

  it("name files that exist", () => {
    const folders = "plans|components|policies|stacks|operations|jobs|images|scripts|tools|test|docs|tenants";
    const named = [...read(page).matchAll(new RegExp("`((?:" + folders + ")/[\\w./-]+)`", "g"))];
    expect(named.length).toBeGreaterThan(3);
    for (const [, file = ""] of named)
      if (!made.test(file)) expect(existsSync(path.join(ROOT, file)), file).toBe(true);
  });

  it("import what exists", () => {
    const steps = read(page).split(/^\d+\. /m);
    const blocks = steps.map((step) => /^`([\w./-]+\.ts)`.*?```ts\n(.*?)```/s.exec(step) ?? []);
    const imports = blocks.flatMap(([, file = "", code = ""]) =>
      [...code.matchAll(/import (?:type )?{ ([^}]+) } from "(\.[^"]+)"/g)].map(
        ([, names = "", from = ""]) => ({
          names: names.split(", ").map((name) => name.replace(/^type /, "")),
          module: path.join(path.dirname(file), from),
        }),
      ),
    );
    expect(imports.length).toBeGreaterThan(2);
    for (const { names, module } of imports.filter((each) => !made.test(each.module)))
      for (const name of names)
        expect(read(`${module}.ts`), module).toMatch(
          new RegExp(
            `^export (?:abstract )?(?:async )?(?:class|const|function|interface|type) ${name}\\b`,
            "m",
          ),
        );
  });
});
