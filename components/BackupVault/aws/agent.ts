import * as iam from "@pulumi/aws/iam";
import * as rolesanywhere from "@pulumi/aws/rolesanywhere";
import { Container } from "@pulumi/docker/container";
import { RemoteImage } from "@pulumi/docker/remoteImage";
import * as pulumi from "@pulumi/pulumi";
import { CertRequest } from "@pulumi/tls/certRequest";
import { LocallySignedCert } from "@pulumi/tls/locallySignedCert";
import { PrivateKey } from "@pulumi/tls/privateKey";
import { SelfSignedCert } from "@pulumi/tls/selfSignedCert";
import { policyDocument, useKey } from "../../aws/iam";
import { componentTags } from "../../aws/tags";
import { replicateCommand, type ReplicateConfiguration } from "../../jobs";
import { remember } from "../../doOnce";
import { randomPassword } from "../../password";
import type { ExportKeys, Repository, VaultContext } from "./context";
import type { OnPremisesHost } from "../contract";
import type { Backup } from "../locations";
import { machineOf, nameOf, refuseLosingPasswords, refuseUnknownOwner, standingsOf } from "../onPremises";
import { RETENTION } from "../../../plans/retention";
import { DRILL_EVERY_HOURS, DRILL_HOURS, PORTABLE_HOURS } from "../../../plans/thresholds";
import { REPORT, watchBackups } from "./watchBackups";

/** Where the agent finds what it is given; the files are in its own container, not on the host. */
const GIVEN = "/run/dhistance";
const FILES = {
  configuration: `${GIVEN}/replicate.json`,
  certificate: `${GIVEN}/certificate.pem`,
  privateKey: `${GIVEN}/private-key.pem`,
  cloudPassword: `${GIVEN}/cloud-password`,
  localPassword: `${GIVEN}/local-password`,
  publicKey: `${GIVEN}/signing.pub`,
};
const BACKUPS = "/copies";
/** On the customer's disk, since a drill needs space for a complete database. */
const SCRATCH = `${BACKUPS}/.scratch`;
/** Seconds. The agent reports every hour; a few hours without the internet do not raise an alarm. */
const PERIOD = 6 * 3600;

/**
 * On each of the customer's hosts an agent that pulls the portable repositories and proves every week that they can be
 * restored. It opens connections and accepts none, holds no long-lived credential and may only read the repositories. It
 * encrypts its backups with a key that AWS never sees.
 * @returns the record of these hosts; the engine fails the update if it may not change so
 */
