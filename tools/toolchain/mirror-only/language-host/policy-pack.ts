import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import * as grpc from "@grpc/grpc-js";
import { AnalyzerService } from "@pulumi/pulumi/proto/analyzer_grpc_pb";
import {
  AnalyzerHandshakeResponse,
  AnalyzerStackConfigureRequest,
  AnalyzerStackConfigureResponse,
} from "@pulumi/pulumi/proto/analyzer_pb";

/** No limit on a message: a stack's resources go into one. */
export const ANY_SIZE = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

/**
 * The SDK of policy packs reads the stack's name and configuration from its environment when it starts, while the
 * engine tells them to a pack that runs already. So this stands before the pack: it takes the engine's first
 * calls, lets the pack be started with what they say, and passes every other call on to it untouched.
 */
export class PolicyPackProxy {
  private readonly server = new grpc.Server(ANY_SIZE);
  private pack: grpc.Client | undefined;
  /** What the engine said of the stack; nothing when it asks something else first, as `pulumi policy publish` does. */
  readonly configured: Promise<AnalyzerStackConfigureRequest | undefined>;
  private resolveConfigured!: (request: AnalyzerStackConfigureRequest | undefined) => void;
  private readonly attached: Promise<grpc.Client>;
  private resolveAttached!: (pack: grpc.Client) => void;
  private rejectAttached!: (error: Error) => void;

  constructor() {
    this.configured = new Promise((resolve) => (this.resolveConfigured = resolve));
    this.attached = new Promise((resolve, reject) => {
      this.resolveAttached = resolve;
      this.rejectAttached = reject;
    });
    this.attached.catch(() => undefined); // whoever waits for it gets the error
    this.server.addService(rawService(), {
      ...Object.fromEntries(Object.keys(AnalyzerService).map((method) => [method, this.pass(method)])),
      handshake: answer(new AnalyzerHandshakeResponse()),
      configureStack: (call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) => {
        this.resolveConfigured(AnalyzerStackConfigureRequest.deserializeBinary(call.request));
        answer(new AnalyzerStackConfigureResponse())(call, callback);
      },
    });
  }

  /** @returns the port to tell the engine */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
  }

  /** Passes calls on to a pack as soon as it says its port, the first line of its output; the rest goes to `rest`. */
  attach(stdout: Readable, rest: (line: string) => void): void {
    createInterface({ input: stdout }).on("line", (line) => {
      if (this.pack || !/^\d+$/.test(line)) return rest(`${line}\n`);
      this.pack = new grpc.Client(`127.0.0.1:${line}`, grpc.credentials.createInsecure(), ANY_SIZE);
      void this.tellStack(this.pack).then(this.resolveAttached, this.rejectAttached);
    });
  }

  /** Every call that still waits for the pack fails with this. */
  close(reason: Error): void {
    this.resolveConfigured(undefined);
    this.rejectAttached(reason);
    this.pack?.close();
    // The engine gets time to receive the answer.
    this.server.tryShutdown(() => undefined);
    setTimeout(() => this.server.forceShutdown(), 1000).unref();
  }

  /** A pack takes its stack's tags from this call; an older one does not know it. */
  private async tellStack(pack: grpc.Client): Promise<grpc.Client> {
    const stack = await this.configured;
    if (!stack) return pack;
    await unary(pack, "configureStack", Buffer.from(stack.serializeBinary())).catch(
      (error: grpc.ServiceError) => {
        if (error.code !== grpc.status.UNIMPLEMENTED) throw error;
      },
    );
    return pack;
  }

  private pass(method: string): grpc.handleUnaryCall<Buffer, Buffer> {
    return ({ request }, callback) => {
      this.resolveConfigured(undefined);
      this.attached
        .then((pack) => unary(pack, method, request))
        .then(
          (response) => callback(null, response),
          (error: grpc.ServiceError) => callback(error),
        );
    };
  }
}

const same = (bytes: Buffer): Buffer => bytes;

/** The analyzer's methods with messages left as they are. */
function rawService(): grpc.ServiceDefinition {
  return Object.fromEntries(
    Object.entries(AnalyzerService).map(([name, { path, requestStream, responseStream }]) => [
      name,
      {
        path,
        requestStream,
        responseStream,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    ]),
  );
}

function answer(message: { serializeBinary(): Uint8Array }): grpc.handleUnaryCall<Buffer, Buffer> {
  return (_, callback) => callback(null, Buffer.from(message.serializeBinary()));
}

function unary(pack: grpc.Client, method: string, request: Buffer): Promise<Buffer> {
  const path = (AnalyzerService as unknown as Record<string, { path: string }>)[method]?.path ?? method;
  return new Promise((resolve, reject) =>
    pack.makeUnaryRequest(path, same, same, request, (error, response) =>
      error ? reject(error) : resolve(response ?? Buffer.alloc(0)),
    ),
  );
}
