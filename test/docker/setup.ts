import { useEngine } from "./engine";

/** Once for the whole tier: its files find the engine by `DOCKER_HOST`. */
export default async function setup(): Promise<() => Promise<void>> {
  const { host, release } = await useEngine();
  process.env["DOCKER_HOST"] = host;
  return release;
}
