import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { JWK } from "jose";
import { parse } from "yaml";
import { issueEntitlement, type Entitlement } from "../../plans/entitlement";
import { newIssuer } from "../../scripts/lib/entitlements";
import { pathText, secretsIn, valueAt } from "../../stacks/config";
import { tenantSchema } from "../../stacks/tenant/spec";
import {
  newBackend,
  newProject,
  pulumi,
  startPulumi,
  stateOf,
  type Backend,
  type Result,
  type State,
} from "./pulumi";

/** The checkout. */
export const ROOT = path.resolve(__dirname, "../..");
const POLICIES = path.join(ROOT, "policies");
const YEAR = 365 * 86_400_000;

/** What a tenant has bought; a token stands for itself, and `undefined` for no entitlement at all. */
export type Bought = (Partial<Entitlement> & Pick<Entitlement, "plan" | "maxServers">) | string | undefined;

/** A spec in the making: tests put wrong things into it, too. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Draft = any;

/** Address of a Docker host that is not there: the rehearsal needs none. */
export const NO_DOCKER = "unix:///nowhere.sock";

/** For `describe.each`: what to do to a spec so that its tenant is on that target. */
export const EACH_TARGET: [target: string, place: (spec: Draft) => void][] = [
  ["AWS", () => undefined],
  [
    "Docker",
    (spec) => {
      spec.target = { docker: { host: NO_DOCKER, certificates: { private: {} } } };
      spec.backups = { locations: [] };
    },
  ],
];

function goodSpec(tenant: string): Draft {
  return {
    displayName: "Ministry of Health, Exampleland",
    contacts: { operations: "ops@moh.example.org", billing: "finance@moh.example.org" },
    target: { aws: { region: "eu-west-1" } },
    servers: [{ name: "hmis", dhis2: "42.5.2", size: "small", hostname: `${tenant}.moh.example.org` }],
    backups: {
      locations: [
        { region: "eu-central-1" },
        { onPremises: { host: "ssh://backup@office.example.org", path: "/srv/dhis2" } },
      ],
    },
  };
}

/**
 * Tenants with issuers and a backend of their own. Each has a project folder whose Pulumi.yaml runs the checkout's
 * program, so that its stack file does not lie among the real ones.
 */
export class TestTenants {
  private readonly removals: (() => void)[] = [];
  private constructor(
    private readonly backend: Backend,
    private readonly env: NodeJS.ProcessEnv,
    private readonly ours: JWK,
    private readonly theirs: JWK,
    private readonly timeoutSeconds: number,
  ) {
    this.removals.push(backend.remove);
  }

  /** With `platform`, the platform of eu-west-1 is brought up first. */
  static async start({
    platform,
    env: more,
    timeoutSeconds = 180,
  }: {
    platform: boolean;
    env?: NodeJS.ProcessEnv;
    timeoutSeconds?: number;
  }): Promise<TestTenants> {
    const backend = await newBackend();
    const [ours, theirs] = [await newIssuer("ours"), await newIssuer("theirs")];
    const issuers = newProject({ "issuers.json": JSON.stringify({ keys: [ours.trusted] }) });
    const env = { ...backend.env, ...more, DHISTANCE_ISSUERS: path.join(issuers.folder, "issuers.json") };
    const tenants = new TestTenants(backend, env, ours.key, theirs.key, timeoutSeconds);
    tenants.removals.push(issuers.remove);
    if (platform) await tenants.platform("eu-west-1");
    return tenants;
  }

  /** Brings up a platform with the stack file of eu-west-1, changed. */
  async platform(region: string, change = (file: string): string => file): Promise<void> {
    const stack = await this.newPlatform(region, change);
    await stack.succeed("up", "--yes", "--skip-preview");
  }

  /** The same without bringing it up. */
  async newPlatform(region: string, change = (file: string): string => file): Promise<TenantStack> {
    const stack = this.project(region, path.join(ROOT, "stacks/platform"), "dhistance-platform");
    const file = readFileSync(path.join(ROOT, "stacks/platform/Pulumi.eu-west-1.yaml"), "utf8");
    stack.write(change(file));
    await stack.succeed("stack", "init", region);
    return stack;
  }

