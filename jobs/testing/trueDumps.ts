/** Dumps of real DHIS2 databases. They lie beside the checkout, because they are not this project's to publish. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestPostgres } from "./postgres";

const run = promisify(execFile);
const folder = join(__dirname, "../../../shared/dhis2");

export const trueVersions = ["41.9.1", "42.5.2", "43.1.0"] as const;
export type TrueVersion = (typeof trueVersions)[number];

export function trueDump(version: TrueVersion): string {
  return join(folder, `dhis2-${version}.sql.gz`);
}

export const haveTrueDumps = trueVersions.every((version) => existsSync(trueDump(version)));
/** For the titles of tests that are skipped without them. */
export const needTrueDumps = haveTrueDumps
  ? ""
  : " (SKIPPED: needs dumps of a real DHIS2 in ../shared/dhis2)";

/** Restores a dump with psql, as its owner's own administrator would. The dumps grant to a role `dhis2`. */
export async function restoreTrueDump(
  postgres: TestPostgres,
  version: TrueVersion,
  database: string,
): Promise<void> {
  await postgres.query(
    "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dhis2') THEN CREATE ROLE dhis2; END IF; END $$",
  );
  await postgres.query(`CREATE DATABASE "${database}" TEMPLATE template0 ENCODING 'UTF8'`);
  const psql = 'gunzip -c "$1" | "$2" -X -q -v ON_ERROR_STOP=1 -d "$3"';
  const parameters = [trueDump(version), join(postgres.binDirectory, "psql"), postgres.url(database)];
  await run("bash", ["-o", "pipefail", "-c", psql, "-", ...parameters]);
}
