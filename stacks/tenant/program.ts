import * as pulumi from "@pulumi/pulumi";
import { BackupVault } from "../../components/BackupVault";
import type { BackupVaultArgs } from "../../components/BackupVault/contract";
import { DataManagementServer } from "../../components/DataManagementServer";
import type { InitialData } from "../../components/DataManagementServer/contract";
import { Gateway } from "../../components/Gateway";
import { Monitoring } from "../../components/Monitoring";
import { DumpImporter } from "../../components/DumpImporter";
import { SslEndpoint } from "../../components/SslEndpoint";
import { remember } from "../../components/doOnce";
import type { Target, TargetKind, TenantIdentity } from "../../components/contract/target";
import { keepsData } from "../../plans/plans";
import { SpecError } from "../config";
import { callsSent, configKeys, holdsSecret, readConfig, refuse, valueInStackFile } from "../runtime";
import { dockerPlace } from "./docker";
import { awsProblems } from "./instanceTypes";
import type { TenantFiles } from "./files";
import { readRequest, type Request } from "./request";
import { setWithPulumi } from "./secrets";
import { refuseDropping, standings } from "./servers";
import {
  targetKindOf,
  type AwsTenant,
  type DockerTenant,
  type ServerSpec,
  type Tenant,
  type Tenants,
} from "./spec";
import { awsTarget, checkHostnames, copies, readPlatform, regionProvider } from "./target";
import { TenantRoot } from "./tenant";

const TENANT_KEY = "dhistance:tenant";

/** The tenant whose name the stack has; what it exports is the summary that people and scripts read. */
export async function tenant() {
  const { request, place } = await accepted();
  const { spec, entitlement, token, warnings } = request;
  for (const warning of warnings) await pulumi.log.warn(warning);

  // A plan can go on while AWS is asked; nothing may be made before it has answered.
  if (pulumi.runtime.isDryRun()) await callsSent();
  else await place.problems.then(refuseFor);
  const root = new TenantRoot(entitlement, token, { providers: [place.provider] });
  const target = place.target(root);
  const identity: TenantIdentity = { id: entitlement.tenant, plan: entitlement.plan };

  remember(
    `${identity.id}-servers`,
    { because: standings(spec.servers, identity.plan), refuse: refuseDropping },
    { parent: root },
  );
  const servers: DataManagementServer[] = [];
  for (const server of spec.servers) {
    servers.push(makeServer(server, { tenant: identity, target, files: request.files }, root));
    await callsSent();
  }
  const vault = new BackupVault(
    `${identity.id}-vault`,
    { tenant: identity, servers, target, ...place.destinations },
    { parent: root },
  );
  const gateway = new Gateway(
    `${identity.id}-gateway`,
    {
      tenant: identity,
      servers,
      keepsAuthority: keepsData(
        identity.plan,
        spec.servers.every(({ retire }) => retire),
      ),
      target,
    },
    { parent: root },
  );
  const monitoring = new Monitoring(
    `${identity.id}-monitoring`,
    { tenant: identity, displayName: spec.displayName, servers, gateway, vault, target },
    { parent: root },
  );

  await place.problems.then(refuseFor);

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
    backups: vault.backups,
    contacts: spec.contacts,
    monitoring: monitoring.page,
    ...(gateway.authority && { authority: gateway.authority }),
  };
}

function refuseFor(problems: string[]): void {
  if (problems.length > 0) refuse(pulumi.getStack(), problems);
}

/** Where the tenant goes. All providers are made here: the engine starts them, a program each, while this one goes on. */
interface Place {
  provider: pulumi.ProviderResource;
  target: (parent: pulumi.Resource) => Target;
  destinations: Pick<BackupVaultArgs, "regions" | "onPremises">;
  /** What stands against it, where asking takes so long that the program goes on meanwhile. */
  problems: Promise<string[]>;
}

/** Finds a tenant's place on each kind of target: a kind without a line here does not compile. */
const PLACES: { [Kind in TargetKind]: (spec: Tenants[Kind], request: Request) => Promise<Place> } = {
  aws: placeOnAws,
  docker: placeOnDocker,
};

function placeOf(request: Request): Promise<Place> {
  // The compiler does not see that this is the one for the spec's own kind.
  const find = PLACES[targetKindOf(request.spec)] as (spec: Tenant, request: Request) => Promise<Place>;
  return find(request.spec, request);
}

async function placeOnDocker(spec: DockerTenant, { entitlement, files }: Request): Promise<Place> {
  const { provider, target } = await dockerPlace(entitlement.tenant, spec, files);
  return {
    provider,
    target: () => target,
    destinations: { regions: [], onPremises: [] },
    problems: Promise.resolve([]),
  };
}

async function placeOnAws(spec: AwsTenant, { entitlement }: Request): Promise<Place> {
  const platform = await readPlatform(spec);
  checkHostnames(spec, platform);
  const provider = regionProvider(spec, entitlement, platform);
  return {
    provider,
    target: (parent) => awsTarget(spec, platform, entitlement, parent),
    destinations: copies(spec, entitlement, provider),
    problems: awsProblems(entitlement.tenant, spec, platform, provider),
  };
}

/** What the stack asks for and what it stands on, or the end of the program with everything that is wrong. */
async function accepted(): Promise<{ request: Request; place: Place }> {
  const stack = pulumi.getStack();
  try {
    const request = await readRequest({
      stack,
      keys: configKeys(),
      entitlement: readConfig("dhistance:entitlement"),
      tenant: readConfig(TENANT_KEY),
      file: {
        value: holdsSecret(TENANT_KEY) ? await valueInStackFile(TENANT_KEY) : undefined,
        holdsSecret: holdsSecret(TENANT_KEY),
        setSecret: setWithPulumi,
      },
      project: pulumi.getRootDirectory(),
    });
    return { request, place: await placeOf(request) };
  } catch (error) {
    if (error instanceof SpecError) return refuse(stack, error.problems);
    throw error;
  }
}

/** What all of a tenant's servers share. */
interface Context {
  tenant: TenantIdentity;
  target: Target;
  files: TenantFiles;
}

/** A server with its endpoint and, if it begins with data of another system, their import. */
function makeServer(spec: ServerSpec, context: Context, parent: pulumi.Resource): DataManagementServer {
  const { tenant, target } = context;
  const { name: server, hostname, dhis2, size, instances, retire } = spec;
  const name = `${tenant.id}-${server}`;
  const endpoint = new SslEndpoint(
    `${name}-endpoint`,
    { tenant, server, hostname, sticky: instances > 1, target },
    { parent },
  );
  const data = spec.import && initialData(spec, spec.import, context, parent);
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
  { name: server, dhis2 }: ServerSpec,
  { dump, sha256, sanitise, reimport, encryptionPassword }: NonNullable<ServerSpec["import"]>,
  { tenant, target, files }: Context,
  parent: pulumi.Resource,
): InitialData {
  return {
    sha256,
    dump,
    sanitise,
    reimport,
    ...(encryptionPassword && { encryptionPassword: pulumi.secret(encryptionPassword) }),
    load: (destination) =>
      new DumpImporter(
        `${tenant.id}-${server}-import`,
        {
          tenant,
          server: destination,
          dhis2,
          dump,
          directory: files.folder,
          sha256,
          sanitise,
          reimport,
          target,
        },
        { parent },
      ),
  };
}