  /**
   * A tenant of the checkout's program, its stack made and empty, its secrets encrypted.
   * @param change is given what puts a file into the tenant's folder and returns its path there
   */
  async stack(
    name: string,
    bought: Bought,
    change?: (spec: Draft, put: (file: string, content: string) => string) => void,
  ): Promise<TenantStack> {
    const spec = goodSpec(name);
    const stack = this.project(name, path.join(ROOT, "stacks/tenant"), "dhistance");
    change?.(spec, (file, content) => stack.put(file, content));
    const entitlement =
      typeof bought === "object" ? await this.entitlement({ tenant: name, ...bought }) : bought;
    stack.configure(entitlement, spec);
    await stack.succeed("stack", "init", name);
    for (const secret of secretsIn(tenantSchema, spec))
      stack.encrypt(pathText(secret), valueAt(spec, secret));
    return stack;
  }

  /**
   * A tenant of a program that checks nothing: it makes any servers, under the same component types.
   * @param more JavaScript that can use `entitlement`, `tenant`, the servers `made`, and the class `Component`
   */
  async careless(
    name: string,
    bought: Bought,
    servers: [name: string, size: string][],
    more = "",
  ): Promise<TenantStack> {
    const entitlement =
      typeof bought === "object" ? await this.entitlement({ tenant: name, ...bought }) : bought;
    const program = newProject({
      "index.js": `
        const pulumi = require("@pulumi/pulumi");
        class Component extends pulumi.ComponentResource {
          constructor(type, name, args, opts) {
            super("dhistance:index:" + type, name, args, opts);
            this.registerOutputs(args);
          }
        }
        const { entitlement, servers } = ${JSON.stringify({ entitlement, servers })};
        const tenant = entitlement && new Component("Tenant", "tenant", { entitlement });
        const made = servers.map(([name, size]) =>
          new Component("DataManagementServer", name, { size }, { parent: tenant }));
        ${more}
      `,
    });
    this.removals.push(program.remove);
    const stack = this.project(name, program.folder, "dhistance");
    await stack.succeed("stack", "init", name);
    return stack;
  }

  entitlement(
    claims: Partial<Entitlement> & Pick<Entitlement, "tenant" | "plan" | "maxServers">,
  ): Promise<string> {
    return issueEntitlement({ ...inForce(), ...claims }, this.ours);
  }

  foreignEntitlement(claims: Pick<Entitlement, "tenant" | "plan" | "maxServers">): Promise<string> {
    return issueEntitlement({ ...inForce(), ...claims }, this.theirs);
  }

  remove(): void {
    for (const remove of this.removals) remove();
  }

  private project(stack: string, main: string, name: string): TenantStack {
    const project = newProject({
      "Pulumi.yaml": `name: ${name}\nruntime: { name: nodejs, options: { typescript: false } }\nmain: ${main}\n`,
    });
    this.removals.push(project.remove);
    return new TenantStack(stack, project.folder, this.env, this.backend.folder, this.timeoutSeconds);
  }
}

function inForce() {
  return {
    activatedAt: new Date(Date.now() - YEAR).toISOString(),
    expiresAt: new Date(Date.now() + YEAR).toISOString(),
    issuer: "tests",
  };
}

export class TenantStack {
  private entitlement: string | undefined;
  private spec: Draft;
  constructor(
    readonly name: string,
    /** Where its project and its stack file are, and what the engine is started in. */
    readonly cwd: string,
    readonly env: NodeJS.ProcessEnv,
    private readonly backend: string,
    /** The longest that a run may take. */
    private readonly timeoutSeconds: number,
  ) {}

  /** The same stack for an engine with another environment. */
  with(env: NodeJS.ProcessEnv): TenantStack {
    return new TenantStack(this.name, this.cwd, { ...this.env, ...env }, this.backend, this.timeoutSeconds);
  }

  /** JSON is YAML. */
  configure(entitlement: string | undefined, spec: Draft): void {
    Object.assign(this, { entitlement, spec });
    const config = { "dhistance:tenant": spec, ...(entitlement && { "dhistance:entitlement": entitlement }) };
    // Without its salt nothing could be decrypted any more.
    const { encryptionsalt } = existsSync(this.file) ? this.read() : {};
    this.write(JSON.stringify({ config, ...(encryptionsalt && { encryptionsalt }) }));
  }

