import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { BackupVault } from "../../components/BackupVault";
import { DataManagementServer, type InitialData } from "../../components/DataManagementServer";
import { DumpImporter } from "../../components/DumpImporter";
import { SslEndpoint } from "../../components/SslEndpoint";
import type { Platform } from "../../components/aws/platform";
import { remember } from "../../components/run";
import type { Target, TenantIdentity } from "../../components/target";
import { SpecError } from "../config";
import { callsSent, holdsSecret, readConfig, refuse } from "../runtime";
import { awsProblems } from "./offers";
import { readRequest, type Request } from "./request";
import { refuseDropping, standings } from "./servers";
import type { ServerSpec } from "./spec";
import { awsTarget, checkHostnames, copies, readPlatform, regionProvider } from "./target";
import { TenantRoot } from "./tenant";

const ROOT = path.resolve(__dirname, "../..");

/** The tenant whose name the stack has; what it exports is the summary that people and scripts read. */
export async function tenant() {
  const { request, platform } = await accepted();
  const { spec, entitlement, token } = request;

  // All providers first: the engine starts them, a program each, while this one goes on.
  const provider = regionProvider(spec.target.aws.region, entitlement);
  const destinations = copies(spec, entitlement);
  const unfulfillable = awsProblems(spec, platform, provider);
  await callsSent();
  const root = new TenantRoot(entitlement, token, { providers: [provider] });
  const target = awsTarget(spec, platform, entitlement, root);
  const identity: TenantIdentity = { id: entitlement.tenant, plan: entitlement.plan };

  remember(
    `${identity.id}-servers`,
    { because: standings(spec.servers, identity.plan), refuse: refuseDropping },
    { parent: root },
  );
  const servers: DataManagementServer[] = [];
  for (const server of spec.servers) {
    servers.push(makeServer(server, identity, target, root));
    await callsSent();
  }
  const vault = new BackupVault(
    `${identity.id}-vault`,
    { tenant: identity, servers, target, ...destinations },
    { parent: root },
  );

  const problems = await unfulfillable;
  if (problems.length > 0) refuse(pulumi.getStack(), problems);

  return {
    tenant: {
      id: entitlement.tenant,
      displayName: spec.displayName,
      plan: entitlement.plan,
      servers: { used: servers.length, allowed: entitlement.maxServers },
      entitledUntil: entitlement.expiresAt,
    },
    servers: Object.fromEntries(
      spec.servers.map(({ name, dhis2, size }, index) => {
        const { url, database, files, logs } = servers[index] as DataManagementServer;
        return [name, { url, dhis2, size, database, files, logs }];
      }),
    ),
    copies: vault.copies,
    contacts: spec.contacts,
  };
}

/** What the stack asks for and what it stands on, or the end of the program with everything that is wrong. */
async function accepted(): Promise<{ request: Request; platform: Platform }> {
  const stack = pulumi.getStack();
  try {
    const request = await readRequest({
      stack,
      entitlement: readConfig("dhistance:entitlement"),
      tenant: readConfig("dhistance:tenant"),
      holdsSecret: holdsSecret("dhistance:tenant"),
      root: ROOT,
    });
    const platform = await readPlatform(request.spec);
    checkHostnames(request.spec, platform);
    return { request, platform };
  } catch (error) {
    if (error instanceof SpecError) return refuse(stack, error.problems);
    throw error;
  }
}

/** A server with its endpoint and, if it begins with data of another system, their import. */
function makeServer(
  spec: ServerSpec,
  tenant: TenantIdentity,
  target: Target,
  parent: pulumi.Resource,
): DataManagementServer {
  const { name: server, hostname, dhis2, size, instances, retire } = spec;
  const name = `${tenant.id}-${server}`;
  const endpoint = new SslEndpoint(
    `${name}-endpoint`,
    { tenant, server, hostname, sticky: instances > 1, target },
    { parent },
  );
  const data = spec.import && initialData(`${name}-import`, spec, spec.import, tenant, target, parent);
  return new DataManagementServer(
    name,
    {
      tenant,
      server,
      dhis2,
      size,
      instances,
      hostname,
      endpoint,
      target,
      retire,
      ...(data && { import: data }),
    },
    { parent },
  );
}

function initialData(
  name: string,
  { dhis2 }: ServerSpec,
  { dump, sha256, sanitise, reimport, encryptionPassword }: NonNullable<ServerSpec["import"]>,
  tenant: TenantIdentity,
  target: Target,
  parent: pulumi.Resource,
): InitialData {
  return {
    sha256,
    ...(encryptionPassword && { encryptionPassword: pulumi.secret(encryptionPassword) }),
    load: (server) =>
      new DumpImporter(
        name,
        {
          tenant,
          server,
          dhis2,
          dump,
          directory: ROOT,
          sha256,
          sanitise,
          reimport,
          target,
        },
        { parent },
      ),
  };
}
