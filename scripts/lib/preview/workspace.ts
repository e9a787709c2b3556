import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parse, stringify } from "yaml";
import { ROOT } from "../checkout";
import { openStack } from "../pulumi/stacks";

/**
 * A folder outside every checkout in which stacks are previewed: the engine writes salts into stack files, and the
 * programs read the files that a stack file names. The programs themselves are this checkout's.
 */
export class Workspace {
  readonly folder = realpathSync(mkdtempSync(path.join(tmpdir(), "dhistance-preview-")));
  readonly state = path.join(this.folder, "state");
  readonly tenants = this.project("dhistance", "stacks/tenant");
  readonly platforms = this.project("dhistance-platform", "stacks/platform");

  private project(name: string, program: string): string {
    const folder = path.join(this.folder, name);
    mkdirSync(folder);
    const runtime = { name: "nodejs", options: { typescript: false } };
    writeFileSync(
      path.join(folder, "Pulumi.yaml"),
      stringify({ name, runtime, main: path.join(ROOT, program) }),
    );
    return folder;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Writes a stack file, and keeps the salt that the engine put into the one before. */
  write(project: string, stack: string, text: string): void {
    const file = path.join(project, `Pulumi.${stack}.yaml`);
    const salt = existsSync(file) ? saltIn(readFileSync(file, "utf8")) : undefined;
    const own = saltIn(text);
    writeFileSync(
      file,
      salt && !own ? stringify({ ...(parse(text) as object), encryptionsalt: salt }) : text,
    );
  }

  /** Makes the stack if it does not exist, and encrypts values of its file, by their paths. */
  async open(
    project: string,
    stack: string,
    secrets: ReadonlyMap<string, string> = new Map(),
  ): Promise<void> {
    await openStack({ folder: project }, stack);
    if (secrets.size === 0) return;
    const values = [...secrets].flatMap(([at, value]) => ["--secret", `${at}=${value}`]);
    execFileSync("pulumi", ["config", "set-all", "--stack", stack, "--path", ...values], {
      cwd: project,
      stdio: "pipe",
    });
  }

  /**
   * Fills the folder of the files that a tenant's stack file may name.
   * @param from such a folder. What is in it is linked, because dumps are large; links in it stay links, which the
   * program judges.
   * @param instead contents by path below the folder, which replace those
   */
  fill(tenant: string, from: string, instead: ReadonlyMap<string, Buffer> = new Map()): void {
    const folder = path.join(this.tenants, "tenants", tenant);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    if (isRealFolder(from)) copyTree(from, folder);
    for (const [name, content] of instead) {
      const file = path.join(folder, name);
      rmSync(file, { recursive: true, force: true });
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
  }
}

function saltIn(text: string): string | undefined {
  return (parse(text) as { encryptionsalt?: string } | null)?.encryptionsalt;
}

/** A tenant's own folder is not a link, nor is the folder of all tenants: they could lead to another tenant's. */
function isRealFolder(folder: string): boolean {
  const above = path.resolve(folder, "../..");
  return (
    existsSync(folder) &&
    realpathSync(folder) === path.join(realpathSync(above), path.relative(above, folder))
  );
}

function copyTree(from: string, to: string): void {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) {
      mkdirSync(target);
      copyTree(source, target);
    } else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else if (entry.isFile()) linkOrCopy(source, target);
  }
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target);
  }
}
