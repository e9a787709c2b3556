import { generateKeyPairSync } from "node:crypto";
import { expect, it } from "vitest";
import { refuseOverdue } from "./drill";
import {
  claimed,
  openManifest,
  publicKey,
  receiptOf,
  receiptTag,
  sign,
  signingKey,
  type Manifest,
} from "./manifest";
import { monthOf, nextRepositoryName, s3Address } from "./location";
import { isOver } from "./replicate";
import { environment } from "./restic";
import { differences } from "./tables";
import { credentialProcess } from "./vault";

const { publicKey: key, privateKey } = generateKeyPairSync("ed25519");
const other = generateKeyPairSync("ed25519");
const manifest: Manifest = {
  ...{ dhistance: 1, server: "hmis", at: "2026-11-25T03:00:00.000Z", database: "dhis2", postgresql: "17.6" },
  ...{ dhis2: "2.42", extensions: ["postgis"], tables: { "public.a": 2, "public.b": 3 } },
  ...{ dump: { files: 3, bytes: 100 }, settings: {} },
};

const snapshot = (id: string, tree: string, tags: string[]) => ({
  id,
  tree,
  tags,
  time: manifest.at,
  hostname: "hmis",
});

it("a manifest is believed for its signature alone", async () => {
  const jws = await sign(manifest, privateKey);
  expect(await openManifest(jws, key)).toEqual(manifest);
  await expect(openManifest(jws, other.publicKey)).rejects.toThrow(/not signed by this key/);
  const [header, , signature] = jws.split(".");
  const changed = Buffer.from(JSON.stringify({ ...manifest, tables: {} })).toString("base64url");
  await expect(openManifest(`${header}.${changed}.${signature}`, key)).rejects.toThrow(
    /not signed by this key/,
  );
});

it("a snapshot counts only with a receipt for what is in it", async () => {
  const receipt = receiptTag(await sign(receiptOf(manifest, "tree-1"), privateKey));
  const snapshots = [
    snapshot("1", "tree-1", ["export"]),
    snapshot("2", "tree-2", ["export"]),
    snapshot("3", "tree-3", [receipt]),
  ];
  expect((await claimed(snapshots, key)).map((copy) => copy.snapshot.id)).toEqual(["1"]);
  expect((await claimed(snapshots, undefined)).map((copy) => copy.receipt.rows)).toEqual([5]);
  expect(await claimed(snapshots, other.publicKey)).toEqual([]);
});

it("keys of another kind are refused, without showing them", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const pem = rsa.export({ type: "pkcs8", format: "pem" }).toString();
  expect(() => signingKey(pem, "--signing-key")).toThrow(
    /^--signing-key is not an Ed25519 key in PEM; make one with: openssl/,
  );
  expect(() => publicKey("nonsense", "--public-key")).toThrow(/^--public-key is not an Ed25519 key/);
});

it("differences are reported table by table", () => {
  expect(differences({ a: 1, b: 2000, c: 3 }, { a: 1, b: 1999, d: 4 })).toEqual([
    "b has 1,999 rows, not 2,000",
    "c is missing",
  ]);
});

it("a month is over when its last day is longer ago than the retention", () => {
  expect(monthOf(new Date("2026-12-31T23:59:59Z"))).toBe("2026-12");
  expect(nextRepositoryName(nextRepositoryName("2026-12"))).toBe("2026-12.3");
  expect(isOver("2026-10", new Date("2026-11-30T23:00:00Z"), 30)).toBe(false);
  expect(isOver("2026-10.2", new Date("2026-12-01T01:00:00Z"), 30)).toBe(true);
});

it("a promise is kept or not, and a clock that is wrong keeps none", () => {
  const now = new Date("2026-11-25T12:00:00Z");
  const check = (at: string | undefined) => () => refuseOverdue("The backup", at, 26 * 3600, now);
  expect(check("2026-11-24T11:00:00Z")).not.toThrow();
  expect(check("2026-11-24T09:00:00Z")).toThrow(/is 27 hours old .*; 26 hours is promised/);
  expect(check("2026-11-26T12:00:00Z")).toThrow(/24 hours from now: the clock here or there is wrong/);
  expect(check(undefined)).toThrow(/missing; one every 26 hours/);
});

it("a place in S3 in its parts; restic's environment without the passwords of jobs", () => {
  const location = "s3:https://s3.eu-west-1.amazonaws.com/bucket/hmis";
  expect(s3Address(location)).toEqual({
    endpoint: "https://s3.eu-west-1.amazonaws.com",
    bucket: "bucket",
    prefix: "hmis/",
  });
  expect(() => s3Address("s3:bucket")).toThrow(/"s3:bucket" is not a location in S3; such as/);
  const env = { PATH: "/bin", AWS_REGION: "eu-west-1", PGPASSWORD: "x", RESTIC_PASSWORD: "y", OTHER: "z" };
  expect(environment(env)).toEqual({ PATH: "/bin", AWS_REGION: "eu-west-1" });
});

it("credentials of Roles Anywhere are asked for by a process", () => {
  const access = {
    certificate: "/c.pem",
    privateKey: "/k.pem",
    trustAnchorArn: "arn:a",
    profileArn: "arn:p",
    roleArn: "arn:r",
  };
  expect(credentialProcess({ helper: "aws_signing_helper", ...access })).toBe(
    "[default]\ncredential_process = aws_signing_helper credential-process --certificate /c.pem --private-key /k.pem" +
      " --trust-anchor-arn arn:a --profile-arn arn:p --role-arn arn:r\n",
  );
});
