import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPostgres, type TestPostgres } from "../../testing/postgres";
import { LoadError, Session } from "./session";

describe("rows the server refuses", () => {
  let postgres: TestPostgres;
  let session: Session;
  beforeAll(async () => {
    postgres = await startPostgres();
    const { host, port, user, password } = postgres;
    session = await Session.open(
      { host, port, user, password, database: "postgres" },
      { maintenanceMemory: 64, maintenanceWorkers: 0, statementTimeout: 60 },
    );
    // It takes its time to refuse: until then the connection is full, and more waits to be written.
    await session.run(
      "CREATE TABLE public.few (i int CHECK (i < 10 OR pg_sleep(0.3)::text = '-'), filler text)",
    );
  });
  afterAll(async () => {
    await session.close();
    await postgres.stop();
  });

  const rows = (first: number) => Buffer.from(`${first}\t${"x".repeat(1000)}\n`.repeat(1000));

  it.each([
    ["before the rest is written", [10, 1]],
    ["while the rest is written", [1, 10]],
  ])("%s: the rest is dropped, the connection is good for more", async (_, [early = 0, late = 0]) => {
    const { stream, done } = session.copy("COPY public.few FROM stdin");
    const refused = expect(done).rejects.toThrow(/violates check constraint/);
    stream.write(rows(early));
    await sleep(600);
    // Far more than the connection takes at once.
    for (let i = 0; i < 100; i++) stream.write(rows(late));
    await refused;
    expect(await session.run("SELECT count(*)::int FROM public.few")).toMatchObject([
      { rows: [{ count: 0 }] },
    ]);
    await expect(session.run("SELECT 1/0")).rejects.toThrow(LoadError);
  });
});
