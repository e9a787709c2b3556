import { execFile } from "node:child_process";
import { copyFile } from "node:fs/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { contents } from "../testing/everyKindOfObject";
import { client, createApplicationRole, importInto, workDirectory } from "../testing/importing";
import { startPostgres, type TestPostgres } from "../testing/postgres";
import {
  haveTrueDumps,
  needTrueDumps,
  restoreTrueDump,
  trueDump,
  type TrueVersion,
} from "../testing/trueDumps";

import { openDump } from "./format";
import { inspectDump } from "./inspect";

// The schema has 300 tables; on a busy machine an import and its comparison take minutes.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 });

const run = promisify(execFile);

describe.runIf(haveTrueDumps)(`a dump of a real DHIS2 comes in as it was${needTrueDumps}`, () => {
  let postgres: TestPostgres;
  let work: Awaited<ReturnType<typeof workDirectory>>;
  const origins = new Map<TrueVersion, Record<string, string>>();

  /** What psql makes of the dump, without the one function that is left out. */
  async function origin(version: TrueVersion): Promise<Record<string, string>> {
    const known = origins.get(version);
    if (known) return known;
    await restoreTrueDump(postgres, version, version);
    await postgres.query("DROP FUNCTION public.gen_random_uuid()", undefined, version);
    const found = await contents(postgres, version);
    origins.set(version, found);
    return found;
  }

  beforeAll(async () => {
    postgres = await startPostgres();
    work = await workDirectory();
    await createApplicationRole(postgres);
    await restoreTrueDump(postgres, "42.5.2", "source");
    const plain = work.path("plain.sql");
    await copyFile(trueDump("42.5.2"), `${plain}.gz`);
    await run("gunzip", ["-k", `${plain}.gz`]);
    await client(postgres, "pg_dump", ["-Fc", "-f", work.path("custom.dump"), "source"]);
    await client(postgres, "pg_dump", ["-Ft", "-f", work.path("tar.dump"), "source"]);
    await client(postgres, "pg_dump", ["-Fd", "-f", work.path("directory"), "source"]);
    await run("tar", ["-czf", work.path("directory.tgz"), "-C", work.path("directory"), "."]);
  });
  afterAll(async () => {
    await postgres.stop();
    await work.remove();
  });

  async function expectSame(path: string, version: TrueVersion): Promise<void> {
    const options = { reimport: true, excludeAnalytics: false, dhis2Version: version };
    const result = await importInto(postgres, path, options);
    expect(await contents(postgres, "live")).toEqual(await origin(version));
    expect(result.leftOut).toContainEqual(
      expect.objectContaining({ what: expect.stringContaining("public.gen_random_uuid()") as string }),
    );
    expect(result.validation?.problems).toEqual([]);
    if (result.kept !== undefined) await postgres.query(`DROP DATABASE "${result.kept}"`);
  }

  it.each(["plain.sql", "plain.sql.gz", "custom.dump", "tar.dump", "directory.tgz"])("42.5.2 as %s", (name) =>
    expectSame(work.path(name), "42.5.2"),
  );

  it("is refused for an earlier release, which would never start on it, and the live database stays", async () => {
    const dump = trueDump("42.5.2");
    const live = await postgres.query("SELECT oid FROM pg_database WHERE datname = 'live'");
    const refused =
      /newest migration is 2\.42\.52, that of 42\.4\.1 is 2\.42\.47\. DHIS2 42\.4\.1 would not start/;
    const imported = importInto(postgres, dump, { reimport: true, dhis2Version: "42.4.1" });
    await expect(imported).rejects.toThrow(refused);
    expect(await postgres.query("SELECT oid FROM pg_database WHERE datname = 'live'")).toEqual(live);
    const inspection = await inspectDump(await openDump(dump), { dhis2Version: "42.4.1" });
    expect(inspection.refused.map(({ reason }) => reason)).toEqual([expect.stringMatching(refused)]);
    expect((await inspectDump(await openDump(dump), { dhis2Version: "42.5.2" })).refused).toEqual([]);
  });

  it("is refused when tables of DHIS2 are missing, with their names, and the live database stays", async () => {
    const path = work.path("without.sql");
    const excluded = ["aggregated*", "completeness*", "dashboard_items"].flatMap((name) => ["-T", name]);
    await client(postgres, "pg_dump", [...excluded, "-f", path, "source"]);
    const live = await postgres.query("SELECT oid FROM pg_database WHERE datname = 'live'");
    const refused = /DHIS2 2\.42\.52 but lacks 2 of its own tables: aggregatedataexchange, dashboard_items\./;
    await expect(importInto(postgres, path, { reimport: true })).rejects.toThrow(refused);
    expect(await postgres.query("SELECT oid FROM pg_database WHERE datname = 'live'")).toEqual(live);
    const inspection = await inspectDump(await openDump(path));
    expect(inspection.refused.map(({ reason }) => reason)).toEqual([expect.stringMatching(refused)]);
    const leaveOut = ["aggregatedataexchange", "public.dashboard_items"];
    expect((await inspectDump(await openDump(path), { leaveOut })).refused).toEqual([]);
    const { leftOut } = await importInto(postgres, path, { reimport: true, leaveOut });
    expect(leftOut.map(({ what }) => what)).toContainEqual(
      expect.stringMatching(/that the dump lacks, .*: aggregatedataexchange, dashboard_items$/),
    );
    for (const version of ["41.9.1", "43.1.0"] as const)
      expect((await inspectDump(await openDump(trueDump(version)))).refused).toEqual([]);
  });

  it("sanitised, lets nobody in but the one account: no self-registration, no invitation", async () => {
    const account = { username: "admin", password: "A new one, for the clone 1" };
    await importInto(postgres, trueDump("43.1.0"), { reimport: true, sanitise: { account } });
    const [registration] = await postgres.query(
      `SELECT (SELECT count(*) FROM configuration WHERE selfregistrationrole IS NOT NULL OR selfregistrationorgunit IS NOT NULL)
        + (SELECT count(*) FROM systemsetting WHERE name = 'keySelfRegistrationNoRecaptcha')
        + (SELECT count(*) FROM userinfo WHERE restoretoken IS NOT NULL OR invitation OR (password <> '!' AND username <> 'admin')) AS open,
        (SELECT passwordlastupdated > now() - interval '1 hour' AND NOT disabled AND accountexpiry IS NULL FROM userinfo WHERE username = 'admin') AS "canLogIn"`,
      undefined,
      "live",
    );
    expect(registration).toEqual({ open: "0", canLogIn: true });
  });

  it.each(["41.9.1", "43.1.0"] as const)("%s", (version) => expectSame(trueDump(version), version));
});
