import { Network } from "@pulumi/docker/network";
import { Volume } from "@pulumi/docker/volume";
import * as pulumi from "@pulumi/pulumi";
import { LocallySignedCert } from "@pulumi/tls/locallySignedCert";
import { CertRequest } from "@pulumi/tls/certRequest";
import { PrivateKey } from "@pulumi/tls/privateKey";
import { SelfSignedCert } from "@pulumi/tls/selfSignedCert";
import type { Context } from "../../contract/context";
import { NOBODY, type DockerTarget } from "../../contract/dockerTarget";
import { resourcesOn } from "../../contract/target";
import { service } from "../../docker/container";
import { handOver } from "../../docker/handOver";
import type { GatewayArgs, GatewayOutputs } from "../contract";
import { caddyfile, PATHS, PORTS } from "./caddyfile";
import { PAGES } from "./pages";

/**
 * The one container of a tenant that the world reaches: Caddy, before all of the tenant's servers. It opens once each
 * of them is secured; while one is recreated it stays, and says that DHIS2 is starting.
 */
export function gatewayOnDocker({
  name,
  args,
  target,
  opts,
}: Context<GatewayArgs, DockerTarget>): GatewayOutputs {
  const { certificates, published } = target;
  const servers = args.servers.map((server) => ({
    hostname: server.hostname,
    ...resourcesOn("docker", server),
  }));
  const config = caddyfile({
    sites: servers,
    certificates: certificates.kind,
    published,
    ...(certificates.kind === "acme" && {
      acme: { ...certificates, ownAuthority: certificates.authority !== undefined },
    }),
  });
  const { files, trusted, authority } = certificateFiles(name, target, {
    ...opts,
    protect: args.keepsAuthority,
  });
  const data =
    certificates.kind === "acme"
      ? new Volume(`${name}-certificates`, { name: `${name}-certificates` }, opts)
      : undefined;
  const jobs = servers[0]?.jobs;
  const handed =
    data && jobs
      ? [
          handOver(
            `${name}-certificates-handed-over`,
            target,
            { volumes: [data.name], user: NOBODY, jobs },
            opts,
          ),
        ]
      : [];
  const watched = new Network(name, { name, internal: true, driver: "bridge" }, opts).name;
  const port = (internal: number, external: number) => ({ internal, external, ip: published.address });
  service(
    name,
    target,
    {
      image: target.images.gateway,
      user: NOBODY,
      command: ["caddy", "run", "--config", PATHS.config, "--adapter", "caddyfile"],
      networks: [...servers.map(({ webNetwork }) => ({ name: webNetwork })), { name: watched }],
      // Let's Encrypt's certificates outlive the container: it gives only so many a week.
      volumes: data ? { [DATA]: data.name } : {},
      environment: { XDG_DATA_HOME: DATA },
      scratch: {
        "/tmp": "size=256m",
        "/config": `uid=${NOBODY},gid=${NOBODY},mode=0700,size=16m`,
        ...(data ? {} : { [DATA]: `uid=${NOBODY},gid=${NOBODY},mode=0700,size=16m` }),
      },
      files: { [PATHS.config]: config, ...pages(), ...files },
      memory: 512,
      pids: 256,
      // The public image's program carries this capability, and cannot be run where it is not to be had.
      // As the engine gives it back: written otherwise it would be a change at every refresh.
      capabilities: ["CAP_NET_BIND_SERVICE"],
      ports: [port(PORTS.http, published.http), port(PORTS.https, published.https)],
      healthcheck: {
        tests: ["CMD", "wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${PORTS.health}/`],
        interval: "5s",
        timeout: "5s",
        retries: 6,
        startPeriod: "30s",
      },
      startSeconds: 300,
      stopSeconds: 30,
    },
    { ...opts, dependsOn: [...servers.map(({ secured }) => secured), ...handed] },
  );
  const address = `${name}:${PORTS.https}`;
  return { authority, resources: { kind: "docker", address, watched, ...(trusted && { trusted }) } };
}

function pages(): Record<string, string> {
  return Object.fromEntries(Object.entries(PAGES).map(([file, html]) => [`${PATHS.pages}/${file}`, html]));
}

/**
 * Where Caddy has its certificates. Not in the image's own place for them: a volume that is empty Docker gives back to
 * whomever the image's belongs to.
 */
const DATA = "/var/lib/gateway";

const YEAR_HOURS = 365 * 24;

interface CertificateFiles {
  files: Record<string, pulumi.Input<string>>;
  /** As in `DockerGateway`. */
  trusted?: pulumi.Input<string>;
  /** As in `GatewayOutputs`. */
  authority?: pulumi.Output<string>;
}

function certificateFiles(
  name: string,
  { certificates }: DockerTarget,
  opts: pulumi.CustomResourceOptions,
): CertificateFiles {
  switch (certificates.kind) {
    case "acme": {
      const { authority } = certificates;
      return authority ? { files: { [PATHS.root]: authority }, trusted: authority } : { files: {} };
    }
    case "given":
      return {
        files: {
          [PATHS.certificate]: certificates.certificate,
          [PATHS.privateKey]: pulumi.secret(certificates.privateKey),
        },
        trusted: certificates.certificate,
      };
    case "private": {
      const { root, certificate, privateKey } = privateAuthority(name, opts);
      return {
        files: { [PATHS.root]: root, [PATHS.certificate]: certificate, [PATHS.privateKey]: privateKey },
        trusted: root,
        authority: root,
      };
    }
  }
}

/**
 * The tenant's own authority. Its root signs one other, with which Caddy makes the servers' certificates and renews
 * them by itself; the root's key never leaves the stack's state, where it is a secret.
 */
function privateAuthority(name: string, opts: pulumi.CustomResourceOptions) {
  const key = (what: string) =>
    new PrivateKey(`${name}-${what}-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" }, opts).privateKeyPem;
  const subject = (what: string) => ({ commonName: `${name} ${what}`, organization: "DHIStance" });
  const [rootKey, issuerKey] = [key("root"), key("issuer")];
  const root = new SelfSignedCert(
    `${name}-root`,
    {
      privateKeyPem: rootKey,
      isCaCertificate: true,
      subject: subject("root"),
      allowedUses: ["cert_signing", "crl_signing"],
      setSubjectKeyId: true,
      validityPeriodHours: 20 * YEAR_HOURS,
      earlyRenewalHours: 2 * YEAR_HOURS,
    },
    opts,
  );
  const request = new CertRequest(
    `${name}-issuer-request`,
    { privateKeyPem: issuerKey, subject: subject("issuer") },
    opts,
  );
  const issuer = new LocallySignedCert(
    `${name}-issuer`,
    {
      certRequestPem: request.certRequestPem,
      caPrivateKeyPem: rootKey,
      caCertPem: root.certPem,
      isCaCertificate: true,
      allowedUses: ["cert_signing", "crl_signing"],
      setSubjectKeyId: true,
      validityPeriodHours: 10 * YEAR_HOURS,
      earlyRenewalHours: YEAR_HOURS,
    },
    opts,
  );
  return { root: root.certPem, certificate: issuer.certPem, privateKey: issuerKey };
}
