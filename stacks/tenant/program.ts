import * as pulumi from "@pulumi/pulumi";
import { BackupVault } from "../../components/BackupVault";
import type { BackupVaultArgs } from "../../components/BackupVault/contract";
import { DataManagementServer } from "../../components/DataManagementServer";
import type { InitialData } from "../../components/DataManagementServer/contract";
import { portsOf, settingsText } from "../../components/DataManagementServer/settings/settings";
import { Gateway } from "../../components/Gateway";
import { Monitoring } from "../../components/Monitoring";
import { DumpImporter } from "../../components/DumpImporter";
import { SslEndpoint } from "../../components/SslEndpoint";
import { remember } from "../../components/doOnce";
import type { Target, TargetKind, TenantIdentity } from "../../components/contract/target";
import { EntitlementError, hasExpired, issuedAt, refuseOlder } from "../../plans/entitlement";
import { keepsData } from "../../plans/plans";
import { SpecError } from "../config";
import {
  callsSent,
  configKeys,
  holdsSecret,
  lastOutputs,
  readConfig,
  refuse,
  valueInStackFile,
} from "../runtime";
import { dockerDestination } from "./docker";
import {
  givenUpNotices,
  refuseComingBack,
  regionsGivenUp,
  type BackupsBefore,
  type RegionGivenUp,
} from "./givenUp";
import { awsProblems } from "./instanceTypes";
import type { TenantFiles } from "./files";
import { readRequest, type Request } from "./request";
import { setWithPulumi } from "./secrets";
import { refuseShrinking, storageNotices, storageOf, type Storage } from "./storage";
import { refuseDropping, refuseGrowth, standings, type ServersBefore } from "./servers";
import {
  targetKindOf,
  type AwsTenant,
  type DockerTenant,
  type ServerSpec,
  type Tenant,
  type Tenants,
} from "./spec";
import {
  awsTarget,
  checkHostnames,
  backupLocations,
  readPlatform,
  regionProvider,
  regionsOf,
} from "./target";
import { TenantRoot } from "./tenant";

const TENANT_KEY = "dhistance:tenant";

/** The tenant whose name the stack has; what it exports is the summary that people and scripts read. */
export async function tenant() {
  const { request, destination } = await accepted();
  const { spec, entitlement, token, warnings } = request;
  for (const warning of warnings) await pulumi.log.warn(warning);

  // A plan can go on while AWS is asked; nothing may be made before it has answered.
  if (pulumi.runtime.isDryRun()) await callsSent();
  else await destination.problems.then(refuseFor);
  const root = new TenantRoot(
    entitlement,
    token,
    spec.servers.map(({ name }) => `${entitlement.tenant}-${name}`),
    { providers: [destination.provider] },
  );
  const target = destination.target(root);
  const identity: TenantIdentity = { id: entitlement.tenant, plan: entitlement.plan };

  remember(
    `${identity.id}-servers`,
    { because: standings(spec.servers, identity.plan), refuse: refuseDropping },
    { parent: root },
  );
  const servers: DataManagementServer[] = [];
  for (const server of spec.servers) {
    const storageGiB = destination.storage?.get(server.name);
    servers.push(
      makeServer(
        server,
        { tenant: identity, target, files: request.files, storageGiB, timeZone: spec.timeZone },
        root,
      ),
    );
    await callsSent();
  }
  const vault = new BackupVault(
    `${identity.id}-vault`,
    { tenant: identity, servers, target, ...destination.backups },
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

  await destination.problems.then(refuseFor);

  return {
    tenant: {
      id: entitlement.tenant,
      displayName: spec.displayName,
      plan: entitlement.plan,
      servers: { used: servers.length, allowed: entitlement.maxServers },
      entitledUntil: entitlement.expiresAt,
      entitlementIssuedAt: issuedAt(token, entitlement),
    },
    servers: Object.fromEntries(
      spec.servers.map(({ name, dhis2, size, instances }, index) => {
        const { url, database, files, logs } = servers[index] as DataManagementServer;
        return [name, { url, dhis2, size, instances, database, files, logs }];
      }),
    ),
    backups: vault.backups,
    ...(vault.outlives && { afterDestroy: vault.outlives }),
    ...(destination.regionsGivenUp?.length && { regionsGivenUp: destination.regionsGivenUp }),
    contacts: spec.contacts,
    monitoring: monitoring.page,
    ...(gateway.authority && { authority: gateway.authority }),
  };
}

function refuseFor(problems: string[]): void {
  if (problems.length > 0) refuse(pulumi.getStack(), problems);
}

/** Where the tenant goes. All providers are made here: the engine starts their programs while this one continues. */
interface Destination {
  provider: pulumi.ProviderResource;
  target: (parent: pulumi.Resource) => Target;
  backups: Pick<BackupVaultArgs, "regions" | "onPremises">;
  /** On AWS the storage of databases whose size changes. */
  storage?: Storage;
  /** On AWS, those that backups no longer go to. */
  regionsGivenUp?: RegionGivenUp[];
  /** Problems that take long to find; the program continues meanwhile. */
  problems: Promise<string[]>;
}

/** Finds a tenant's destination on each kind of target: a kind without a line here does not compile. */
const DESTINATIONS: {
  [Kind in TargetKind]: (spec: Tenants[Kind], request: Request, last: LastOutputs) => Promise<Destination>;
} = {
  aws: destinationOnAws,
  docker: destinationOnDocker,
};

function destinationOf(request: Request, last: LastOutputs): Promise<Destination> {
  // The compiler does not see that this is the one for the spec's own kind.
  const find = DESTINATIONS[targetKindOf(request.spec)] as (
    spec: Tenant,
    request: Request,
    last: LastOutputs,
  ) => Promise<Destination>;
  return find(request.spec, request, last);
}

async function destinationOnDocker(
  spec: DockerTenant,
  { entitlement, files }: Request,
): Promise<Destination> {
  const { provider, target } = await dockerDestination(entitlement.tenant, spec, files);
  return {
    provider,
    target: () => target,
    backups: { regions: [], onPremises: [] },
    problems: Promise.resolve([]),
  };
}

async function destinationOnAws(
  spec: AwsTenant,
  { entitlement }: Request,
  last: LastOutputs,
): Promise<Destination> {
  const platform = await readPlatform(spec);
  checkHostnames(spec, platform);
  const provider = regionProvider(spec, entitlement, platform);
  const storage = await storageOf(spec.servers, last.servers ?? {}, provider);
  const problems = [
    ...refuseShrinking(spec.servers, storage),
    ...refuseComingBack(spec.backups.locations, last, new Date()),
  ];
  if (problems.length > 0) throw new SpecError(problems);
  const givenUp = regionsGivenUp(entitlement.tenant, last, regionsOf(spec), new Date());
  for (const notice of [...storageNotices(spec.servers, storage), ...givenUpNotices(givenUp, last)])
    await pulumi.log.warn(notice);
  return {
    provider,
    storage,
    regionsGivenUp: givenUp,
    target: (parent) => awsTarget(spec, platform, entitlement, parent),
    backups: backupLocations(spec, entitlement, platform, provider),
    problems: awsProblems(entitlement.tenant, spec, platform, provider),
  };
}

/** The request and its destination; ends the program with all problems if there are any. */
async function accepted(): Promise<{ request: Request; destination: Destination }> {
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
    const last: LastOutputs = await lastOutputs();
    refuseByPast(request, last);
    return { request, destination: await destinationOf(request, last) };
  } catch (error) {
    if (error instanceof SpecError) return refuse(stack, error.problems);
    throw error;
  }
}

