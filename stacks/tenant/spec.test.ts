import { describe, expect, it } from "vitest";
import { SpecError } from "../config";
import { parseTenant } from "./spec";

const good = () => ({
  displayName: "Ministry of Health, Exampleland",
  contacts: { operations: "ops@moh.example.org", billing: "finance@moh.example.org" },
  target: { aws: { region: "eu-west-1" } },
  servers: [{ name: "hmis", dhis2: "42.5.2", size: "medium", hostname: "hmis.moh.example.org" }],
  backups: {
    copies: [
      { region: "eu-central-1" },
      { onPremises: { host: "ssh://backup@office.example.org", path: "/srv/dhis2" } },
    ],
  },
});

/** A spec in the making: tests put wrong things into it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Draft = any;

/** The problems of the good spec with `change` made to it. */
function problemsOf(change: (spec: Draft) => void): string[] {
  const spec = good();
  change(spec);
  try {
    parseTenant(spec);
  } catch (error) {
    expect(error).toBeInstanceOf(SpecError);
    return (error as SpecError).problems;
  }
  return [];
}

describe("parseTenant", () => {
  it("takes a good spec and fills in the safe defaults of an import", () => {
    const spec: Draft = good();
    spec.servers[0].import = { dump: "s3://dumps/hmis.sql.gz", sha256: "a".repeat(64) };
    expect(parseTenant(spec).servers[0]?.import).toMatchObject({ sanitise: false, reimport: false });
  });

  it.each<[string, (spec: Draft) => void, string[]]>([
    [
      "an unknown key",
      (s) => (s.servers[0].sizes = "small"),
      ["servers[0].sizes: is not a key here; allowed: name, dhis2, size, hostname, import, retire"],
    ],
    [
      "a plan in the spec",
      (s) => (s.plan = "enterprise"),
      ["plan: is not a key here; allowed: displayName, contacts, target, servers, backups"],
    ],
    [
      "a size that is none",
      (s) => (s.servers[0].size = "huge"),
      ['servers[0].size: "huge"; allowed: small, medium, large'],
    ],
    [
      "an unsupported DHIS2 version",
      (s) => (s.servers[0].dhis2 = "2.38.1"),
      ['servers[0].dhis2: "2.38.1"; not a supported DHIS2 version; allowed: majors 41, 42, 43'],
    ],
    [
      "a version that moves",
      (s) => (s.servers[0].dhis2 = "42"),
      ['servers[0].dhis2: "42"; allowed: a full version such as 42.5.2'],
    ],
    ["no contacts", (s) => delete s.contacts, ["contacts: is missing; allowed: a mapping of keys"]],
    ["no server", (s) => (s.servers = []), ["servers: []; allowed: one server or more, as the plan grants"]],
    [
      "two servers with one hostname",
      (s) => s.servers.push({ ...s.servers[0], name: "other" }),
      [
        'servers[1].hostname: "hmis.moh.example.org"; is already servers[0]\'s; allowed: a hostname of its own',
      ],
    ],
    [
      "two servers with one name",
      (s) => s.servers.push({ ...s.servers[0], hostname: "b.example.org" }),
      ['servers[1].name: "hmis"; is already servers[0]\'s; allowed: a name of its own'],
    ],
    [
      "no copy outside the cloud",
      (s) => s.backups.copies.pop(),
      ["backups.copies: no copy outside the cloud; add { onPremises: { host: …, path: … } }"],
    ],
    [
      "no copy in the cloud",
      (s) => s.backups.copies.shift(),
      ["backups.copies: no copy in the cloud; add { region: … } with a region other than the servers' own"],
    ],
    [
      "a second region that is the first",
      (s) => (s.backups.copies[0].region = "eu-west-1"),
      ['backups.copies[0].region: "eu-west-1"; is the region the servers run in; allowed: another region'],
    ],
    [
      "a copy of neither kind",
      (s) => (s.backups.copies[0] = { tape: "LTO" }),
      ["backups.copies[0]: { tape }; allowed: { region: … } or { onPremises: { host: …, path: … } }"],
    ],
    [
      "a wrong value deep in one kind of copy",
      (s) => (s.backups.copies[1].onPremises.path = "srv"),
      ['backups.copies[1].onPremises.path: "srv"; allowed: an absolute path'],
    ],
    [
      "a target we do not have",
      (s) => (s.target = { azure: {} }),
      ["target.aws: is missing; allowed: a mapping of keys", "target.azure: is not a key here; allowed: aws"],
    ],
    [
      "nothing at all",
      (s) => {
        for (const key of Object.keys(s)) s[key] = undefined;
      },
      [
        "displayName: is missing; allowed: a string",
        "contacts: is missing; allowed: a mapping of keys",
        "target: is missing; allowed: a mapping of keys",
        "servers: is missing; allowed: a list",
        "backups: is missing; allowed: a mapping of keys",
      ],
    ],
  ])("refuses %s", (_, change, expected) => {
    expect(problemsOf(change).sort()).toEqual([...expected].sort());
  });

  it("never shows a secret in a problem", () => {
    const problems = problemsOf(
      (s) => (s.servers[0].import = { dump: "a.sql", sha256: "a".repeat(64), encryptionPassword: "hunter2" }),
    );
    expect(problems).toEqual([
      "servers[0].import.encryptionPassword: [secret]; allowed: 24 characters or more, as DHIS2 asks",
    ]);
  });

  it("reports every problem at once", () => {
    const problems = problemsOf((s) => {
      s.displayName = "";
      s.contacts.billing = "nobody";
      s.servers[0].hostname = "HMIS";
      s.backups.copies = [];
    });
    expect(problems.map((problem) => problem.split(":")[0])).toEqual(
      expect.arrayContaining(["displayName", "contacts.billing", "servers[0].hostname"]),
    );
  });

  it.each([undefined, null, "text", 7, []])("refuses %j with a sentence", (input) => {
    expect(() => parseTenant(input)).toThrow(/^dhistance:tenant: .*allowed: a mapping of keys/);
  });
});
