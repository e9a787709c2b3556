import type * as pulumi from "@pulumi/pulumi";
import type { Target, TenantIdentity } from "../contract/target";
import type { ImportDestination } from "../DataManagementServer/contract";

export interface DumpImporterArgs {
  tenant: TenantIdentity;
  /** The server whose database takes the data; it need not run yet. */
  server: ImportDestination;
  /** The version of DHIS2 that will run on them: a dump of a newer one is refused. */
  dhis2: string;
  /** A file's path on the machine that runs `pulumi`, or `s3://bucket/key`. */
  dump: string;
  /** What a relative path of a dump is relative to. @default the program's folder */
  directory?: string;
  /** SHA-256 of the dump as it is stored; the job refuses any other. */
  sha256: string;
  /** Switch off jobs, messages and integrations: for a clone, not for a move. @default false */
  sanitise?: boolean;
  /** PostgreSQL's name of the encoding of a SQL_ASCII database's text. @default UTF8 */
  encoding?: string;
  /** What the dump has and the server does not get: names of tables, views, functions … @default nothing */
  leaveOut?: readonly string[];
  /** Let another dump replace data that were imported earlier. @default false */
  reimport?: boolean;
  target: Target;
}

export interface ImportOutputs {
  /** SHA-256 of what is in the database, known once it is. */
  imported: pulumi.Output<string>;
}