/**
 * Judges a request by what the last `up` of the stack exported.
 * @throws SpecError for an entitlement older than the last one, and for what an expired one does not allow
 */
function refuseByPast({ entitlement, token, spec }: Request, last: LastOutputs): void {
  try {
    const newest = last.tenant?.entitlementIssuedAt;
    if (newest) refuseOlder(entitlement.tenant, issuedAt(token, entitlement), newest);
  } catch (error) {
    if (!(error instanceof EntitlementError)) throw error;
    throw new SpecError([`dhistance:entitlement: ${error.message}`]);
  }
  if (!hasExpired(entitlement)) return;
  const why = refuseGrowth(entitlement, last.servers ?? {}, spec.servers);
  if (why) throw new SpecError([`dhistance:entitlement: ${why}`]);
}

/** What is read again of a stack's outputs; former versions exported less. */
interface LastOutputs extends BackupsBefore {
  tenant?: { entitlementIssuedAt?: string };
  servers?: ServersBefore;
}

/** What all of a tenant's servers share. */
interface Context {
  tenant: TenantIdentity;
  target: Target;
  files: TenantFiles;
  /** That the server's database has already, if AWS was asked. */
  storageGiB: number | undefined;
  /** Of servers that have none of their own. */
  timeZone: string | undefined;
}

/** A server with its endpoint and, if it begins with data of another system, their import. */
function makeServer(spec: ServerSpec, context: Context, parent: pulumi.Resource): DataManagementServer {
  const { tenant, target } = context;
  const {
    name: server,
    hostname,
    dhis2,
    size,
    instances,
    settings,
    retire,
    timeZone = context.timeZone,
  } = spec;
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
      ...(context.storageGiB !== undefined && { storageGiB: context.storageGiB }),
      ...(timeZone && { timeZone }),
      ...(settings && {
        settings: pulumi.secret(settingsText(dhis2, settings)),
        outwardPorts: portsOf(settings),
      }),
      ...(data && { import: data }),
    },
    { parent },
  );
}

function initialData(
  { name: server, dhis2 }: ServerSpec,
  {
    dump,
    sha256,
    sanitise,
    reimport,
    encoding,
    leaveOut,
    encryptionPassword,
  }: NonNullable<ServerSpec["import"]>,
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
          ...(encoding && { encoding }),
          leaveOut,
          target,
        },
        { parent },
      ),
  };
}
