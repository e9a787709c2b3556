import type { Certificates } from "../../contract/dockerTarget";

/**
 * What the image of monitoring is given to ask (`images/monitoring`): Prometheus' file_sd, one target for each thing of
 * a server, with the exporter that asks it as its address.
 */

/** What there is to watch of a server. Addresses are `host:port`, as the container of monitoring finds them. */
export interface WatchedServer {
  server: string;
  /** For people. */
  url: string;
  hostname: string;
  /** Of the gateway, which serves the host name. */
  gateway: string;
  application: string;
  database: string;
  /** Whether copies are made of it. */
  copies: boolean;
}

/** The exporters in the image, which answer in it alone. */
const BLACKBOX = "127.0.0.1:9115";
const POSTGRES = "127.0.0.1:9187";
const NODE = "127.0.0.1:9100";

export interface Target {
  targets: string[];
  labels: Record<string, string>;
}

/**
 * @param tenant its name, for people
 * @param certificates where the endpoints' come from, and whether somebody else than the world vouches for them
 */
export function watchedTargets(
  tenant: string,
  { kind: certificates, ownAuthority }: { kind: Certificates["kind"]; ownAuthority: boolean },
  servers: readonly WatchedServer[],
): Target[] {
  const target = (exporter: string, job: string, labels: Record<string, string>): Target => ({
    targets: [exporter],
    labels: { job, ...labels },
  });
  const probe = (module: string, of: string) => ({
    __metrics_path__: "/probe",
    __param_module: module,
    __param_target: of,
  });
  return [
    target(NODE, "host", { tenant }),
    ...servers.flatMap(({ server, url, hostname, gateway, application, database, copies }) => [
      target(BLACKBOX, "endpoint", {
        ...{ server, url, certificates, copies: copies ? "made" : "none" },
        ...probe(ownAuthority ? "endpoint-own" : "endpoint", `https://${gateway}/api/ping`),
        __param_hostname: hostname,
      }),
      target(BLACKBOX, "application", { server, ...probe("application", `http://${application}/api/ping`) }),
      target(POSTGRES, "database", {
        server,
        __metrics_path__: "/probe",
        __param_target: `${database}/postgres`,
        __param_auth_module: server,
      }),
    ]),
  ];
}

/** How the databases are asked: postgres_exporter's configuration, in JSON, which is YAML. */
export function databasesConfiguration(user: string, passwords: Record<string, string>): string {
  return JSON.stringify({
    auth_modules: Object.fromEntries(
      Object.entries(passwords).map(([server, password]) => [
        server,
        { type: "userpass", userpass: { username: user, password }, options: { sslmode: "require" } },
      ]),
    ),
  });
}
