import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import * as grpc from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct, type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import { ResourceProviderClient, ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as rpc from "@pulumi/pulumi/proto/provider_pb";

/**
 * `pulumi-resource-aws` of the emulator tier: the real plugin, but for the types that the emulator has no API for.
 * These are simulated: validation, defaults, plan and diff are still the real plugin's, which needs no API for them;
 * to make, change, read and delete such a resource AWS is not asked.
 */
const { DHISTANCE_AWS_PLUGIN: plugin = "", DHISTANCE_SIMULATED_TYPES: types = "" } = process.env;
const simulated = new Set(types.split(",").filter(Boolean));

type Reply<T> = (error: grpc.ServiceError | null, response?: T) => void;
type Method = (request: unknown, metadata: grpc.Metadata, reply: Reply<unknown>) => void;

const unlimited = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
const insecure = (): grpc.ChannelCredentials => grpc.credentials.createInsecure();

function start(): void {
  const real = spawn(plugin, process.argv.slice(2), { stdio: ["ignore", "pipe", "inherit"] });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => real.kill(signal));
  // An engine that is killed does not end its plugins.
  const engine = process.ppid;
  setInterval(() => process.ppid === engine || process.exit(1), 1000).unref();
  real.on("error", (error) => {
    process.stderr.write(`DHISTANCE_AWS_PLUGIN=${plugin}: ${error.message}\n`);
    process.exit(1);
  });
  real.on("exit", (code) => process.exit(code ?? 1));
  let said = "";
  real.stdout.on("data", (data: Buffer) => {
    const known = said.includes("\n");
    said += data.toString();
    if (!known && said.includes("\n")) serve(Number(said.split("\n")[0]));
  });
}

function serve(port: number): void {
  const real = new ResourceProviderClient(`127.0.0.1:${port}`, insecure(), unlimited);
  const handlers: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(ResourceProviderService)) {
    if (method.requestStream || method.responseStream) continue;
    const forward = (real as unknown as Record<string, Method>)[name] as Method;
    handlers[name] = (call: { request: unknown; metadata: grpc.Metadata }, reply: Reply<unknown>) =>
      forward.call(real, call.request, call.metadata, reply);
  }
  Object.assign(handlers, {
    create: unless(handlers, "create", (request: rpc.CreateRequest, reply: Reply<rpc.CreateResponse>) => {
      if (request.getPreview()) return real.create(request, reply);
      real.create(request.setPreview(true), (error, planned) => {
        if (error) return reply(error);
        const id = `simulated-${randomBytes(6).toString("hex")}`;
        say(request.getUrn());
        reply(null, new rpc.CreateResponse().setId(id).setProperties(settled(planned.getProperties(), id)));
      });
    }),
    update: unless(handlers, "update", (request: rpc.UpdateRequest, reply: Reply<rpc.UpdateResponse>) => {
      if (request.getPreview()) return real.update(request, reply);
      real.update(request.setPreview(true), (error, planned) => {
        if (error) return reply(error);
        say(request.getUrn());
        const outputs = settled(planned.getProperties(), request.getId(), request.getOlds());
        reply(null, new rpc.UpdateResponse().setProperties(outputs));
      });
    }),
    diff: unless(handlers, "diff", (request: rpc.DiffRequest, reply: Reply<rpc.DiffResponse>) => {
      // What only AWS would know is not known now either, and the real plugin would take that for a change.
      const [before, now] = [request.getOldInputs(), request.getNews()].map((inputs) =>
        inputs?.toJavaScript(),
      );
      const same = new rpc.DiffResponse().setChanges(rpc.DiffResponse.DiffChanges.DIFF_NONE);
      if (isDeepStrictEqual(before, now)) reply(null, same);
      else real.diff(request, reply);
    }),
    read: unless(handlers, "read", (request: rpc.ReadRequest, reply: Reply<rpc.ReadResponse>) => {
      const response = new rpc.ReadResponse().setId(request.getId());
      reply(null, response.setProperties(request.getProperties()).setInputs(request.getInputs()));
    }),
    delete: unless(handlers, "delete", (_: rpc.DeleteRequest, reply: Reply<Empty>) =>
      reply(null, new Empty()),
    ),
  });
  const server = new grpc.Server(unlimited);
  server.addService(ResourceProviderService, handlers as grpc.UntypedServiceImplementation);
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, own) => {
    if (error) throw error;
    process.stdout.write(`${own}\n`);
  });
}

/** The handler for simulated types; the one that forwards for all others. */
function unless<Request extends { getUrn(): string }, Response>(
  handlers: Record<string, unknown>,
  name: string,
  simulate: (request: Request, reply: Reply<Response>) => unknown,
) {
  const forward = handlers[name] as (call: { request: Request }, reply: Reply<Response>) => void;
  return (call: { request: Request }, reply: Reply<Response>): void => {
    const type = call.request.getUrn().split("::")[2]?.split("$").at(-1) ?? "";
    if (simulated.has(type)) simulate(call.request, reply);
    else forward(call, reply);
  };
}

/** How the engine writes a value that is not known before the update runs. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const TEXTS = /^(id|name|.*(Arn|Id|Name|Address|Endpoint))$/;

/** A plan's outputs with values for what only AWS would know: the old ones; else a text where the name tells; else none. */
function settled(planned: Struct | undefined, id: string, old?: Struct): Struct {
  const before = old?.toJavaScript() ?? {};
  const outputs: Record<string, JavaScriptValue> = {};
  for (const [name, value] of Object.entries(planned?.toJavaScript() ?? {})) {
    const made = name === "arn" ? `arn:aws:simulated:::${id}` : TEXTS.test(name) ? id : undefined;
    const settled = value === UNKNOWN ? (before[name] ?? made) : known(value);
    if (settled !== undefined) outputs[name] = settled;
  }
  return Struct.fromJavaScript(outputs);
}

/** Without what is not known inside it. */
function known(value: JavaScriptValue): JavaScriptValue {
  if (Array.isArray(value)) return value.filter((element) => element !== UNKNOWN).map(known);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value as Record<string, JavaScriptValue>);
  return Object.fromEntries(
    fields.filter(([, field]) => field !== UNKNOWN).map(([name, field]) => [name, known(field)]),
  );
}

let engine: EngineClient | undefined;
function say(urn: string): void {
  const address = process.argv.slice(2).findLast((arg) => !arg.startsWith("-"));
  if (!address) return;
  engine ??= new EngineClient(address, insecure());
  const message = "simulated: AWS was not asked for this";
  engine.log(new LogRequest().setSeverity(LogSeverity.INFO).setUrn(urn).setMessage(message), () => undefined);
}

start();
