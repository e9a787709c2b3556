import type { Certificates } from "../../contract/dockerTarget";

/**
 * The targets of Prometheus in the monitoring image (`images/monitoring`), in the format of its file_sd: one for each part
 * of a server; the address is that of the exporter that probes it.
 */

/** What is monitored of a server. Addresses are `host:port`, as the monitoring container resolves them. */
export interface WatchedServer {
  server: string;
  /** For people. */
  url: string;
  hostname: string;
  /** The gateway, which serves the host name. */
  gateway: string;
  application: string;
  database: string;
  /** Whether backups are made of it. */
  backups: boolean;
}

/** The exporters in the image; they listen only inside it. */
const BLACKBOX = "127.0.0.1:9115";
const POSTGRES = "127.0.0.1:9187";
const NODE = "127.0.0.1:9100";

export interface Target {
  targets: string[];
  labels: Record<string, string>;
}

/**
 * @param tenant its name, for people
 * @param certificates where the endpoints' certificates come from, and whether their CA is not a system CA
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
    ...servers.flatMap(({ server, url, hostname, gateway, application, database, backups }) => [
      target(BLACKBOX, "endpoint", {
        ...{ server, url, certificates, backups: backups ? "made" : "none" },
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

/** The configuration of postgres_exporter, in JSON, which is YAML. */
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
