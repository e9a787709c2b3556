import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runJob } from "../../operations/docker/job";
import { bringBack, findMissing, freeName, listFailing } from "../../operations/docker/presence";
import { LABELS } from "../../components/contract/dockerTarget";
import { BASE, ensureBase, useEngine, type Engine } from "./engine";

/** Containers as people and interrupted runs leave them, on a real engine, with no Pulumi around them. */
const NAME = "tierpresence-hmis-application";
const MARK = "0011223344556677";
let engine: Engine;
beforeAll(async () => {
  engine = await useEngine();
  await ensureBase(engine.docker);
});
afterAll(async () => {
  await removeAll();
  await engine.release();
});
beforeEach(() => removeAll());

async function removeAll(): Promise<void> {
  for (const { Id, Names } of await engine.docker.listContainers({ all: true }))
    if (Names.some((each) => each.startsWith("/tierpresence-")))
      await engine.docker.getContainer(Id).remove({ force: true });
}

/** A container that becomes healthy at once. */
function create(name = NAME, mark: string | null = MARK, command = ["sleep", "infinity"]) {
  return engine.docker.createContainer({
    name,
    Image: BASE,
    Cmd: command,
    Labels: mark === null ? {} : { [LABELS.container]: name, [LABELS.stack]: mark },
    Healthcheck: { Test: ["CMD", "true"], Interval: 1e9, Retries: 2 },
    HostConfig: { NetworkMode: "none", RestartPolicy: { Name: "no" } },
  });
}
const known = (id: string) => ({ host: engine.host, stack: "tierpresence", name: NAME, id, seconds: 60 });
const said: string[] = [];
const show = (line: string) => Promise.resolve(void said.push(line));
const running = async (name = NAME) => (await engine.docker.getContainer(name).inspect()).State.Running;

describe("a container that the state has", () => {
  it.each([
    ["was stopped", (it: Container) => it.start().then(() => it.stop({ t: 0 }))],
    ["was killed", (it: Container) => it.start().then(() => it.kill())],
    ["was made and never started", () => Promise.resolve()],
    ["was paused", (it: Container) => it.start().then(() => it.pause())],
    ["was renamed and stopped", (it: Container) => it.rename({ name: "tierpresence-other" })],
  ])("does not stay down after it %s", async (_, happens) => {
    const container = await create();
    await happens(container);

    expect(await findMissing(known(container.id))).toContain(`container ${NAME} is `);
    expect(await bringBack(known(container.id), show)).toBeUndefined();

    expect(await running()).toBe(true);
    expect((await engine.docker.getContainer(NAME).inspect()).State.Paused).toBe(false);
  });

  it("is left alone while it runs, and its failing health check is reported", async () => {
    const container = await engine.docker.createContainer({
      name: NAME,
      Image: BASE,
      Cmd: ["sleep", "infinity"],
      Healthcheck: { Test: ["CMD-SHELL", "echo no database; false"], Interval: 2e8, Retries: 1 },
      HostConfig: { NetworkMode: "none" },
    });
    await container.start();
    const started = (await container.inspect()).State.StartedAt;
    await expect.poll(() => bringBack(known(container.id), show), { timeout: 20_000 }).toBeDefined();
    expect(await bringBack(known(container.id), show)).toBe(
      `container ${NAME} runs, but its health check fails: no database. ` +
        `See: docker -H ${engine.host} logs --tail 50 ${NAME}`,
    );
    expect((await container.inspect()).State.StartedAt).toBe(started);
  });

  it("in which DHIS2 has given up is restarted: nothing else makes it try again", async () => {
    const check = "test -e /tmp/again || { echo 'DHIS2 failed to start 3 times: no licence.'; exit 1; }";
    const container = await engine.docker.createContainer({
      name: NAME,
      Image: BASE,
      Cmd: [
        "sh",
        "-c",
        "if [ -e /tmp/before ]; then touch /tmp/again; fi; touch /tmp/before; sleep infinity",
      ],
      Healthcheck: { Test: ["CMD-SHELL", check], Interval: 2e8, Retries: 1 },
      HostConfig: { NetworkMode: "none" },
    });
    await container.start();
    await expect
      .poll(() => findMissing(known(container.id)), { timeout: 20_000 })
      .toBe(`container ${NAME}: DHIS2 failed to start 3 times: no licence. pulumi up restarts it`);
    expect(await bringBack(known(container.id), show)).toBeUndefined();
    expect((await container.inspect()).State.Health?.Status).toBe("healthy");
  });

  it("is named when it is gone, with the command that has it made again", async () => {
    const container = await create();
    await container.remove();
    const attempts = [() => findMissing(known(container.id)), () => bringBack(known(container.id), show)];
    for (const attempt of attempts)
      await expect(attempt()).rejects.toThrow(
        /^container tierpresence-hmis-application is gone .* pulumi up --refresh -s tierpresence /,
      );
  });

  it("is named when Docker cannot start it, with what Docker says", async () => {
    const container = await create(NAME, MARK, ["/there-is-no-such-program"]);
    await expect(bringBack(known(container.id), show)).rejects.toThrow(
      /^container tierpresence-hmis-application cannot be started: .*no-such-program.* rm --force tierpresence-hmis-application\n/s,
    );
  });
});
type Container = Awaited<ReturnType<typeof create>>;

describe("a name that a new container needs", () => {
  it.each([
    ["was made and not started, for its start failed", false],
    ["runs, for the up was killed before it wrote the state", true],
  ])("is free again when a container of the same state %s", async (_, start) => {
    const left = await create();
    if (start) await left.start();
    await freeName(known(""), MARK, 1);
    const { id } = await create();
    expect(id).not.toBe(left.id);
    expect((await engine.docker.getContainer(NAME).inspect()).Id).toBe(id);
  });

  it.each([
    ["has no mark of ours", null],
    ["is of another state", "8899aabbccddeeff"],
  ])("is never taken from a container that %s", async (_, mark) => {
    const alien = await create(NAME, mark);
    await alien.start();
    await expect(freeName(known(""), MARK, 1)).rejects.toThrow(
      `If nobody needs it, remove it: docker -H ${engine.host} rm --force ${NAME}`,
    );
    expect(await running()).toBe(true);
  });

  it("is not taken from somebody's container by a job either", async () => {
    const alien = await create("tierpresence-prepare", null);
    await alien.start();
    const job = { host: engine.host, name: "tierpresence-prepare", image: BASE, command: ["true"] };
    await expect(
      runJob("preparation", { ...job, network: "none", memory: 64, patience: 60 }, show),
    ).rejects.toThrow(`rm --force tierpresence-prepare`);
    expect(await running("tierpresence-prepare")).toBe(true);
  });
});

it("says which of several containers it is that does not run", async () => {
  await (await create()).start();
  await expect
    .poll(() => listFailing(engine.host, [NAME, "tierpresence-hmis-database"]), { timeout: 20_000 })
    .toEqual([
      "tierpresence-hmis-database is not there. " +
        `See: docker -H ${engine.host} logs --tail 50 tierpresence-hmis-database`,
    ]);
});
