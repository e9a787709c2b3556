import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { OnPremisesHost } from "./contract";
import { MAY_GO, nameOf, refuseLosingPasswords, refuseUnknownOwner, standingsOf } from "./onPremises";

const entry = (host: string, more: Partial<OnPremisesHost> = {}) =>
  ({ host, path: "/srv/dhis2", ...more }) as OnPremisesHost;

describe("the name of an on-premises backup", () => {
  it("is the machine's, whoever logs in there", () => {
    expect(nameOf({ host: "ssh://backup@office.moh.example.org" })).toMatch(/^office-[0-9a-f]{6}$/);
    for (const same of [
      "ssh://root@office.moh.example.org",
      "ssh://office.moh.example.org:22",
      "ssh://OFFICE.moh.example.org",
    ])
      expect(nameOf({ host: same })).toBe(nameOf({ host: "ssh://backup@office.moh.example.org" }));
    // Two machines behind one address.
    expect(nameOf({ host: "ssh://gate.example.org:2201" })).not.toBe(
      nameOf({ host: "ssh://gate.example.org:2202" }),
    );
    expect(nameOf({ host: "ssh://backup@192.0.2.10" })).toMatch(/^192-0-2-10-[0-9a-f]{6}$/);
    expect(nameOf({ host: "unix:///var/run/docker.sock" })).toMatch(/^host-[0-9a-f]{6}$/);
  });

  it("is the one that was given, whatever the address", () => {
    expect(nameOf({ host: "ssh://backup@192.0.2.10", name: "office" })).toBe("office");
  });

  it("fits, with the longest tenant's name, into an IAM role's", () => {
    const longest = nameOf({ host: `ssh://backup@${"o".repeat(63)}.moh.example.org` });
    expect(`${"t".repeat(24)}-vault-agent-${longest}-1234567`.length).toBeLessThanOrEqual(64);
  });
});

const machines = fc.uniqueArray(fc.constantFrom(..."abcdefgh"), { minLength: 1, maxLength: 6 });
const hostOf = (machine: string) => `ssh://backup@${machine}.example.org`;

describe("any change of the list of on-premises hosts", () => {
  it("leaves every host that stays its name, and so its agent and password", () => {
    fc.assert(
      fc.property(machines, machines, (before, after) => {
        const named = (list: string[]) => new Map(list.map((each) => [each, nameOf({ host: hostOf(each) })]));
        const [was, is] = [named(before), named(after)];
        for (const each of after.filter((name) => was.has(name))) expect(is.get(each)).toBe(was.get(each));
        expect(new Set(is.values()).size).toBe(after.length);
      }),
    );
  });

  it("is refused exactly when a password would go that was not given up before", () => {
    fc.assert(
      fc.property(machines, machines, fc.func(fc.boolean()), (before, after, retires) => {
        const list = (names: string[]) => names.map((each) => entry(hostOf(each), { retire: retires(each) }));
        const lost = before.filter((each) => !after.includes(each) && !retires(each));
        const refusal = refuseLosingPasswords(
          standingsOf(list(before), true),
          standingsOf(list(after), true),
        );
        if (lost.length === 0) expect(refusal).toBeUndefined();
        else expect(lost.map((each) => refusal?.includes(hostOf(each)))).toContain(true);
      }),
    );
  });

  it("is free where no data are kept for good, as on trial", () => {
    const standings = standingsOf([entry(hostOf("a"))], false);
    expect(Object.values(standings)).toEqual([MAY_GO]);
    expect(refuseLosingPasswords(standings, {})).toBeUndefined();
  });
});

it("passwords that were named by position are taken over only by the hosts that had them", () => {
  fc.assert(
    fc.property(machines, machines, (before, after) => {
      const places = before.map((each) => `${hostOf(each)}:/srv/dhis2`);
      const same = before.every((each, index) => after[index] === each);
      const refusal = refuseUnknownOwner(
        places,
        after.map((each) => entry(hostOf(each))),
      );
      expect(refusal === undefined).toBe(same);
    }),
  );
});
