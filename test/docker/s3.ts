import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import {
  CreateBucketCommand,
  ListBucketsCommand,
  ListObjectVersionsCommand,
  paginateListObjectsV2,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { freePort } from "../../jobs/testing/postgres";
import { ensureTool } from "../../jobs/testing/tools";
import { versitygw } from "../../jobs/testing/versitygw";
import { certify } from "./certificate";
import { addressForContainers, type Engine } from "./engine";

/** An S3 server with TLS that containers reach, and nobody outside this machine: versitygw on a directory. */
export interface ContainersS3 {
  endpoint: string;
  /** PEM file of the CA that issued its certificate. */
  authority: string;
  /** Of a user who may do in the bucket what its policy says, and nothing else. */
  accessKeyId: string;
  secretAccessKey: string;
  bucket: string;
  /** Not reachable until `start`. */
  halt(): Promise<void>;
  start(): Promise<void>;
  /** Whether the bucket's policy lets the user delete objects; never their versions. @default true */
  letDelete(allowed: boolean): Promise<void>;
  /** What is in the bucket. */
  files(): Promise<string[]>;
  /** Objects below a prefix that are there still, if as former versions only. */
  kept(prefix: string): Promise<string[]>;
  stop(): Promise<void>;
}

/** On the address that this machine has in the engine's default network. */
export async function startContainersS3({ docker }: Engine): Promise<ContainersS3> {
  const address = await addressForContainers(docker);
  const directory = mkdtempSync(path.join(tmpdir(), "containers-s3-"));
  const at = (name: string) => path.join(directory, name);
  for (const folder of ["data", "versions", "accounts"]) mkdirSync(at(folder));
  certify(address, { certificate: at("s3.crt"), privateKey: at("s3.key") });
  const port = await freePort(address);
  const endpoint = `https://${address}:${port}`;
  const [administrator, user] = [keysOf("administrator"), keysOf("test")];
  const client = new S3Client({
    ...{ endpoint, forcePathStyle: true, region: "us-east-1", credentials: administrator },
    requestHandler: { httpsAgent: new Agent({ ca: readFileSync(at("s3.crt")) }) },
  });
  const listening = [
    "--port",
    `${address}:${port}`,
    "--cert",
    at("s3.crt"),
    "--key",
    at("s3.key"),
    "--quiet",
  ];
  const where = ["--iam-dir", at("accounts"), "posix", "--versioning-dir", at("versions"), at("data")];
  const { start, halt } = await versitygw([...listening, ...where], administrator, () =>
    client.send(new ListBucketsCommand({})).then(
      () => true,
      () => false,
    ),
  );
  await start();

  const bucket = "copies";
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  await client.send(
    new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } }),
  );
  await promisify(execFile)(
    await ensureTool("versitygw"),
    [
      ...["admin", "--allow-insecure", "--endpoint-url", endpoint, "create-user"],
      ...["--access", user.accessKeyId, "--secret", user.secretAccessKey, "--role", "user"],
    ],
    {
      env: {
        ADMIN_ACCESS_KEY_ID: administrator.accessKeyId,
        ADMIN_SECRET_ACCESS_KEY: administrator.secretAccessKey,
      },
    },
  );
  const letDelete = async (allowed: boolean) => {
    const objects = `arn:aws:s3:::${bucket}/*`;
    const statement = (Effect: string, Action: string[], Resource: string[]) => ({
      ...{ Effect, Action, Resource, Principal: { AWS: [user.accessKeyId] } },
    });
    const never = ["s3:DeleteObjectVersion", ...(allowed ? [] : ["s3:DeleteObject"])];
    const Statement = [
      statement("Allow", ["s3:*"], [`arn:aws:s3:::${bucket}`, objects]),
      statement("Deny", never, [objects]),
    ];
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
    await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
  };
  await letDelete(true);
  return {
    ...{ endpoint, authority: at("s3.crt"), bucket, ...user, halt, start, letDelete },
    files: async () => {
      const keys: string[] = [];
      for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: bucket }))
        keys.push(...Contents.map(({ Key = "" }) => Key));
      return keys;
    },
    kept: async (Prefix) => {
      const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix }));
      return Versions.map(({ Key = "" }) => Key);
    },
    stop: async () => {
      await halt();
      client.destroy();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function keysOf(accessKeyId: string) {
  return { accessKeyId, secretAccessKey: randomBytes(12).toString("hex") };
}
