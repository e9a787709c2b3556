/** A throwaway S3 server for tests, with versions and object lock: versitygw on a directory. */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectLockConfigurationCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { freePort } from "./postgres";
import { versitygw } from "./versitygw";

export interface TestS3 {
  /** Place of a bucket's folder, as restic takes it. */
  location(bucket: string, folder: string): string;
  /** File of credentials, as the AWS command line has it. */
  credentialsFile: string;
  keys: { accessKeyId: string; secretAccessKey: string };
  client: S3Client;
  /** A bucket with versions, whose objects stay as written for a day. */
  createLockedBucket(name: string): Promise<void>;
  /** Deletes all in a folder; the bucket keeps the versions. */
  hide(bucket: string, folder: string): Promise<void>;
  /** Not reachable until `start`. */
  halt(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export async function startS3(): Promise<TestS3> {
  const directory = await mkdtemp(join(tmpdir(), "dhistance-s3-"));
  const at = (name: string) => join(directory, name);
  await Promise.all(["data", "versions"].map((name) => mkdir(at(name))));
  const port = await freePort();
  const keys = { accessKeyId: "test", secretAccessKey: randomBytes(12).toString("hex") };
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new S3Client({ endpoint, forcePathStyle: true, region: "us-east-1", credentials: keys });
  await writeFile(
    at("credentials"),
    `[default]\naws_access_key_id = ${keys.accessKeyId}\naws_secret_access_key = ${keys.secretAccessKey}\n`,
  );
  const answers = () =>
    client.send(new ListBucketsCommand({})).then(
      () => true,
      () => false,
    );
  const listening = ["--port", `127.0.0.1:${port}`, "--quiet"];
  const directories = ["posix", "--versioning-dir", at("versions"), at("data")];
  const { start, halt } = await versitygw([...listening, ...directories], keys, answers);
  await start();
  return {
    location: (bucket, folder) => `s3:${endpoint}/${bucket}/${folder}`,
    credentialsFile: at("credentials"),
    ...{ keys, client, halt, start },
    createLockedBucket: async (name) => {
      await client.send(new CreateBucketCommand({ Bucket: name, ObjectLockEnabledForBucket: true }));
      await client.send(
        new PutObjectLockConfigurationCommand({
          Bucket: name,
          ObjectLockConfiguration: {
            ObjectLockEnabled: "Enabled",
            Rule: { DefaultRetention: { Mode: "GOVERNANCE", Days: 1 } },
          },
        }),
      );
    },
    hide: async (Bucket, Prefix) => {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket, Prefix }));
      for (const { Key } of Contents) await client.send(new DeleteObjectCommand({ Bucket, Key }));
    },
    stop: async () => {
      await halt();
      client.destroy();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
