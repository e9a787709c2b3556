import fc from "fast-check";
import { expect, it } from "vitest";
import { missingInPassword } from "../../jobs/secure-admin/defaultPassword";
import { adminPassword, importedAccounts } from "./adminPassword";
import type { DataManagementServerArgs, InitialData } from "./contract";

const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"];

it("no administrator's password is refused by DHIS2, whatever the random text is", () => {
  const random = fc.array(fc.constantFrom(...LETTERS), { minLength: 24, maxLength: 24 });
  fc.assert(fc.property(random, (all) => missingInPassword(adminPassword(all.join(""))) === undefined));
  for (const word of ["user", "admin", "system", "password", "login", "manager", "administrator"])
    for (let at = 0; at + word.length <= 24; at++)
      expect(
        missingInPassword(adminPassword("x".repeat(at) + word + "x".repeat(24 - at - word.length))),
      ).toBeUndefined();
});

it("no two random texts make the same password", () => {
  expect(adminPassword("abcdefgh")).toBe("abc-def-gh-Aa1");
  const text = fc.array(fc.constantFrom(...LETTERS)).map((all) => all.join(""));
  fc.assert(fc.property(text, (random) => adminPassword(random).replaceAll("-", "") === `${random}Aa1`));
});

it("the accounts are looked at again whenever an import is run again", () => {
  const of = (data?: Partial<InitialData>) =>
    importedAccounts({
      ...(data && { import: { sha256: "a", dump: "hmis.sql", ...data } }),
    } as DataManagementServerArgs);
  const seen = [{}, { sha256: "b" }, { dump: "other.sql" }, { sanitise: true }].map((data) => of(data));
  expect(new Set([of(), ...seen].map((record) => JSON.stringify(record)))).toHaveProperty("size", 5);
  expect(of({ sanitise: false })).toEqual(of({}));
});
