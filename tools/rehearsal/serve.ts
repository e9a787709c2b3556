import { promisify } from "node:util";
import * as grpc from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct, type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { check, create, diff, update, type Provider, type ResourceType } from "./resource";
import { isObject, type Properties } from "./values";

/**
 * Puts a provider before the engine, in the protocol that `pulumi-resource-…` plugins speak. The generated service
 * is used rather than the SDK's `Provider` interface: that one has no configuration, and loads the whole SDK.
 *
 * This provider answers the engine that it accepts no secrets. It then takes them out of what it sends, and marks each output
 * secret again whose input of the same name was: what it also does for the providers that are simulated here.
 * @returns its port on this machine
 */
export function serve(provider: Provider): Promise<number> {
  let config: Properties = {};
  const soles = new Soles();

  const handlers: Partial<Record<keyof typeof ResourceProviderService, unknown>> = {
    handshake: answer(() => new rpc.ProviderHandshakeResponse().setSupportsAutonamingConfiguration(true)),
    getPluginInfo: answer(() => new PluginInfo().setVersion(provider.version)),
    getSchema: answer(() => new rpc.GetSchemaResponse().setSchema(schema(provider))),
    checkConfig: answer((request: rpc.CheckRequest) => {
      const response = new rpc.CheckResponse().setInputs(request.getNews());
      try {
        provider.configure?.(plainConfig(request.getNews()));
      } catch (error) {
        response.addFailures(new rpc.CheckFailure().setReason((error as Error).message));
      }
      return response;
    }),
    diffConfig: answer((request: rpc.DiffRequest) => {
      const [old, now] = [
        properties(request.getOldInputs() ?? request.getOlds()),
        properties(request.getNews()),
      ];
      return diffResponse(diff({}, old, old, now));
    }),
    configure: answer((request: rpc.ConfigureRequest) => {
      const given = plainConfig(request.getArgs());
      config = provider.configure?.(given) ?? given;
      return new rpc.ConfigureResponse().setSupportspreview(true).setSupportsAutonamingConfiguration(true);
    }),
    invoke: answer((request: rpc.InvokeRequest) => {
      const run = provider.functions[request.getTok()];
      if (!run) throw unknownToken(provider, "function", request.getTok());
      return new rpc.InvokeResponse().setReturn(struct(run(properties(request.getArgs()), config)));
    }),
    check: answer((request: rpc.CheckRequest) => {
      const { type, name } = resource(provider, request.getUrn());
      const old = request.getOlds() && properties(request.getOlds());
      const given = properties(request.getNews());
      const inputs = provider.prepare?.(type, given, config) ?? given;
      const seed = request.getRandomseed_asU8();
      const checked = check(type, name, inputs, old, seed, proposal(request));
      const response = new rpc.CheckResponse().setInputs(struct(checked.inputs));
      for (const { property, reason } of checked.failures) {
        response.addFailures(new rpc.CheckFailure().setProperty(property).setReason(reason));
      }
      return response;
    }),
    diff: answer((request: rpc.DiffRequest) => {
      const { type, token } = resource(provider, request.getUrn());
      const [old, state, now] = [request.getOldInputs(), request.getOlds(), request.getNews()].map(
        properties,
      );
      soles.isThere(type, token, old ?? {});
      return diffResponse(diff(type, old ?? {}, state ?? {}, now ?? {}));
    }),
    create: answer(async (request: rpc.CreateRequest) => {
      const urn = request.getUrn();
      const { type, token, name } = resource(provider, urn);
      const identity = { name, urn, config };
      if (!request.getPreview()) soles.create(type, token, properties(request.getProperties()));
      const made = await create(type, identity, properties(request.getProperties()), request.getPreview());
      return new rpc.CreateResponse().setId(made.id).setProperties(struct(made.outputs));
    }),
    update: answer((request: rpc.UpdateRequest) => {
      const urn = request.getUrn();
      const { type, name } = resource(provider, urn);
      const [old, state, now] = [request.getOldInputs(), request.getOlds(), request.getNews()].map(
        properties,
      );
      const identity = { name, urn, config, id: request.getId() };
      const outputs = update(type, identity, old ?? {}, state ?? {}, now ?? {}, request.getPreview());
      return new rpc.UpdateResponse().setProperties(struct(outputs));
    }),
    read: answer((request: rpc.ReadRequest) => read(provider, request)),
    delete: answer((request: rpc.DeleteRequest) => {
      const { type, token } = resource(provider, request.getUrn());
      const state = properties(request.getProperties());
      const refusal = type.refusesDelete?.(state);
      if (refusal) throw new Error(refusal);
      soles.delete(type, token, state);
      return new Empty();
    }),
    attach: answer(() => new Empty()),
    getMapping: answer(() => new rpc.GetMappingResponse()),
    getMappings: answer(() => new rpc.GetMappingsResponse()),
    cancel: answer(() => {
      // The answer goes out first: the engine waits for it.
      setImmediate(() => server.tryShutdown(() => undefined));
      return new Empty();
    }),
  };

  const unlimited = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
  const server = new grpc.Server(unlimited);
  server.addService(ResourceProviderService, handlers as grpc.UntypedServiceImplementation);
  return promisify(server.bindAsync.bind(server))("127.0.0.1:0", grpc.ServerCredentials.createInsecure());
}

