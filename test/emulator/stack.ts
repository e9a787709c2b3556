import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { newProject, pulumi, stateOf, type State } from "../engine/pulumi";
import type { World } from "./world";

const ROOT = path.resolve(__dirname, "../..");

/** The longest that one run of the engine may take, in seconds; then it is ended with all that it started. */
const LIMIT = 420;

/** What the engine did or would do to one resource, if anything. */
export interface Step {
  op: string;
  type: string;
  name: string;
  urn: string;
  /** Paths of the properties that made it do so. */
  properties: string[];
}

export interface Run {
  steps: Step[];
  said: string;
}

/** A stack of the checkout's programs whose file lies in a folder of its own. */
export class Stack {
  private constructor(
    readonly name: string,
    private readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
    readonly remove: () => void,
  ) {}

  static async open(
    { env }: World,
    project: "dhistance" | "dhistance-platform",
    name: string,
    config: object,
  ): Promise<Stack> {
    const main = path.join(ROOT, project === "dhistance" ? "stacks/tenant" : "stacks/platform");
    const { folder, remove } = newProject({
      "Pulumi.yaml": `name: ${project}\nruntime: { name: nodejs, options: { typescript: false } }\nmain: ${main}\n`,
    });
    // What the example gives its servers: a stack file names only files of its tenant's folder.
    const given = path.join(ROOT, "tenants", name);
    if (existsSync(given)) cpSync(given, path.join(folder, "tenants", name), { recursive: true });
    const stack = new Stack(name, folder, env, remove);
    stack.configure(config);
    await stack.run("stack", "init", name);
    return stack;
  }

  /** JSON is YAML. */
  configure(config: object): void {
    writeFileSync(path.join(this.folder, `Pulumi.${this.name}.yaml`), JSON.stringify({ config }));
  }

  up(...args: string[]): Promise<Run> {
    return this.watched("up", "--yes", "--skip-preview", ...args);
  }

  destroy(): Promise<Run> {
    return this.watched("destroy", "--yes", "--skip-preview");
  }

  async outputs(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.run("stack", "output", "--json", "--stack", this.name)) as Record<
      string,
      unknown
    >;
  }

  state(): Promise<State> {
    return stateOf(this.name, { cwd: this.folder, env: this.env });
  }

  /** @throws Error with what the engine said if the run fails or changes what it should not */
  private async watched(command: string, ...args: string[]): Promise<Run> {
    const log = path.join(this.folder, `${command}.events`);
    rmSync(log, { force: true });
    const said = await this.run(
      command,
      "--stack",
      this.name,
      "--event-log",
      log,
      "--suppress-progress",
      ...args,
    );
    return { said, steps: stepsIn(readFileSync(log, "utf8")) };
  }

  private async run(...args: string[]): Promise<string> {
    // Lets the engine be asked for its log of events.
    const env = { ...this.env, PULUMI_DEBUG_COMMANDS: "true" };
    const options = { cwd: this.folder, env, timeoutSeconds: LIMIT };
    const { code, stdout, stderr } = await pulumi(
      [...args, "--non-interactive", "--color", "never"],
      options,
    );
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")}:\n${stdout}\n${stderr}`);
    return stdout;
  }
}

interface Event {
  resourcePreEvent?: {
    metadata: {
      op: string;
      urn: string;
      type: string;
      detailedDiff?: Record<string, unknown>;
      diffs?: string[];
    };
  };
}

/** What the engine did that was not nothing, by its log of events. */
export function stepsIn(log: string): Step[] {
  return log
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Event)
    .flatMap(({ resourcePreEvent }) => (resourcePreEvent ? [resourcePreEvent.metadata] : []))
    .filter(({ op }) => op !== "same" && op !== "read")
    .map(({ op, urn, type, detailedDiff, diffs }) => ({
      op,
      type,
      urn,
      name: urn.split("::").at(-1) ?? "",
      properties: Object.keys(detailedDiff ?? {}).length ? Object.keys(detailedDiff ?? {}) : (diffs ?? []),
    }));
}
