import { BlockList, isIPv6 } from "node:net";
import { z } from "zod";
import { nameOf } from "../../components/BackupVault/onPremises";
import { PASSWORD_KEY } from "../../components/DataManagementServer/settings/keys";
import { settingProblems } from "../../components/DataManagementServer/settings/settings";
import { SIZES } from "../../plans/plans";
import { noSuchRelease, releaseWarnings, SUPPORTED_DHIS2_MAJORS } from "../../plans/releases";
import { hasOtherRegion, noSuchCountry, noSuchResidency, residencyProblems, type Place } from "./residency";
import { judge } from "./oldNames";
import { noSuchTimeZone } from "./timeZone";
import { awsRegion, ENCRYPTED, matching, object, parseConfig, secret, secretsByKey } from "../config";

/**
 * What a tenant's stack file says under `dhistance:tenant`. The plan is not here: it comes from the entitlement.
 * `tenant.schema.json`, made from this by `npm run schema`, gives editors the same rules.
 */

const HOSTNAME = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/;
/** Without a password, and without anything that `ssh` would read as an option. */
const SSH_HOST = /^ssh:\/\/([\w][\w.-]*@)?[a-zA-Z0-9[][\w.:[\]-]*$/;
const DOCKER_HOST = new RegExp(`${SSH_HOST.source}|^unix:\\/\\/\\/\\S+$|^tcp:\\/\\/[^\\s/@]+:\\d+$`);

const email = z.email("allowed: an e-mail address");
const dockerHost = matching(DOCKER_HOST, "ssh://user@host, unix:///path/to/socket or tcp://host:port");

const VERSION = /^\d+\.\d+\.\d+(-\d{8}T\d{6}Z)?$/;
const dhis2Version = matching(VERSION, "a full version such as 42.5.2").superRefine((version, context) => {
  const message = VERSION.test(version) && noSuchVersion(version);
  if (message) context.addIssue({ code: "custom", message });
});

/** Why there is no such DHIS2 here, if there is none. */
function noSuchVersion(version: string): string | undefined {
  const isSupported = (SUPPORTED_DHIS2_MAJORS as readonly number[]).includes(Number(version.split(".")[0]));
  return isSupported
    ? noSuchRelease(version)
    : `not a supported DHIS2 version; allowed: majors ${SUPPORTED_DHIS2_MAJORS.join(", ")}`;
}

const timeZone = z.string().superRefine((zone, context) => {
  const message = noSuchTimeZone(zone);
  if (message) context.addIssue({ code: "custom", message });
});

/** PostgreSQL's names of the encodings that the import can convert the text of a SQL_ASCII database from. */
export const ENCODINGS = [
  ...[
    "UTF8",
    "LATIN1",
    "LATIN2",
    "LATIN3",
    "LATIN4",
    "LATIN5",
    "LATIN6",
    "LATIN7",
    "LATIN8",
    "LATIN9",
    "LATIN10",
  ],
  ...["ISO_8859_5", "ISO_8859_6", "ISO_8859_7", "ISO_8859_8", "KOI8R", "KOI8U"],
  ...[
    "WIN866",
    "WIN874",
    "WIN1250",
    "WIN1251",
    "WIN1252",
    "WIN1253",
    "WIN1254",
    "WIN1255",
    "WIN1256",
    "WIN1257",
  ],
  ...["WIN1258", "EUC_JP", "EUC_KR", "EUC_CN", "SJIS", "BIG5", "GBK", "GB18030", "UHC"],
];

const checked = (noSuch: (text: string) => string | undefined) =>
  z.string().superRefine((text, context) => {
    const message = noSuch(text);
    if (message) context.addIssue({ code: "custom", message });
  });
const country = checked(noSuchCountry)
  .describe("The country it is in, where the tenant has a residency.")
  .optional();

const importSchema = object({
  // A key must not have characters that an AWS policy reads as a pattern or a variable.
  dump: matching(
    /^(s3:\/\/[a-z0-9][a-z0-9.-]+\/[^\s*?$]+|[^\s:]+)$/,
    "a file's path or s3://bucket/key",
  ).describe("The PostgreSQL dump: a path in the folder tenants/<tenant>, or an S3 address."),
  sha256: matching(/^[0-9a-f]{64}$/, "64 hexadecimal digits, lower case").describe(
    "SHA-256 of the dump as it is stored.",
  ),
  encryptionPassword: secret(
    z.string().min(24, "allowed: 24 characters or more, as DHIS2 asks"),
    "The encryption.password of the system the dump came from. Set it with pulumi config set --secret --path.",
  ).optional(),
  sanitise: z
    .boolean()
    .default(false)
    .describe("Switch off jobs, messages and integrations: for a clone, not for a move."),
  reimport: z.boolean().default(false).describe("Replace data imported earlier from another dump."),
  encoding: z
    .enum(ENCODINGS)
    .optional()
    .describe("Encoding of the text in the dump of a SQL_ASCII database, such as WIN1252. Default: UTF8."),
  leaveOut: z
    .array(
      matching(
        /^[^\0-\x1f]{1,200}$/,
        "the name of a table, view or function, as the refusal of the import says it",
      ),
    )
    .max(100, "allowed: 100 names or fewer")
    .default([])
    .describe("Tables, views, functions and others in the dump that the import leaves out, with their rows."),
}).describe("Data to start with.");

const serverSchema = object({
  name: matching(/^[a-z][a-z0-9-]{0,13}[a-z0-9]$/, "2 to 15 of a-z, 0-9 and -, a letter first").describe(
    "Names the server's resources. Changing it makes a new server.",
  ),
  dhis2: dhis2Version.describe(
    "DHIS2 version. A higher version upgrades the server; DHIS2 cannot be downgraded.",
  ),
  size: z.enum(SIZES).describe("The plan limits which sizes are allowed."),
  hostname: matching(HOSTNAME, "a full host name, lower case, such as hmis.moh.example.org"),
  instances: z
    .int()
    .min(1, "allowed: 1 to 4")
    .max(4, "allowed: 1 to 4")
    .default(1)
    .describe(
      "Number of DHIS2 instances, which form a cluster on one database. More than 1 needs size large.",
    ),
  import: importSchema.optional(),
  timeZone: timeZone.describe("Time zone of this server. Default: that of the tenant.").optional(),
  settings: secretsByKey(
    z.record(
      z.string(),
      z.union([z.string(), z.number(), z.boolean()], "allowed: a text, a number, on or off"),
    ),
    PASSWORD_KEY,
    "Keys of DHIS2's dhis.conf, such as ldap.url. Set passwords with pulumi config set --secret --path.",
  ).optional(),
  retire: z
    .boolean()
    .default(false)
    .describe("Allow deletion of this server's data. Apply, then remove the server."),
}).superRefine(({ dhis2, settings }, context) => {
  if (!settings || noSuchVersion(dhis2)) return;
  for (const { key, value, message } of settingProblems(dhis2, settings, (each) => each === ENCRYPTED)) {
    const path = key === undefined ? ["settings"] : ["settings", key];
    context.addIssue({ code: "custom", path, message, params: { keyOnly: !value } });
  }
});

const locationSchema = z.union(
  [
    object({
      region: awsRegion.describe("A second AWS region, which keeps backups encrypted with its own key."),
    }),
    object({
      onPremises: object({
        host: dockerHost.describe("The on-premises Docker host. Its agent pulls the backups."),
        path: matching(/^\/[^\s:]+$/, "an absolute path").describe(
          "The directory for the backups on that host.",
        ),
        country,
        name: matching(/^[a-z][a-z0-9-]{0,17}[a-z0-9]$/, "2 to 19 of a-z, 0-9 and -, a letter first")
          .optional()
          .describe(
            "Permanent name of this location, its agent and its password. Set it before the host's address changes, or for two directories of one host. Default: made from the host.",
          ),
        retire: z
          .boolean()
          .default(false)
          .describe(
            "Stop using this host. Its agent and its access are removed; the password of its backups is kept. Apply, then remove the entry.",
          ),
      }),
    }),
    object({
      disk: object({
        path: matching(/^\/[^\s:]+$/, "an absolute path")
          .optional()
          .describe(
            "A directory of the Docker host, best on a separate disk. Each server gets its own folder in it. Default: volumes.",
          ),
      }),
    }),
    object({
      s3: object({
        endpoint: matching(
          /^https:\/\/[a-z0-9.-]+(:\d{1,5})?$/,
          "https://host or https://host:port",
        ).describe("Address of the S3 server."),
        region: matching(/^[a-z0-9-]+$/, "the region's name, as the S3 server has it").default("us-east-1"),
        bucket: matching(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "a bucket's name"),
        country,
        accessKeyId: z.string().min(1, "allowed: the id of an access key"),
        secretAccessKey: secret(
          z.string().min(1, "allowed: the secret of an access key"),
          "Set it with pulumi config set --secret --path.",
        ),
        authority: matching(/^[^\s:]+$/, "a file's path")
          .optional()
          .describe(
            "CA certificate (PEM) of the S3 server, a file in tenants/<tenant>. Default: system CAs.",
          ),
      }),
    }),
  ],
  {
    error: () =>
      "allowed: { region: … } or { onPremises: { host: …, path: … } } on AWS, { disk: {} } or { s3: { … } } on Docker",
  },
);

const awsSchema = object({
  region: awsRegion,
  platform: matching(/^[a-z][a-z0-9-]{1,38}$/, "a platform stack's name")
    .optional()
    .describe(
      "The platform stack whose network and load balancer the tenant uses. Default: the region's name.",
    ),
});

const imageName = (tagged: boolean) =>
  matching(
    tagged ? /^[\w][\w.:/-]*[:@][\w][\w.:-]*$/ : /^[\w][\w.:/-]*$/,
    tagged
      ? "an image with its tag or digest"
      : "an image without its tag, which is the server's version of DHIS2",
  );
const port = z.int().min(1, "allowed: 1 to 65535").max(65535, "allowed: 1 to 65535");

const certificatesSchema = z.union(
  [
    object({
      acme: object({
        directory: matching(
          /^https:\/\/[^\s{}"@/]+(\/[^\s{}"]*)?$/,
          "https://…, the address of an ACME directory",
        )
          .optional()
          .describe(
            "ACME directory of another certificate authority, such as the ministry's. Default: Let's Encrypt.",
          ),
        authority: matching(/^[^\s:]+$/, "a file's path")
          .optional()
          .describe(
            "CA certificate (PEM) to trust for the ACME server and its certificates, a file in tenants/<tenant>. Default: system CAs.",
          ),
      }).refine(({ directory, authority }) => directory !== undefined || authority === undefined, {
        path: ["authority"],
        error: "only with a directory: every system trusts the CA of Let's Encrypt",
      }),
    }).describe("Obtained by ACME; the host names must resolve to this host."),
    object({ private: object({}) }).describe(
      "Issued by a private CA of the tenant. The stack output `authority` is its root certificate.",
    ),
    object({
      given: object({
        certificate: matching(/^[^\s:]+$/, "a file's path").describe(
          "PEM file in tenants/<tenant>: one certificate for all host names, with its chain.",
        ),
        privateKey: matching(/^[^\s:]+$/, "a file's path").describe(
          "PEM file in tenants/<tenant>: the private key of the certificate.",
        ),
      }),
    }),
  ],
  { error: () => "allowed: { acme: {} }, { private: {} } or { given: { certificate: …, privateKey: … } }" },
);