export function onPremisesAgents(
  vault: VaultContext,
  repository: Repository,
  keys: ExportKeys,
): pulumi.Resource {
  const { name, args, target, keepsBackups: kept } = vault;
  const known = remember(
    `${name}-on-premises`,
    {
      because: standingsOf(args.onPremises, kept),
      refuse: refuseLosingPasswords,
      refuseFirst: async () => refuseUnknownOwner(await lastOnPremises(), args.onPremises),
    },
    vault.opts,
  );
  const opts = { ...vault.opts, dependsOn: [known] };
  const authority = certificateAuthority(name, args.tenant.id, opts);
  const anchor = new rolesanywhere.TrustAnchor(
    `${name}-agents`,
    {
      name: `dhistance-${args.tenant.id}-agents`,
      enabled: true,
      source: {
        sourceType: "CERTIFICATE_BUNDLE",
        sourceData: { x509CertificateData: authority.certificate },
      },
      tags: componentTags(),
    },
    opts,
  );
  args.onPremises.forEach((copy, index) => {
    const agent = `${name}-agent-${nameOf(copy)}`;
    const localPassword = randomPassword(`${agent}-password`, 40, {
      ...opts,
      protect: kept && !copy.retire,
      // Of states that name agents by their position.
      aliases: [{ name: `${name}-agent-${index + 1}-password` }],
    });
    if (copy.retire) return;
    const identity = agentCertificate(agent, authority, opts);
    const access = agentAccess(agent, { ...vault, opts }, repository, anchor.arn);
    const configuration = pulumi
      .all([repository.name, anchor.arn, access.profileArn, access.roleArn])
      .apply(([bucket, trustAnchorArn, profileArn, roleArn]): ReplicateConfiguration => ({
        servers: args.servers.map(({ server }) => server),
        source: `s3:https://s3.${target.region}.amazonaws.com/${bucket}`,
        region: target.region,
        rolesAnywhere: {
          trustAnchorArn,
          profileArn,
          roleArn,
          certificate: FILES.certificate,
          privateKey: FILES.privateKey,
        },
        cloudPasswordFile: FILES.cloudPassword,
        localPasswordFile: FILES.localPassword,
        publicKeyFile: FILES.publicKey,
        backups: BACKUPS,
        retentionDays: RETENTION[args.tenant.plan].onPremises,
        maxAgeHours: PORTABLE_HOURS,
        drill: { everyHours: DRILL_EVERY_HOURS, maxAgeHours: DRILL_HOURS },
        metrics: { Tenant: args.tenant.id, Location: agent },
      }));
    for (const { server } of args.servers)
      watchBackups(
        `${agent}-${server}`,
        { tenant: args.tenant.id, server, location: agent },
        { target, period: PERIOD, opts },
      );
    runAgent(
      agent,
      copy,
      {
        imageName: target.platform.images.agent,
        files: {
          [FILES.configuration]: pulumi.jsonStringify(configuration, undefined, 2),
          [FILES.certificate]: identity.certificate,
          [FILES.privateKey]: identity.privateKey,
          [FILES.cloudPassword]: keys.password,
          [FILES.publicKey]: keys.publicKey,
          [FILES.localPassword]: localPassword,
        },
      },
      opts,
    );
  });
  return known;
}

/** The kind of an on-premises backup in the outputs of versions before 0.2. */
const PULLED = "portable, pulled by the customer's own host";

/**
 * Where the on-premises backups of the stack's last update are, in their order. Asked of stacks without the record alone:
 * those of versions before 0.2, whose output has another name and form.
 */
async function lastOnPremises(): Promise<string[]> {
  const name = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
  const { outputs } = (await pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", { name })) as {
    outputs: { backups?: Backup[]; copies?: { where: string; kind: string }[] };
  };
  const now = (outputs.backups ?? []).filter(({ location }) => location?.type === "onPremises");
  const before = (outputs.copies ?? []).filter(({ kind }) => kind === PULLED);
  return [...now, ...before].map(({ where }) => where);
}

interface Authority {
  certificate: pulumi.Output<string>;
  privateKey: pulumi.Output<string>;
}

const YEAR_HOURS = 365 * 24;