function read(provider: Provider, request: rpc.ReadRequest): rpc.ReadResponse {
  const { type } = resource(provider, request.getUrn());
  const state = properties(request.getProperties());
  if (Object.keys(state).length === 0) {
    throw new Error(
      `${provider.name} in rehearsal has no resource "${request.getId()}" to read: what it makes exists only in the stack's state`,
    );
  }
  return new rpc.ReadResponse()
    .setId(request.getId())
    .setProperties(struct(type.read?.(state) ?? state))
    .setInputs(request.getInputs());
}

/** Those that exist only once, as far as one run of the engine has seen them. */
export class Soles {
  private readonly there = new Set<string>();
  private readonly overwritten = new Set<string>();

  private key({ sole }: ResourceType, token: string, of: Properties): string | undefined {
    const value = sole && of[sole.input];
    return typeof value === "string" ? [token, String(of["region"]), value].join(" ") : undefined;
  }

  /** One that the state knows. */
  isThere(type: ResourceType, token: string, inputs: Properties): void {
    const key = this.key(type, token, inputs);
    if (key) this.there.add(key);
  }

  create(type: ResourceType, token: string, inputs: Properties): void {
    const key = this.key(type, token, inputs);
    if (!key) return;
    if (this.there.has(key)) {
      if (!type.sole?.overwrites)
        throw new Error(
          `${key} is there already, and there can be one. Delete the old one before it is replaced.`,
        );
      this.overwritten.add(key);
    }
    this.there.add(key);
  }

  delete(type: ResourceType, token: string, state: Properties): void {
    const key = this.key(type, token, state);
    if (!key) return;
    if (this.overwritten.has(key))
      throw new Error(
        `${key} was written again before the old one is deleted: what would be deleted is the new one. ` +
          "Delete the old one first, or not at all.",
      );
    this.there.delete(key);
  }
}

/** A method's handler from a function of its request. What it throws is the message a person reads. */
function answer<Request, Response>(method: (request: Request) => Response | Promise<Response>) {
  return (call: { request: Request }, reply: (error: unknown, response?: Response) => void): void => {
    Promise.resolve()
      .then(() => method(call.request))
      .then(
        (response) => reply(null, response),
        (error: Error) => reply({ code: grpc.status.INVALID_ARGUMENT, details: error.message }),
      );
  };
}

function resource(provider: Provider, urn: string): { type: ResourceType; token: string; name: string } {
  const [, , types = "", ...name] = urn.split("::");
  const token = types.split("$").at(-1) ?? "";
  const type = provider.resources[token];
  if (!type) throw unknownToken(provider, "resource type", token);
  return { type, token, name: name.join("::") };
}

function unknownToken(provider: Provider, kind: string, token: string): Error {
  return new Error(
    `${provider.name} in rehearsal has no ${kind} "${token}". Add it to tools/rehearsal/${provider.name}/ (tools/rehearsal/README.md says how).`,
  );
}

function properties(message: Struct | undefined): Properties {
  return (message?.toJavaScript() ?? {}) as Properties;
}

function struct(values: Properties): Struct {
  return Struct.fromJavaScript(values as Record<string, JavaScriptValue>);
}

/** A provider's configuration holds anything but text as JSON. */
function plainConfig(message: Struct | undefined): Properties {
  const parse = ([key, value]: [string, Properties[string]]): [string, Properties[string]] => {
    if (isObject(value) && "value" in value) return parse([key, value["value"] ?? null]);
    if (typeof value !== "string" || !/^[[{]|^(true|false)$/.test(value)) return [key, value];
    try {
      return [key, JSON.parse(value) as Properties[string]];
    } catch {
      return [key, value];
    }
  };
  return Object.fromEntries(Object.entries(properties(message)).map(parse));
}

function proposal(request: rpc.CheckRequest) {
  const asked = request.getAutonaming();
  if (!asked) return undefined;
  const modes = ["propose", "enforce", "disable"] as const;
  return { name: asked.getProposedName(), mode: modes[asked.getMode()] ?? "propose" };
}

function diffResponse({ changes, replace, deleteBeforeReplace }: ReturnType<typeof diff>): rpc.DiffResponse {
  const { DiffChanges } = rpc.DiffResponse;
  const { Kind } = rpc.PropertyDiff;
  const kinds = {
    add: [Kind.ADD, Kind.ADD_REPLACE],
    delete: [Kind.DELETE, Kind.DELETE_REPLACE],
    update: [Kind.UPDATE, Kind.UPDATE_REPLACE],
  } as const;
  const response = new rpc.DiffResponse()
    .setChanges(changes.length > 0 ? DiffChanges.DIFF_SOME : DiffChanges.DIFF_NONE)
    .setHasdetaileddiff(true)
    .setDiffsList([...new Set(changes.map((change) => topOf(change.path)))])
    .setReplacesList([
      ...new Set(changes.filter((change) => change.replaces).map((change) => topOf(change.path))),
    ])
    .setDeletebeforereplace(replace && deleteBeforeReplace);
  for (const { path, kind, replaces } of changes) {
    const detail = new rpc.PropertyDiff().setInputdiff(true).setKind(kinds[kind][replaces ? 1 : 0]);
    response.getDetaileddiffMap().set(path, detail);
  }
  return response;
}

function topOf(path: string): string {
  return path.split(/[.[]/)[0] ?? path;
}

function schema(provider: Provider): string {
  const empty = (names: string[]) => Object.fromEntries(names.map((name) => [name, {}]));
  return JSON.stringify({
    name: provider.name,
    version: provider.version,
    resources: empty(Object.keys(provider.resources)),
    functions: empty(Object.keys(provider.functions)),
  });
}