  /** Sets a secret of the spec as a person does it. */
  encrypt(at: string, value: unknown): void {
    const key = `dhistance:tenant.${at}`;
    const options = { cwd: this.cwd, env: this.env, input: String(value) };
    execFileSync("pulumi", this.complete(["config", "set", "--secret", "--path", key]), options);
    this.spec = this.read().config["dhistance:tenant"];
  }

  /** Puts a file into the tenant's folder. @returns how the spec names it */
  put(file: string, content: string): string {
    const folder = path.join(this.cwd, "tenants", this.name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, file), content);
    return file;
  }

  private get file(): string {
    return path.join(this.cwd, `Pulumi.${this.name}.yaml`);
  }

  private read(): { config: Record<string, Draft>; encryptionsalt?: string } {
    return parse(readFileSync(this.file, "utf8")) as never;
  }

  /** Changes the spec in the stack file, whose other entries stay. */
  change(change: (spec: Draft) => void): void {
    change(this.spec);
    this.configure(this.entitlement, this.spec);
  }

  /** Puts another entitlement into the stack file. */
  entitle(entitlement: string): void {
    this.configure(entitlement, this.spec);
  }

  write(stackFile: string): void {
    writeFileSync(this.file, stackFile);
  }

  run(...args: string[]): Promise<Result> {
    return pulumi(this.complete(args), { cwd: this.cwd, env: this.env, timeoutSeconds: this.timeoutSeconds });
  }

  /** @throws Error with what the engine said if it fails */
  async succeed(...args: string[]): Promise<Result> {
    const result = await this.run(...args);
    if (result.code !== 0) throw new Error(`pulumi ${args.join(" ")}:\n${result.stdout}\n${result.stderr}`);
    return result;
  }

  /** With the policy pack. */
  checked(command: "preview" | "up", ...args: string[]): Promise<Result> {
    const now = command === "up" ? ["--yes", "--skip-preview"] : [];
    return this.run(command, ...now, "--policy-pack", POLICIES, ...args);
  }

  /** Starts a run and kills it, with all it started, once it has said `pattern`. */
  async killedWhen(pattern: RegExp, ...args: string[]): Promise<void> {
    const env = { ...this.env, PULUMI_SKIP_CHECKPOINTS: undefined };
    const running = startPulumi(this.complete(args), { cwd: this.cwd, env });
    await running.until(pattern);
    running.kill();
    await running.ended;
  }

  state(): Promise<State> {
    return stateOf(this.name, { cwd: this.cwd, env: this.env });
  }

  /** All that lies in the backend. */
  stateFiles(): string[] {
    return readdirSync(this.backend, { recursive: true, encoding: "utf8" });
  }

  /** The state file as it lies in the backend. */
  stateFile(): string {
    const [file] = this.stateFiles().filter((name) =>
      name.endsWith(path.join(".pulumi", "stacks", "dhistance", `${this.name}.json`).slice(1)),
    );
    return readFileSync(path.join(this.backend, file ?? ""), "utf8");
  }

  /** What a random password of the state is, decrypted. @param name of the resource */
  async password(name: string): Promise<string> {
    const { stdout } = await this.succeed("stack", "export", "--show-secrets");
    const { deployment } = JSON.parse(stdout) as {
      deployment: { resources: { urn: string; outputs?: { result?: { plaintext: string } } }[] };
    };
    const found = deployment.resources.find(({ urn }) => urn.endsWith(`:RandomPassword::${name}`));
    return JSON.parse(found?.outputs?.result?.plaintext ?? '""') as string;
  }

  /** Every secret text of the state, decrypted, 12 characters or longer; a path beside one is none. */
  async secrets(): Promise<string[]> {
    const { stdout } = await this.succeed("stack", "export", "--show-secrets");
    const found: string[] = [];
    const gather = (value: unknown, secret: boolean): void => {
      if (typeof value === "string" && secret && value.length >= 12 && !value.startsWith("/"))
        found.push(value);
      if (typeof value !== "object" || value === null) return;
      const plaintext = (value as Record<string, unknown>)["plaintext"];
      if (typeof plaintext === "string") gather(JSON.parse(plaintext), true);
      else for (const inner of Object.values(value)) gather(inner, secret);
    };
    gather(JSON.parse(stdout), false);
    return found;
  }

  private complete(args: string[]): string[] {
    const own = args[0] === "stack" && args[1] === "init" ? [] : ["--stack", this.name];
    return [...args, ...own, "--non-interactive", "--color", "never"];
  }
}
