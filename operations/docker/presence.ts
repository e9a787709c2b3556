import type Docker from "dockerode";
import { connect } from "./engine";
import { gaveUp, waitUntilHealthy } from "./health";
import type { Show } from "./server";
import { dockerCommand, LABELS } from "../../components/contract/dockerTarget";

/** What the stack knows of a container. */
export interface Known {
  host: string;
  stack: string;
  name: string;
}

/** A container is not as the stack left it and cannot be put right here; the message says what to type. */
export class ContainerRefused extends Error {
  override name = "ContainerRefused";
}

/**
 * Makes a container's name free before the container is made. A start that failed, or an `up` that was killed, leaves
 * a container that the state does not know; it has the state's mark, and its data are in volumes.
 * @param mark of this stack's state
 * @param grace seconds between being asked to stop and being killed
 * @throws ContainerRefused if the name is that of a container that this state did not make
 */
export async function freeName(
  { host, stack, name }: Known,
  mark: string,
  grace: number,
  docker: Docker = connect(host),
): Promise<void> {
  const container = docker.getContainer(name);
  const found = await inspected(container);
  if (!found) return;
  if (found.Config.Labels[LABELS.stack] !== mark) {
    throw new ContainerRefused(
      `container ${name}: its name is taken at ${host} by a container that stack ${stack} did not make ` +
        `(${found.State.Status}, of image ${found.Config.Image}). It is left as it is. If nobody needs it, remove it: ` +
        `${dockerCommand(host)} rm --force ${name}`,
    );
  }
  if (found.State.Running) await container.stop({ t: grace });
  await container.remove({ force: true, v: true });
}

/**
 * Brings a container that the state has back to what it was made for: under its name, and running. One that runs
 * already is not waited for.
 * @param seconds it may take until its health check passes
 * @returns what is wrong with it all the same, for a person
 * @throws ContainerRefused, RunFailed
 */
export async function bringBack(
  known: Known & { id: string; seconds: number },
  show: Show,
  docker: Docker = connect(known.host),
): Promise<string | undefined> {
  const { host, name, id, seconds } = known;
  const container = docker.getContainer(id);
  const { Name, State } = await whereItIs(known, container);
  if (Name !== `/${name}`) {
    await show(`${Name.slice(1)} is called ${name} again`);
    await container.rename({ name }).catch(refusal(known, "cannot get its name back"));
  }
  if (State.Paused) {
    // What its health check says is still of the pause.
    await container.unpause();
    return undefined;
  }
  if (gaveUp(State)) {
    await show(`restarting ${name}: ${lastCheck(State)}`);
    await waitUntilHealthy(host, name, seconds, show, docker);
    return undefined;
  }
  if (State.Running && !State.Restarting) return illness(known, State);
  await show(`starting ${name}, which was ${State.Status} (exit code ${State.ExitCode})`);
  await container.start().catch(refusal(known, "cannot be started"));
  await waitUntilHealthy(host, name, seconds, show, docker);
  return undefined;
}

/**
 * As `bringBack`, for a preview: nothing is touched.
 * @returns what an `up` would find, for a person
 * @throws ContainerRefused if an `up` could not go on
 */
export async function findMissing(
  known: Known & { id: string },
  docker: Docker = connect(known.host),
): Promise<string | undefined> {
  const { Name, State } = await whereItIs(known, docker.getContainer(known.id));
  if (Name !== `/${known.name}`)
    return `container ${known.name} is called ${Name.slice(1)}; pulumi up renames it`;
  if (State.Paused || !State.Running)
    return `container ${known.name} is ${State.Status} (exit code ${State.ExitCode}); pulumi up starts it`;
  if (gaveUp(State)) return `container ${known.name}: ${lastCheck(State)} pulumi up restarts it`;
  return illness(known, State);
}

/** The containers, of those named, that do not run or whose health check does not pass, each with what to type. */
export async function listFailing(
  host: string,
  names: readonly string[],
  docker: Docker = connect(host),
): Promise<string[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const State = (await inspected(docker.getContainer(name)))?.State;
      const health = State?.Health?.Status;
      if (State?.Status === "running" && (health ?? "healthy") === "healthy") return [];
      const state = State ? `${State.Status}${State.Running && health ? `, ${health}` : ""}` : "not there";
      return [`${name} is ${state}. See: ${dockerCommand(host)} logs --tail 50 ${name}`];
    }),
  );
  return found.flat();
}

type Inspected = Docker.ContainerInspectInfo;
type Failure = Error & { statusCode?: number };

async function whereItIs(known: Known, container: Docker.Container): Promise<Inspected> {
  const found = await inspected(container);
  if (found) return found;
  throw new ContainerRefused(
    `container ${known.name} is gone from ${known.host}; somebody has removed it. Its data are in volumes. ${again(known)}`,
  );
}

function inspected(container: Docker.Container): Promise<Inspected | undefined> {
  return container.inspect().catch((error: Failure) => {
    if (error.statusCode === 404) return undefined;
    throw error;
  });
}

/** What Docker refused with, and the way to have the container made again. */
function refusal(known: Known, what: string): (error: Failure) => void {
  return ({ statusCode, message }) => {
    if (statusCode === 304) return;
    const { host, name } = known;
    const why = message.replace(/^\(HTTP code \d+\) [a-z ]+ - /, "").trim();
    throw new ContainerRefused(
      `container ${name} ${what}: ${why}. If that cannot be mended, remove it, its data are in volumes: ` +
        `${dockerCommand(host)} rm --force ${name}\n${again(known)}`,
    );
  };
}

function again({ stack }: Known): string {
  return `To have it made again: pulumi up --refresh -s ${stack} (npm start does that by itself)`;
}

const lastCheck = ({ Health }: Inspected["State"]) => Health?.Log.at(-1)?.Output.trim();

function illness({ host, name }: Known, state: Inspected["State"]): string | undefined {
  if (state.Health?.Status !== "unhealthy") return undefined;
  const said = lastCheck(state);
  return (
    `container ${name} runs, but its health check fails${said ? `: ${said}` : ""}. ` +
    `See: ${dockerCommand(host)} logs --tail 50 ${name}`
  );
}