const address = z.union([
  z.ipv4("allowed: an IP address of the host"),
  z.ipv6("allowed: an IP address of the host"),
]);
const PRIVATE = "127.0.0.1, or one of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, fc00::/7";
const PRIVATE_ADDRESSES = new BlockList();
for (const [net, prefix] of [
  ["127.0.0.0", 8],
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["100.64.0.0", 10],
] as const)
  PRIVATE_ADDRESSES.addSubnet(net, prefix);
PRIVATE_ADDRESSES.addAddress("::1", "ipv6");
PRIVATE_ADDRESSES.addSubnet("fc00::", 7, "ipv6");

/** Whether an address cannot be reached from the internet. */
function isPrivate(address: string): boolean {
  return PRIVATE_ADDRESSES.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

const dockerSchema = object({
  host: matching(
    new RegExp(`^unix:\\/\\/\\/\\S+$|${SSH_HOST.source}`),
    "unix:///path/to/socket or ssh://user@host",
  )
    .default("unix:///var/run/docker.sock")
    .describe("The Docker host, in the form of DOCKER_HOST. Default: this machine."),
  country,
  published: object({
    address: address.default("0.0.0.0").describe("Address of the host on which the servers listen."),
    http: port.default(80),
    https: port.default(443),
  })
    .default({ address: "0.0.0.0", http: 80, https: 443 })
    .describe("Where users reach the servers."),
  monitoring: object({
    address: address
      .refine(isPrivate, `the monitoring page must not be public; allowed: a private address: ${PRIVATE}`)
      .default("127.0.0.1")
      .describe("Private address of the host for the monitoring page."),
    port: port.default(9090),
  })
    .default({ address: "127.0.0.1", port: 9090 })
    .describe("Where operators reach the monitoring page."),
  certificates: certificatesSchema.default({ acme: {} }),
  images: object({
    postgres: imageName(true).optional(),
    jobs: imageName(true).optional(),
    drill: imageName(true).optional(),
    gateway: imageName(true).optional(),
    monitoring: imageName(true).optional(),
    dhis2: imageName(false).optional(),
  })
    .default({})
    .describe(
      "Images to use instead of the defaults, for a network without internet: from a mirror, or loaded into the host.",
    ),
});

const targetSchema = z.union([object({ aws: awsSchema }), object({ docker: dockerSchema })], {
  error: () => "allowed: { aws: { region: … } } or { docker: { host: … } }",
});

const tenantShape = object({
  displayName: z.string().trim().min(1, "allowed: a name").max(120, "allowed: up to 120 characters"),
  contacts: object({ operations: email, billing: email }).describe(
    "E-mail addresses for operations and for billing.",
  ),
  timeZone: timeZone
    .describe("Time zone of DHIS2's dates and schedules, such as Africa/Maputo. Default: UTC.")
    .optional(),
  residency: z
    .array(checked(noSuchResidency))
    .min(1, "allowed: one country or region, or more")
    .describe("Where the tenant's data may be: countries (ISO 3166) and AWS regions. Default: anywhere.")
    .optional(),
  target: targetSchema.describe("Where the tenant's servers run."),
  servers: z.array(serverSchema).min(1, "allowed: one server or more, as the plan grants"),
  backups: object({
    locations: z
      .array(locationSchema)
      .describe(
        "Where backups are kept. AWS: at least one other region, unless the residency has none, and one on-premises host. Docker: one disk and one S3 bucket, or none.",
      ),
  }),
});

export const tenantSchema = tenantShape.superRefine((tenant, context) => {
  const problem: Problem = (path, message) => {
    context.addIssue({ code: "custom", path, message });
  };
  for (const key of ["name", "hostname"] as const) {
    tenant.servers.forEach((server, index) => {
      const first = tenant.servers.findIndex((other) => other[key] === server[key]);
      if (first < index)
        problem(["servers", index, key], `already used by servers[${first}]; allowed: another ${key}`);
    });
  }
  tenant.servers.forEach(({ size, instances }, index) => {
    if (instances > 1 && size !== "large")
      problem(["servers", index, "instances"], `only size large can have more than one instance; allowed: 1`);
  });
  if ("docker" in tenant.target) dockerProblems(tenant, problem);
  else locationProblems(tenant, tenant.target.aws.region, problem);
  for (const { path, message } of residencyProblems(tenant.residency, placesOf(tenant)))
    problem(path, message);
});

/** Where the tenant's data is. A disk is at its Docker host. */
function placesOf({ target, backups }: z.output<typeof tenantShape>): Place[] {
  const servers =
    "aws" in target
      ? { path: ["target", "aws"], region: target.aws.region }
      : { path: ["target", "docker"], country: target.docker.country };
  return [
    servers,
    ...backups.locations.flatMap((location, index): Place[] => {
      const path = ["backups", "locations", index];
      if ("region" in location) return [{ path, region: location.region }];
      if ("onPremises" in location)
        return [{ path: [...path, "onPremises"], country: location.onPremises.country }];
      return "s3" in location ? [{ path: [...path, "s3"], country: location.s3.country }] : [];
    }),
  ];
}

type Problem = (path: (string | number)[], message: string) => void;

function locationProblems(
  { backups: { locations }, residency }: z.output<typeof tenantShape>,
  home: string,
  problem: Problem,
): void {
  locations.forEach((location, index) => {
    if ("disk" in location || "s3" in location)
      problem(
        ["backups", "locations", index],
        "only for servers on Docker; allowed on AWS: { region: … } or { onPremises: { host: …, path: … } }",
      );
  });
  const regions = locations.map((location) => ("region" in location ? location.region : undefined));
  regions.forEach((location, index) => {
    if (location === home) {
      problem(
        ["backups", "locations", index, "region"],
        "the servers run in this region; allowed: another region",
      );
    } else if (location !== undefined && regions.indexOf(location) < index) {
      problem(
        ["backups", "locations", index, "region"],
        `same region as locations[${regions.indexOf(location)}]; allowed: another region`,
      );
    }
  });
  // AWS has one region in most countries that it is in: the host on premises is the other place then.
  if (!regions.some(Boolean) && (!residency || hasOtherRegion(residency, home))) {
    problem(
      ["backups", "locations"],
      "no backup in another region; add { region: … } with a region other than the servers' own",
    );
  }
  const names = locations.map((location) =>
    "onPremises" in location ? nameOf(location.onPremises) : undefined,
  );
  names.forEach((name, index) => {
    const first = names.indexOf(name);
    if (name !== undefined && first < index)
      problem(
        ["backups", "locations", index, "onPremises"],
        `same host or name as locations[${first}]; allowed: another host, or another name`,
      );
  });
  if (!locations.some((location) => "onPremises" in location && !location.onPremises.retire)) {
    problem(["backups", "locations"], "no backup on premises; add { onPremises: { host: …, path: … } }");
  }
}

function dockerProblems({ target, servers, backups }: z.output<typeof tenantShape>, problem: Problem): void {
  const { published, monitoring } = "docker" in target ? target.docker : {};
  if (published?.http === published?.https)
    problem(["target", "docker", "published", "https"], "already used for http; choose another port");
  if (monitoring && [published?.http, published?.https].includes(monitoring.port))
    problem(["target", "docker", "monitoring", "port"], "already used by the servers; choose another port");
  servers.forEach((server, index) => {
    if (server.import?.dump.startsWith("s3://"))
      problem(
        ["servers", index, "import", "dump"],
        "an import on a Docker host cannot read from S3; allowed: a file's path",
      );
    if (server.instances > 1)
      problem(["servers", index, "instances"], "a server on Docker can have only one instance; allowed: 1");
  });
  const kinds = backups.locations.map((location) =>
    "disk" in location ? "disk" : "s3" in location ? "s3" : "other",
  );
  kinds.forEach((kind, index) => {
    if (kind === "other")
      problem(
        ["backups", "locations", index],
        "only for servers on AWS; allowed on Docker: { disk: {} } or { s3: { … } }",
      );
    else if (kinds.indexOf(kind) < index)
      problem(["backups", "locations", index], `is a second ${kind}; allowed: one ${kind}`);
  });
  if (kinds.includes("disk") && !kinds.includes("s3"))
    problem(["backups", "locations"], "no backup in S3; add { s3: { endpoint: …, bucket: …, … } }");
  if (kinds.includes("s3") && !kinds.includes("disk"))
    problem(["backups", "locations"], "no backup on disk; add { disk: {} } or { disk: { path: … } }");
}

type Shape = z.output<typeof tenantSchema>;
export type AwsTenant = Shape & { target: { aws: z.output<typeof awsSchema> } };
export type DockerTenant = Shape & { target: { docker: z.output<typeof dockerSchema> } };
/** A tenant's spec by the kind of its target. */
export interface Tenants {
  aws: AwsTenant;
  docker: DockerTenant;
}
export type Tenant = Tenants[keyof Tenants];

/** The kind of the one target that a spec names. */
export function targetKindOf({ target }: Tenant): keyof Tenants {
  return "docker" in target ? "docker" : "aws";
}

/** A type guard on a negative narrows as well, so `!isOnDocker(spec)` is an AwsTenant. */
export function isOnDocker(spec: Tenant): spec is DockerTenant {
  return "docker" in spec.target;
}

export type ServerSpec = Tenant["servers"][number];

/**
 * Reads a tenant's spec.
 * @param encrypted where the stack's file holds encrypted values, which no message repeats
 * @throws SpecError with every problem: its path, the bad value and what is allowed
 */
export function parseTenant(input: unknown, encrypted: readonly PropertyKey[][] = []): Tenant {
  // The type of zod's output does not say that it is one or the other.
  return judge(input, (tenant) => parseConfig(tenantSchema, tenant, "dhistance:tenant", encrypted)) as Tenant;
}

/** Warnings about a valid spec, each with its path. */
export function warningsOf({ servers }: Tenant): string[] {
  return servers.flatMap(({ dhis2 }, index) =>
    releaseWarnings(dhis2).map((warning) => `servers[${index}].dhis2: ${warning}`),
  );
}
