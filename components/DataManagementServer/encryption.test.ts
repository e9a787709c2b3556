import { expect, it } from "vitest";
import { fingerprint, refuseNewEncryption } from "./encryption";

it("tells two passwords apart by too little to guess one", () => {
  expect(fingerprint("a".repeat(24))).toMatch(/^[0-9a-f]{8}$/);
  expect(fingerprint("a".repeat(24))).toBe(fingerprint("a".repeat(24)));
  expect(fingerprint("a".repeat(24))).not.toBe(fingerprint("b".repeat(24)));
});

it("keeps the password for as long as the data", () => {
  const before = { data: "1", encryption: "aaaaaaaa" };
  expect(refuseNewEncryption("hmis", before, before)).toBeUndefined();
  expect(refuseNewEncryption("hmis", before, { data: "2", encryption: "bbbbbbbb" })).toBeUndefined();
  expect(refuseNewEncryption("hmis", before, { data: "1", encryption: "bbbbbbbb" })).toMatch(
    /"hmis" would get another encryption\.password.*Put the former import\.encryptionPassword back/,
  );
});
