import { describe, expect, it } from "vitest";
import { takenName, type ZoneRecord } from "./claim";

const HMIS = "hmis.moh.example.org";
const record = (name: string, type: string, ...values: string[]): ZoneRecord => ({ name, type, values });
const claim = (tenant: string, hostname = HMIS) =>
  record(`_dhistance.${hostname}.`, "TXT", `"tenant=${tenant}"`);
const address = record(`${HMIS}.`, "A");

const TAKEN = "is in use by another tenant";

describe("a tenant's host name", () => {
  it("is not given to another tenant", () => {
    const records = [claim("moh"), address];
    expect(takenName(HMIS, "other", { records })).toContain(TAKEN);
    expect(takenName(HMIS, "mo", { records })).toContain(TAKEN);
    expect(takenName(HMIS, "other", { records: [claim("moh", HMIS.toUpperCase())] })).toContain(TAKEN);
    expect(takenName(HMIS, "other", { records: [address], rules: ["moh"] })).toContain(TAKEN);
    expect(takenName(HMIS, "other", { records: [], rules: [undefined] })).toContain(TAKEN);
  });

  it("stays its own, also where it was made before there were claims", () => {
    expect(takenName(HMIS, "moh", { records: [claim("moh"), address], rules: ["moh"] })).toBeUndefined();
    expect(takenName(HMIS, "moh", { records: [address], rules: ["moh"] })).toBeUndefined();
    // A first run that was interrupted has made the claim, and no rule yet.
    expect(takenName(HMIS, "moh", { records: [claim("moh"), address], rules: [] })).toBeUndefined();
  });

  it("is free where only other names are in use", () => {
    const records = [claim("moh", "a.moh.example.org"), record("a.moh.example.org.", "A")];
    expect(takenName(HMIS, "other", { records, rules: [] })).toBeUndefined();
    expect(takenName(HMIS, "other", { records: [], rules: [] })).toBeUndefined();
  });

  it("is not a name that the zone has for something else", () => {
    expect(takenName(HMIS, "moh", { records: [record(`${HMIS}.`, "MX")], rules: [] })).toContain(
      "has a record of that name already",
    );
  });
});
