import { describe, expect, it } from "vitest";
import { SpecError } from "../config";
import { parseEncoding } from "../../jobs/import/cli/options";
import { ENCODINGS, parseTenant, warningsOf } from "./spec";

const good = () => ({
  displayName: "Ministry of Health, Exampleland",
  contacts: { operations: "ops@moh.example.org", billing: "finance@moh.example.org" },
  target: { aws: { region: "eu-west-1" } },
  servers: [{ name: "hmis", dhis2: "42.5.2", size: "medium", hostname: "hmis.moh.example.org" }],
  backups: {
    locations: [
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

/** What a tenant on Docker has otherwise. */
const onDocker = { target: { docker: {} }, backups: { locations: [] } };

it("warns of a version with security advisories", () => {
  const spec: Draft = good();
  spec.servers[0].dhis2 = "43.0.0";
  expect(warningsOf(parseTenant(spec))).toEqual(
    ["GHSA-pwmg-mvjw-4m23", "GHSA-6785-hj47-c27h", "GHSA-3fr2-wvqx-cmr5"].map((advisory) =>
      expect.stringMatching(
        new RegExp(`^servers\\[0\\]\\.dhis2: .*${advisory}.* fixed in 43\\.0\\.1; use 43\\.1\\.0`),
      ),
    ),
  );
  expect(warningsOf(parseTenant(good()))).toEqual([]);
});

const office = { host: "ssh://backup@office.example.org", path: "/srv/dhis2" };

it("keeps data in the country: one region of AWS and a host there are enough, and another region is refused", () => {
  const inCountry = (spec: Draft) => {
    spec.residency = ["ZA"];
    spec.target.aws.region = "af-south-1";
    spec.backups.locations = [{ onPremises: { ...office, country: "ZA" } }];
  };
  expect(problemsOf(inCountry)).toEqual([]);
  expect(
    problemsOf((spec) => {
      inCountry(spec);
      spec.backups.locations.push({ region: "eu-central-1" }, { onPremises: { ...office, name: "second" } });
    }),
  ).toEqual([
    'backups.locations[1].region: "eu-central-1"; is in DE, outside the residency; allowed: ZA',
    "backups.locations[2].onPremises.country: is missing; residency asks in which country this is, such as country: ZA",
  ]);
  expect(
    problemsOf((spec) => {
      inCountry(spec);
      spec.residency = ["ZA", "eu-west-1"];
    }),
  ).toEqual([expect.stringMatching(/^backups\.locations: .*no backup in another region/)]);
  expect(problemsOf((spec) => (spec.residency = ["Exampleland"]))).toEqual([
    expect.stringMatching(/^residency\[0\]: "Exampleland"; allowed: a country's two letters/),
  ]);
});

it("asks where a Docker host and its S3 bucket are, if there is a residency", () => {
  const s3 = { endpoint: "https://s3.example.org", bucket: "moh", accessKeyId: "k", secretAccessKey: "s" };
  const onHost = (host: object, bucket: object) => (spec: Draft) =>
    Object.assign(spec, {
      residency: ["TZ"],
      target: { docker: host },
      backups: { locations: [{ disk: {} }, { s3: { ...s3, ...bucket } }] },
    });
  expect(problemsOf(onHost({ country: "TZ" }, { country: "TZ" }))).toEqual([]);
  expect(problemsOf(onHost({}, { country: "KE" })).sort()).toEqual([
    'backups.locations[1].s3.country: "KE"; outside the residency; allowed: TZ',
    "target.docker.country: is missing; residency asks in which country this is, such as country: ZA",
  ]);
});

it("refuses a time zone that does not exist, of the tenant or a server", () => {
  const problems = problemsOf((spec) => {
    spec.timeZone = "Africa/Maputo2";
    spec.servers[0].timeZone = "Dar es Salaam";
  });
  expect(problems.sort()).toEqual([
    'servers[0].timeZone: "Dar es Salaam"; allowed: a time zone such as Africa/Dar_es_Salaam',
    'timeZone: "Africa/Maputo2"; allowed: a time zone such as Africa/Maputo',
  ]);
});

describe("settings of a server", () => {
  const problemsWith = (settings: unknown, dhis2 = "42.5.2") =>
    problemsOf((spec) => Object.assign(spec.servers[0], { settings, dhis2 }));

  it("may be keys of dhis.conf", () => {
    expect(problemsWith({ "system.session.timeout": 600, "changelog.aggregate": "off" })).toEqual([]);
  });
  it("are refused one by one, each with its key; the value of an unknown key could be a secret", () => {
    expect(
      problemsWith({
        "system.session.timeout": "1h",
        "server.https": false,
        "ldap.manager.passwords": "hidden",
      }),
    ).toEqual([
      'servers[0].settings["system.session.timeout"]: "1h"; allowed: a whole number, 0 or more',
      'servers[0].settings["server.https"]: not a setting of a tenant: it is made from hostname; remove it',
      'servers[0].settings["ldap.manager.passwords"]: DHIS2 42 has no such key in dhis.conf; the nearest is ldap.manager.password',
    ]);
  });
  it("are refused as a whole where something is missing", () => {
    expect(problemsWith({ "ldap.url": "ldaps://directory.example.org" })).toEqual([
      "servers[0].settings: the LDAP directory is incomplete; add ldap.manager.dn, ldap.manager.password",
    ]);
  });
  it("are judged again for another major", () => {
    expect(problemsWith({ "changelog.tracker": "off" }, "43.1.0")).toEqual([
      'servers[0].settings["changelog.tracker"]: DHIS2 43 does not have this key: it ended with 42; remove it',
    ]);
  });
  it("are nothing but texts, numbers, and on or off, in a mapping", () => {
    expect(problemsWith({ "ldap.url": ["a"] })).toEqual([
      'servers[0].settings["ldap.url"]: allowed: a text, a number, on or off',
    ]);
    expect(problemsWith(["ldap.url"])).toEqual(["servers[0].settings: allowed: a mapping of keys"]);
  });
});

describe("parseTenant", () => {
  it.each(["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.10", "100.64.0.9", "::1", "fd12::1"])(
    "takes the private address %s for the monitoring page",
    (address) => {
      const given = { ...onDocker, target: { docker: { monitoring: { address } } } };
      expect(parseTenant({ ...good(), ...given }).target).toMatchObject(given.target);
    },
  );
  it.each(["0.0.0.0", "::", "8.8.8.8", "172.32.0.1", "192.169.0.1", "2001:db8::1", "::ffff:8.8.8.8"])(
    "does not take %s",
    (address) => {
      const given = { ...onDocker, target: { docker: { monitoring: { address } } } };
      expect(() => parseTenant({ ...good(), ...given })).toThrow("the monitoring page must not be public");
    },
  );

  it("takes a Docker host for this machine's unless it is named", () => {
    const spec = parseTenant({ ...good(), ...onDocker });
    expect(spec.target).toEqual({
      docker: {
        host: "unix:///var/run/docker.sock",
        published: { address: "0.0.0.0", http: 80, https: 443 },
        monitoring: { address: "127.0.0.1", port: 9090 },
        certificates: { acme: {} },
        images: {},
      },
    });
  });

  it("takes a good spec and fills in the safe defaults of an import", () => {
    const spec: Draft = good();
    spec.servers[0].import = { dump: "s3://dumps/hmis.sql.gz", sha256: "a".repeat(64) };
    expect(parseTenant(spec).servers[0]?.import).toMatchObject({ sanitise: false, reimport: false });
  });

  it.each<[string, (spec: Draft) => void, string[]]>([
    [
      "an unknown key",
      (s) => (s.servers[0].sizes = "small"),
      [
        "servers[0].sizes: unknown key; allowed keys: name, dhis2, size, hostname, instances, import, timeZone, settings, retire",
      ],
    ],
    [
      "a plan in the spec",
      (s) => (s.plan = "enterprise"),
      [
        "plan: unknown key; allowed keys: displayName, contacts, timeZone, residency, target, servers, backups",
      ],
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
      "a version that does not exist, whose image nothing could pull",
      (s) => (s.servers[0].dhis2 = "42.99.99"),
      [
        'servers[0].dhis2: "42.99.99"; DHIS2 has no such release; allowed: a release of DHIS2 42, such as 42.5.2',
      ],
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
      ['servers[1].hostname: "hmis.moh.example.org"; already used by servers[0]; allowed: another hostname'],
    ],
    [
      "two servers with one name",
      (s) => s.servers.push({ ...s.servers[0], hostname: "b.example.org" }),
      ['servers[1].name: "hmis"; already used by servers[0]; allowed: another name'],
    ],
    [
      "a cluster of a size that has none",
      (s) => (s.servers[0].instances = 2),
      ["servers[0].instances: 2; only size large can have more than one instance; allowed: 1"],
    ],
    [
      "no on-premises backup",
      (s) => s.backups.locations.pop(),
      ["backups.locations: no backup on premises; add { onPremises: { host: …, path: … } }"],
    ],
    [
      "no backup in another region",
      (s) => s.backups.locations.shift(),
      [
        "backups.locations: no backup in another region; add { region: … } with a region other than the servers' own",
      ],
    ],
    [
      "a second region that is the first",
      (s) => (s.backups.locations[0].region = "eu-west-1"),
      ['backups.locations[0].region: "eu-west-1"; the servers run in this region; allowed: another region'],
    ],
    [
      "two locations in the same region",
      (s) => s.backups.locations.push({ region: s.backups.locations[0].region }),
      ['backups.locations[2].region: "eu-central-1"; same region as locations[0]; allowed: another region'],
    ],
    [
      "a region that does not exist",
      (s) => (s.backups.locations[0].region = "eu-west-9"),
      [
        'backups.locations[0].region: "eu-west-9"; there is no such region; allowed: an AWS region such as eu-west-1',
      ],
    ],
    [
      "a location of an unknown kind",
      (s) => (s.backups.locations[0] = { tape: "LTO" }),
      [
        "backups.locations[0]: { tape }; allowed: { region: … } or { onPremises: { host: …, path: … } } on AWS, " +
          "{ disk: {} } or { s3: { … } } on Docker",
      ],
    ],
    [
      "a wrong value deep in one kind of copy",
      (s) => (s.backups.locations[1].onPremises.path = "srv"),
      ['backups.locations[1].onPremises.path: "srv"; allowed: an absolute path'],
    ],
    [
      "an encoding that PostgreSQL does not have, and names that are not names",
      (s) =>
        (s.servers[0].import = {
          ...{ dump: "a.sql", sha256: "a".repeat(64), encoding: "UTF-7" },
          leaveOut: ["old view", "", "a\nb"],
        }),
      [
        `servers[0].import.encoding: "UTF-7"; allowed: ${ENCODINGS.join(", ")}`,
        ...["", "a\nb"].map(
          (name, index) =>
            `servers[0].import.leaveOut[${index + 1}]: ${JSON.stringify(name)}; allowed: the name of a table, view or ` +
            "function, as the refusal of the import says it",
        ),
      ],
    ],
    [
      "a target we do not have",
      (s) => (s.target = { azure: {} }),
      ["target: { azure }; allowed: { aws: { region: … } } or { docker: { host: … } }"],
    ],
    [
      "nothing at all",
      (s) => {
        for (const key of Object.keys(s)) s[key] = undefined;
      },
      [
        "displayName: is missing; allowed: a string",
        "contacts: is missing; allowed: a mapping of keys",
        "target: is missing; allowed: { aws: { region: … } } or { docker: { host: … } }",
        "servers: is missing; allowed: a list",
        "backups: is missing; allowed: a mapping of keys",
      ],
    ],
    [
      "a Docker host that is none",
      (s) => Object.assign(s, onDocker, { target: { docker: { host: "office" } } }),
      ['target.docker.host: "office"; allowed: unix:///path/to/socket or ssh://user@host'],
    ],
    [
      "an image that moves, and ports that are none",
      (s) => {
        Object.assign(s, onDocker);
        s.target = {
          docker: { published: { https: 70_000 }, images: { gateway: "caddy", dhis2: "dhis2/core:42" } },
        };
      },
      [
        "target.docker.published.https: 70000; allowed: 1 to 65535",
        'target.docker.images.gateway: "caddy"; allowed: an image with its tag or digest',
      ],
    ],
    [
      "a monitoring page that others would reach",
      (s) => {
        Object.assign(s, onDocker);
        s.target = { docker: { monitoring: { address: "0.0.0.0" } } };
      },
      [
        'target.docker.monitoring.address: "0.0.0.0"; the monitoring page must not be public; allowed: a private address: 127.0.0.1, or one of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, fc00::/7',
      ],
    ],
    [
      "a port that two things want",
      (s) => {
        Object.assign(s, onDocker);
        s.target = { docker: { monitoring: { port: 443 } } };
      },
      ["target.docker.monitoring.port: 443; already used by the servers; choose another port"],
    ],
    [
      "what a Docker host cannot do",
      (s) => {
        s.target = { docker: {} };
        s.servers[0].size = "large";
        s.servers[0].instances = 2;
        s.servers[0].import = { dump: "s3://dumps/a.sql", sha256: "a".repeat(64) };
      },
      [
        'servers[0].import.dump: "s3://dumps/a.sql"; an import on a Docker host cannot read from S3; allowed: a file\'s path',
        "servers[0].instances: 2; a server on Docker can have only one instance; allowed: 1",
        "backups.locations[0]: { region }; only for servers on AWS; allowed on Docker: { disk: {} } or { s3: { … } }",
        "backups.locations[1]: { onPremises }; only for servers on AWS; allowed on Docker: { disk: {} } or { s3: { … } }",
      ],
    ],
  ])("refuses %s", (_, change, expected) => {
    expect(problemsOf(change).sort()).toEqual([...expected].sort());
  });

  const s3 = {
    ...{ endpoint: "https://s3.example.org:9000", bucket: "copies" },
    ...{ accessKeyId: "id", secretAccessKey: "secret" },
  };

  it("takes backups on disk and in S3 for a tenant on Docker", () => {
    const locations = [{ disk: { path: "/mnt/copies" } }, { s3 }];
    const spec = parseTenant({ ...good(), ...onDocker, backups: { locations } });
    expect(spec.backups.locations).toEqual([locations[0], { s3: { ...s3, region: "us-east-1" } }]);
  });

  it.each<[string, unknown[], string[]]>([
    [
      "disk alone",
      [{ disk: {} }],
      ["backups.locations: no backup in S3; add { s3: { endpoint: …, bucket: …, … } }"],
    ],
    [
      "S3 alone",
      [{ s3 }],
      ["backups.locations: no backup on disk; add { disk: {} } or { disk: { path: … } }"],
    ],
    [
      "two disks",
      [{ disk: {} }, { s3 }, { disk: {} }],
      ["backups.locations[2]: { disk }; is a second disk; allowed: one disk"],
    ],
    [
      "S3 without TLS",
      [{ disk: {} }, { s3: { ...s3, endpoint: "http://s3.example.org" } }],
      [
        'backups.locations[1].s3.endpoint: "http://s3.example.org"; allowed: https://host or https://host:port',
      ],
    ],
    [
      "no secret, and shows none",
      [{ disk: {} }, { s3: { ...s3, secretAccessKey: "" } }],
      ["backups.locations[1].s3.secretAccessKey: [secret]; allowed: the secret of an access key"],
    ],
  ])("refuses backups on Docker: %s", (_, locations, expected) => {
    expect(problemsOf((s) => Object.assign(s, onDocker, { backups: { locations } }))).toEqual(expected);
  });

  it("refuses backups on AWS that are for Docker", () => {
    expect(problemsOf((s) => s.backups.locations.push({ disk: {} }))).toEqual([
      "backups.locations[2]: { disk }; only for servers on Docker; allowed on AWS: { region: … } or { onPremises: { host: …, path: … } }",
    ]);
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
      s.backups.locations = [];
    });
    expect(problems.map((problem) => problem.split(":")[0])).toEqual(
      expect.arrayContaining(["displayName", "contacts.billing", "servers[0].hostname"]),
    );
  });

  it.each([undefined, null, "text", 7, []])("refuses %j with a sentence", (input) => {
    expect(() => parseTenant(input)).toThrow(/^dhistance:tenant: .*allowed: a mapping of keys/);
  });
});

it("has the encodings of text that the import job takes", () => {
  expect(ENCODINGS.map((name) => parseEncoding(name))).toEqual(ENCODINGS);
});
