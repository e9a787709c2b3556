import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "../../jobs/testing/postgres";
import { versitygw } from "../../jobs/testing/versitygw";
import { certify } from "./certificate";
import { addressForContainers, type Engine } from "./engine";

/** An S3 server with TLS that containers reach, and nobody outside this machine: versitygw on a directory. */
export interface ContainersS3 {
  endpoint: string;
  /** PEM file of the authority that vouches for it. */
  authority: string;
  accessKeyId: string;
  secretAccessKey: string;
  bucket: string;
  /** Not reachable until `start`. */
  halt(): Promise<void>;
  start(): Promise<void>;
  /** What is in the bucket. */
  files(): string[];
  stop(): Promise<void>;
}

/** On the address that this machine has in the engine's default network. */
export async function startContainersS3({ docker }: Engine): Promise<ContainersS3> {
  const address = await addressForContainers(docker);
  const directory = mkdtempSync(path.join(tmpdir(), "containers-s3-"));
  const at = (name: string) => path.join(directory, name);
  const bucket = "copies";
  mkdirSync(path.join(at("data"), bucket), { recursive: true });
  certify(address, { certificate: at("s3.crt"), privateKey: at("s3.key") });
  const port = await freePort(address);
  const keys = { accessKeyId: "test", secretAccessKey: randomBytes(12).toString("hex") };
  const endpoint = `https://${address}:${port}`;
  const listening = [
    "--port",
    `${address}:${port}`,
    "--cert",
    at("s3.crt"),
    "--key",
    at("s3.key"),
    "--quiet",
  ];
  const { start, halt } = await versitygw([...listening, "posix", at("data")], keys, () =>
    answers(endpoint, at("s3.crt")),
  );
  await start();
  return {
    ...{ endpoint, authority: at("s3.crt"), bucket, ...keys, halt, start },
    files: () => readdirSync(path.join(at("data"), bucket), { recursive: true, encoding: "utf8" }),
    stop: async () => {
      await halt();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function answers(url: string, authority: string): Promise<boolean> {
  return new Promise((resolve) => {
    request(url, { ca: readFileSync(authority) }, (response) => resolve(response.resume() !== undefined))
      .on("error", () => resolve(false))
      .end();
  });
}