/** The tenant's own authority, for its agents alone. Its key stays in the state, as a secret. */
function certificateAuthority(name: string, tenant: string, opts: pulumi.CustomResourceOptions): Authority {
  const key = new PrivateKey(`${name}-authority-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" }, opts);
  const certificate = new SelfSignedCert(
    `${name}-authority`,
    {
      privateKeyPem: key.privateKeyPem,
      isCaCertificate: true,
      subject: { commonName: `${tenant} backup agents`, organization: "DHIStance" },
      allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
      setSubjectKeyId: true,
      validityPeriodHours: 10 * YEAR_HOURS,
      earlyRenewalHours: 2 * YEAR_HOURS,
    },
    opts,
  );
  return { certificate: certificate.certPem, privateKey: key.privateKeyPem };
}

/** Proves to IAM Roles Anywhere which agent asks. Made again by the first `pulumi up` in the last third of its year. */
function agentCertificate(
  agent: string,
  authority: Authority,
  opts: pulumi.CustomResourceOptions,
): Authority {
  const key = new PrivateKey(`${agent}-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" }, opts);
  const request = new CertRequest(
    `${agent}-request`,
    { privateKeyPem: key.privateKeyPem, subject: { commonName: agent, organization: "DHIStance" } },
    opts,
  );
  const certificate = new LocallySignedCert(
    `${agent}-certificate`,
    {
      certRequestPem: request.certRequestPem,
      caPrivateKeyPem: authority.privateKey,
      caCertPem: authority.certificate,
      allowedUses: ["digital_signature", "client_auth"],
      setSubjectKeyId: true,
      validityPeriodHours: YEAR_HOURS,
      earlyRenewalHours: Math.round(YEAR_HOURS / 3),
    },
    opts,
  );
  return { certificate: certificate.certPem, privateKey: key.privateKeyPem };
}

/** Temporary credentials for one agent: read the repositories, and hold restic's lock while doing so. */
function agentAccess(
  agent: string,
  { servers, target: { region, keyArn }, opts }: VaultContext,
  repository: Repository,
  anchorArn: pulumi.Output<string>,
) {
  const tags = componentTags();
  const role = new iam.Role(
    agent,
    {
      description: "Assumed by the customer's own host to pull its backups",
      assumeRolePolicy: policyDocument([
        {
          principal: { Service: "rolesanywhere.amazonaws.com" },
          actions: ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
          conditions: {
            ArnEquals: { "aws:SourceArn": anchorArn },
            StringEquals: { "aws:PrincipalTag/x509Subject/CN": agent },
          },
        },
      ]),
      maxSessionDuration: 3600,
      tags,
    },
    opts,
  );
  const policy = new iam.RolePolicy(
    `${agent}-policy`,
    {
      role: role.name,
      policy: policyDocument([
        { sid: "List", actions: ["s3:GetBucketLocation", "s3:ListBucket"], resources: [repository.arn] },
        {
          sid: "Read",
          actions: ["s3:GetObject"],
          resources: servers.map(({ server }) => pulumi.interpolate`${repository.arn}/${server}/*`),
        },
        {
          sid: "Lock",
          actions: ["s3:DeleteObject", "s3:PutObject"],
          resources: servers.map(({ server }) => pulumi.interpolate`${repository.arn}/${server}/*/locks/*`),
        },
        REPORT,
        useKey(keyArn, "s3", region),
      ]),
    },
    opts,
  );
  const roleArn = pulumi.all([role.arn, policy.id]).apply(([arn]) => arn);
  const profile = new rolesanywhere.Profile(
    agent,
    { name: agent, enabled: true, roleArns: [roleArn], durationSeconds: 3600, tags },
    opts,
  );
  return { roleArn, profileArn: profile.arn };
}

/** The container on the customer's host. */
function runAgent(
  agent: string,
  { host, path, provider }: OnPremisesHost,
  { imageName, files }: { imageName: string; files: Record<string, pulumi.Input<string>> },
  opts: pulumi.CustomResourceOptions,
): void {
  const there = { ...opts, provider };
  // To the engine another host is the same container under another provider: what changes with it has it made again.
  const machine = machineOf(host);
  const image = new RemoteImage(
    `${agent}-image`,
    { name: imageName, keepLocally: true, triggers: { machine } },
    there,
  );
  new Container(
    agent,
    {
      name: agent,
      image: image.imageId,
      command: replicateCommand(FILES.configuration, SCRATCH),
      user: "65534:65534",
      // No read-only root: Docker uploads no file into one. This user may write nothing in it anyway.
      tmpfs: { "/tmp": "size=256m" },
      capabilities: { drops: ["ALL"] },
      securityOpts: ["no-new-privileges:true"],
      // Drills have a PostgreSQL of their own in it.
      memory: 2048,
      memorySwap: 2048,
      restart: "unless-stopped",
      mustRun: true,
      // As files and not in the environment, which every `docker inspect` shows.
      uploads: Object.entries(files).map(([file, content]) => ({ file, content })),
      mounts: [{ type: "bind", source: path, target: BACKUPS }],
      logDriver: "json-file",
      logOpts: { "max-size": "10m", "max-file": "5" },
      labels: [
        { label: "dhistance.agent", value: agent },
        { label: "dhistance.machine", value: machine },
      ],
    },
    there,
  );
}
