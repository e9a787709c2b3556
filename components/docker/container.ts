import { Container, type ContainerArgs } from "@pulumi/docker/container";
import { RemoteImage } from "@pulumi/docker/remoteImage";
import * as pulumi from "@pulumi/pulumi";
import { doOnce, valueOf } from "../doOnce";
import { LABELS, type DockerTarget } from "../contract/dockerTarget";

export interface ServiceArgs {
  /** A reference, or the image itself where something else was asked of it. */
  image: string | RemoteImage;
  user: pulumi.Input<number>;
  /** @default the image's own */
  entrypoint?: string[];
  command?: pulumi.Input<string[]>;
  environment?: Record<string, string>;
  /** Networks by name, each with the names it has there besides the container's own. */
  networks: { name: pulumi.Input<string>; aliases?: string[] }[];
  /** Named volumes by the path they are at. */
  volumes: Record<string, pulumi.Input<string>>;
  /** The same, to be read and not written. @default none */
  reads?: Record<string, pulumi.Input<string>>;
  /** Paths that lose what is in them at every start. */
  scratch: Record<string, string>;
  /** Files by path, readable for its user: in the container and not in its environment, which children inherit. */
  files: Record<string, pulumi.Input<string>>;
  /** MiB; more is refused, and swapped out is nothing. */
  memory: number;
  shm?: number;
  /** Processes and threads. */
  pids: number;
  capabilities?: string[];
  ports?: { internal: number; external: number; ip: string }[];
  healthcheck?: ContainerArgs["healthcheck"];
  /** Seconds it may take until its health check passes, which it or its image has to have. */
  startSeconds: number;
  /** Seconds between being asked to stop and being killed. */
  stopSeconds: number;
}

/** Seconds as the engine gives them back; written otherwise they would be a change at every `up`. */
export function duration(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}h${m}m${s}s` : m > 0 ? `${m}m${s}s` : `${s}s`;
}

export interface Service {
  container: Container;
  /** Its health check has passed. */
  started: pulumi.Resource;
}

/** The image of a container, pulled. It is kept on the host when nothing uses it: other tenants' containers may. */
export function pulledImage(
  container: string,
  reference: string,
  opts: pulumi.CustomResourceOptions,
): RemoteImage {
  return new RemoteImage(`${container}-image`, { name: reference, keepLocally: true }, opts);
}

/**
 * A container that runs for good, with no more than it needs: a user that is not root, no capabilities and no way to
 * get any, a limit on memory and on processes, logs that do not grow. It comes back with the engine. Its root is not
 * read-only, for the provider could lay no file in it; but nothing in it is its user's to change.
 */
export function service(
  name: string,
  target: DockerTarget,
  args: ServiceArgs,
  opts: pulumi.CustomResourceOptions,
): Service {
  const image = typeof args.image === "string" ? pulledImage(name, args.image, opts) : args.image;
  const container = new Container(
    name,
    {
      name,
      image: image.imageId,
      ...(args.entrypoint && { entrypoints: args.entrypoint }),
      ...(args.command && { command: args.command }),
      envs: Object.entries(args.environment ?? {}).map(([key, value]) => `${key}=${value}`),
      user: pulumi.interpolate`${args.user}:${args.user}`,
      networksAdvanced: args.networks,
      volumes: [
        ...Object.entries(args.volumes).map(([containerPath, volumeName]) => ({ containerPath, volumeName })),
        ...Object.entries(args.reads ?? {}).map(([containerPath, volumeName]) => ({
          ...{ containerPath, volumeName, readOnly: true },
        })),
      ],
      tmpfs: args.scratch,
      uploads: Object.entries(args.files).map(([file, content]) => ({ file, content, permissions: "0444" })),
      capabilities: { drops: ["ALL"], adds: args.capabilities ?? [] },
      securityOpts: ["no-new-privileges:true"],
      labels: [
        { label: LABELS.container, value: name },
        { label: LABELS.stack, value: target.mark },
      ],
      memory: args.memory,
      memorySwap: args.memory,
      ...(args.shm && { shmSize: args.shm }),
      ...(args.ports && { ports: args.ports }),
      ...(args.healthcheck && { healthcheck: args.healthcheck }),
      // Also one that was stopped, by a restore that was killed, comes back with the engine.
      restart: "always",
      destroyGraceSeconds: args.stopSeconds,
      stopTimeout: args.stopSeconds,
      logDriver: "json-file",
      logOpts: { "max-size": "10m", "max-file": "5" },
    },
    {
      ...opts,
      // The new one has the old one's name, ports and volumes.
      deleteBeforeReplace: true,
      hooks: { beforeCreate: [nameFreed(name, target, args)] },
    },
  );
  // Not by the provider's `wait`: a container that ends again and again it would wait for to the end, and say nothing.
  const started = doOnce(
    `${name}-started`,
    {
      title: `start of ${name}`,
      rehearsal: target.rehearsal,
      because: {
        container: container.id.apply((id) => broughtBack(id, name, target, args)),
        pids: args.pids,
      },
      work: async (show) => {
        const { limitProcesses, waitUntilHealthy } = await import("../../operations/docker/health");
        await waitUntilHealthy(target.host, name, args.startSeconds, show);
        await limitProcesses(target.host, name, args.pids);
      },
    },
    { ...opts, dependsOn: [container] },
  );
  return { container, started };
}

function nameFreed(name: string, target: DockerTarget, { stopSeconds }: ServiceArgs): pulumi.ResourceHook {
  return new pulumi.ResourceHook(`${name}-name`, async () => {
    if (target.rehearsal) return;
    const { freeName } = await import("../../operations/docker/presence");
    const known = { host: target.host, stack: pulumi.getStack(), name };
    await freeName(known, await valueOf(target.mark), stopSeconds);
  });
}

/**
 * The state says what was made; only the Docker engine knows whether it still runs. It is asked at every `up`, since
 * Pulumi plans no change for a container that somebody stopped.
 * @returns the id
 */
async function broughtBack(
  id: string,
  name: string,
  { host, rehearsal }: DockerTarget,
  { startSeconds }: ServiceArgs,
): Promise<string> {
  if (rehearsal) return id;
  const { bringBack, ContainerRefused, findMissing } = await import("../../operations/docker/presence");
  const known = { host, stack: pulumi.getStack(), name, id };
  const show = (line: string) => pulumi.log.info(line, undefined, undefined, true);
  try {
    const found = pulumi.runtime.isDryRun()
      ? await findMissing(known)
      : await bringBack({ ...known, seconds: startSeconds }, show);
    if (found) await pulumi.log.warn(found);
  } catch (error) {
    throw error instanceof ContainerRefused ? new pulumi.RunError(error.message) : error;
  }
  return id;
}
