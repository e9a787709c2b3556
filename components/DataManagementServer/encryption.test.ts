import { describe, expect, it } from "vitest";
import { fingerprint, NONE_IMPORTED, refuseNewEncryption, type Encrypted } from "./encryption";

it("tells two passwords apart by too little to guess one", () => {
  expect(fingerprint("a".repeat(24))).toMatch(/^[0-9a-f]{8}$/);
  expect(fingerprint("a".repeat(24))).toBe(fingerprint("a".repeat(24)));
  expect(fingerprint("a".repeat(24))).not.toBe(fingerprint("b".repeat(24)));
});

describe("an encryption.password", () => {
  const [NONE, A, B] = [NONE_IMPORTED, "a".repeat(64), "b".repeat(64)];
  const at = (data: string, encryption: string) => ({ data, encryption });
  const refused = (before: Partial<Encrypted>, now: Partial<Encrypted>, reimport = false) =>
    refuseNewEncryption("hmis", before, now, reimport);

  it("stays when nothing but the import block changes", () => {
    expect(refused(at(A, "1"), at(A, "1"))).toBeUndefined();
    expect(refused(at(A, "1"), at(NONE, "1"))).toBeUndefined();
    expect(refused(at(NONE, "1"), at(A, "1"))).toBeUndefined();
  });

  it("does not change while the data stay, whatever is taken out of the import", () => {
    for (const reimport of [false, true]) {
      expect(refused(at(A, "1"), at(A, "2"), reimport)).toMatch(
        /"hmis" would get another encryption\.password.*Put the previous import\.encryptionPassword back\.$/,
      );
      expect(refused(at(A, "1"), at(NONE, "2"), reimport)).toMatch(
        new RegExp(`Put import back as it was \\(sha256 ${A}.*it is not run again\\.$`),
      );
    }
  });

  it("does not change for an import that is put in beside data that stay", () => {
    expect(refused(at(NONE, "1"), at(A, "2"))).toMatch(
      /Take import\.encryptionPassword out, or set reimport: true to replace the data with this dump/,
    );
    expect(refused(at(A, "1"), at(B, "2"))).toMatch(/set reimport: true/);
  });

  it("changes with the data that a reimport replaces", () => {
    expect(refused(at(A, "1"), at(B, "2"), true)).toBeUndefined();
    expect(refused(at(NONE, "1"), at(A, "2"), true)).toBeUndefined();
  });

  it("counts as another one while it is not known yet", () => {
    expect(refused(at(A, "1"), { data: NONE })).toMatch(/Put import back/);
  });
});
