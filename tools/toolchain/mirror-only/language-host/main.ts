import { spawn, type ChildProcess } from "node:child_process";
import * as grpc from "@grpc/grpc-js";
import { LanguageRuntimeService, type ILanguageRuntimeServer } from "@pulumi/pulumi/proto/language_grpc_pb";
import * as pb from "@pulumi/pulumi/proto/language_pb";
import { PackageDependency, PackageParameterization, PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { ENGINE_VERSION } from "../../pins";
import { installation } from "./installation";
import { optionsEnvironment, parseOptions, type RuntimeOptions } from "./options";
import { dependencies, pluginPackages } from "./packages";
import { ANY_SIZE, PolicyPackProxy } from "./policy-pack";
import { Children, configKey, outcome, resolveSdk, runArguments, runEnvironment } from "./runProgram";

/**
 * `pulumi-language-nodejs`: runs programs, policy packs and plugins written for Node on behalf of the engine
 * (`pulumirpc.LanguageRuntime`). The official one is written in Go and cannot be had from a Go mirror; this one
 * does the same for what runs, and nothing for what makes code (`pulumi convert`, `pulumi package`).
 */

/** Told as the only argument, or later by a handshake. */
let engine = process.argv.slice(2).findLast((argument) => !argument.startsWith("-")) ?? "";
const children = new Children();

const service: Partial<ILanguageRuntimeServer> = {
  handshake: unary((request) => {
    engine = request.getEngineAddress() || engine;
    return new pb.LanguageHandshakeResponse();
  }),
  getPluginInfo: unary(() => {
    const info = new PluginInfo();
    info.setVersion(ENGINE_VERSION);
    return info;
  }),
  getRequiredPackages: unary((request) => {
    const response = new pb.GetRequiredPackagesResponse();
    response.setPackagesList(pluginPackages(programOf(request).folder).map(packageDependency));
    return response;
  }),
  getProgramDependencies: unary((request) => {
    const response = new pb.GetProgramDependenciesResponse();
    const found = dependencies(programOf(request).folder, request.getTransitivedependencies());
    response.setDependenciesList(
      found.map(({ name, version }) => {
        const dependency = new pb.DependencyInfo();
        dependency.setName(name);
        dependency.setVersion(version);
        return dependency;
      }),
    );
    return response;
  }),
  about: unary((request) => {
    const { folder, options } = programOf(request);
    const response = new pb.AboutResponse();
    response.setExecutable(process.execPath);
    response.setVersion(process.version);
    response.getMetadataMap().set("packagemanager", installation(folder, options).command);
    return response;
  }),
  runtimeOptionsPrompts: unary(() => new pb.RuntimeOptionsResponse()),
  template: unary(() => new pb.TemplateResponse()),
  run: unary(run),
  runPlugin: (call) => void stream(call, runPlugin, pb.RunPluginResponse),
  installDependencies: (call) => void stream(call, install, pb.InstallDependenciesResponse),
  cancel: unary(async () => {
    await children.stop();
    return new Empty();
  }),
};

async function run(
  request: pb.RunRequest,
  call: grpc.ServerUnaryCall<pb.RunRequest, pb.RunResponse>,
): Promise<pb.RunResponse> {
  const response = new pb.RunResponse();
  if (request.getAttachDebugger()) {
    response.setError(
      "this language host cannot attach a debugger; use the runtime option nodeargs: --inspect-brk",
    );
    return response;
  }
  try {
    const { folder, root, entry, options } = programOf(request);
    const asked = {
      engine,
      monitor: request.getMonitorAddress(),
      organization: request.getOrganization(),
      project: request.getProject(),
      stack: request.getStack(),
      root,
      folder,
      entry,
      args: request.getArgsList(),
      dryRun: request.getDryrun(),
      parallel: request.getParallel(),
      config: new Map(request.getConfigMap().toObject(false)),
      secretKeys: request.getConfigsecretkeysList(),
    };
    const runner = resolveSdk("@pulumi/pulumi/cmd/run", folder, "pulumi install");
    const child = start(runArguments(runner, asked, options), folder, {
      ...process.env,
      ...runEnvironment(asked, options),
    });
    call.on("cancelled", () => child.kill("SIGINT"));
    let stderr = "";
    child.stdout?.on("data", (text: Buffer) => process.stdout.write(text));
    child.stderr?.on("data", (text: Buffer) => {
      process.stderr.write(text);
      stderr = (stderr + String(text)).slice(-20_000);
    });
    const [code, signal] = await ended(child);
    await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
    const { bail = false, error = "" } = outcome(code, signal, stderr);
    response.setBail(bail);
    response.setError(error);
  } catch (error) {
    response.setError((error as Error).message);
  }
  return response;
}

type PluginCall = grpc.ServerWritableStream<pb.RunPluginRequest, pb.RunPluginResponse>;
type Say = (output: "stdout" | "stderr", text: Uint8Array | string) => void;

async function runPlugin(call: PluginCall, say: Say): Promise<void> {
  const { request } = call;
  const { folder, options } = programOf(request);
  const env = { ...environmentOf(request.getEnvList()), ...optionsEnvironment(options) };
  const args = request.getArgsList();
  let child: ChildProcess;
  let proxy: PolicyPackProxy | undefined;
  call.on("cancelled", () => child?.kill());
  if (request.getKind() === "analyzer") {
    const runner = resolveSdk("@pulumi/pulumi/cmd/run-policy-pack", folder, `npm install in ${folder}`);
    proxy = new PolicyPackProxy();
    say("stdout", `${await proxy.listen()}\n`);
    const stack = await proxy.configured;
    if (call.cancelled) return proxy.close(new Error("cancelled"));
    // A pack's own folder is where it has always been run.
    child = start([...options.nodeargs, runner, ...args, folder], folder, {
      ...env,
      ...(stack && {
        PULUMI_NODEJS_ORGANIZATION: stack.getOrganization() || undefined,
        PULUMI_NODEJS_PROJECT: stack.getProject() || undefined,
        PULUMI_NODEJS_STACK: stack.getStack() || undefined,
        PULUMI_NODEJS_DRY_RUN: String(stack.getDryRun()),
        PULUMI_CONFIG: JSON.stringify(
          Object.fromEntries(
            stack
              .getConfigMap()
              .toObject(false)
              .map(([key, value]) => [configKey(key), value]),
          ),
        ),
        PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(stack.getConfigSecretKeysList()),
      }),
    });
    if (child.stdout) proxy.attach(child.stdout, (line) => say("stdout", line));
  } else {
    const runner = resolveSdk("@pulumi/pulumi/cmd/run-plugin", folder, `npm install in ${folder}`);
    child = start([...options.nodeargs, runner, folder, ...args], request.getPwd() || folder, env);
    child.stdout?.on("data", (text: Buffer) => say("stdout", text));
  }
  child.stderr?.on("data", (text: Buffer) => say("stderr", text));
  const [code, signal] = await ended(child);
  const { error, bail } = outcome(code, signal, "");
  proxy?.close(new Error(error ?? "the policy pack has ended"));
  if (error || bail) throw new Error(error ?? `Program exited with non-zero exit code: ${code}`);
}

type InstallCall = grpc.ServerWritableStream<pb.InstallDependenciesRequest, pb.InstallDependenciesResponse>;

async function install(call: InstallCall, say: Say): Promise<void> {
  const program = programOf(call.request);
  const { command, args, folder } = installation(program.folder, program.options);
  say("stdout", `Installing dependencies with ${command} ${args.join(" ")}\n`);
  const child = start(args, folder, process.env, command);
  child.stdout?.on("data", (text: Buffer) => say("stdout", text));
  child.stderr?.on("data", (text: Buffer) => say("stderr", text));
  call.on("cancelled", () => child.kill());
  const [code, signal] = await ended(child);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} in ${folder} ended with ${signal ?? code}`);
}

interface Program {
  folder: string;
  root: string;
  entry: string;
  options: RuntimeOptions;
}

function programOf(request: { getInfo(): pb.ProgramInfo | undefined }): Program {
  const info = request.getInfo();
  if (!info) throw new Error("the engine does not say which program it means");
  return {
    folder: info.getProgramDirectory(),
    root: info.getRootDirectory(),
    entry: info.getEntryPoint(),
    options: parseOptions(info.getOptions()?.toJavaScript() ?? {}),
  };
}

function packageDependency({
  name,
  version,
  server,
  parameterization,
}: ReturnType<typeof pluginPackages>[0]) {
  const dependency = new PackageDependency();
  dependency.setName(name);
  dependency.setKind("resource");
  dependency.setVersion(version);
  if (server) dependency.setServer(server);
  if (parameterization) {
    const parameters = new PackageParameterization();
    parameters.setName(parameterization.name);
    parameters.setVersion(parameterization.version);
    parameters.setValue(parameterization.value);
    dependency.setParameterization(parameters);
  }
  return dependency;
}

/** The engine gives a plugin its whole environment. */
function environmentOf(pairs: string[]): NodeJS.ProcessEnv {
  if (pairs.length === 0) return process.env;
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
}

function start(
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  command = process.execPath,
): ChildProcess {
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  return child;
}

/** With all of its output read. */
function ended(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve([code, signal]));
  });
}

function flushed(output: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => output.write("", () => resolve()));
}

function unary<Request, Response>(
  handle: (request: Request, call: grpc.ServerUnaryCall<Request, Response>) => Response | Promise<Response>,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    Promise.resolve(call.request)
      .then((request) => handle(request, call))
      .then(
        (response) => callback(null, response),
        (error: Error) => callback({ code: grpc.status.UNKNOWN, details: error.message }),
      );
  };
}

async function stream<
  Request,
  Response extends { setStdout(text: Uint8Array | string): void; setStderr(text: Uint8Array | string): void },
>(
  call: grpc.ServerWritableStream<Request, Response>,
  handle: (call: grpc.ServerWritableStream<Request, Response>, say: Say) => Promise<void>,
  Output: new () => Response,
): Promise<void> {
  const say: Say = (output, text) => {
    if (call.cancelled) return;
    const response = new Output();
    const bytes = typeof text === "string" ? Buffer.from(text) : text;
    if (output === "stdout") response.setStdout(bytes);
    else response.setStderr(bytes);
    call.write(response);
  };
  try {
    await handle(call, say);
    call.end();
  } catch (error) {
    call.emit("error", { code: grpc.status.UNKNOWN, details: (error as Error).message });
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void children.stop().then(() => process.exit()));
}

/** An engine that is killed does not end its plugins: they are given to another parent, and go. */
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(1), 1000).unref();

const server = new grpc.Server(ANY_SIZE);
server.addService(LanguageRuntimeService, service as ILanguageRuntimeServer);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`); // the engine waits for this line
});
