/** The import job's command line. */
import { availableParallelism } from "node:os";
import { Command, Option } from "commander";
import pc from "picocolors";
import { interruptible, print, runCommand } from "../runCommand";
import {
  askSecret,
  parseCount,
  parseDhis2Version,
  parseDuration,
  parseEncoding,
  parseName,
  parseSha256,
  parseSize,
  readSecret,
  serverConfig,
  UsageError,
  type ServerOptions,
} from "./cli/options";
import { report } from "./cli/progress";
import { importSummary, inspectionSummary } from "./cli/summary";
import { DumpError } from "./errors";
import { openDump } from "./format";
import { inspectDump, type Inspection } from "./inspect";
import { LoadError } from "./load/session";
import { NeedsReimport, ImportProgress, runImport, type ImportOptions } from "./runImport";
import type { SanitiseOptions } from "./sanitise";
import { BusyError, Server, ServerError } from "./server";
import { openSource } from "./source";
import { bytesText } from "./spool";
import { confirm, keptDatabases, rollback } from "./swap";
import { ValidationError } from "./validate";

const exitCodes = `
Exit codes:
  0  done, or nothing to do
  1  a fault of this program
  2  the command makes no sense
  3  the dump is refused: unreadable, wrong checksum, unknown format, cut short, or holds what is never run
  4  the dump was loaded but is not valid: rows missing, a newer DHIS2, no account of that name
  5  the server: no connection, no permission, a full disk
  6  the live database holds something else, and --reimport was not given
  7  another import into the same database is under way
  130, 143  interrupted; the live database is as it was

Whatever the exit code, the live database is wholly the old one or wholly the new one.`;

interface RunFlags extends ServerOptions {
  database: string;
  role: string;
  sha256?: string;
  jobs: number;
  dhis2Version?: string;
  includeAnalytics?: boolean;
  sanitise?: boolean;
  sanitiseUser?: string;
  sanitisePasswordFile?: string;
  reimport?: boolean;
  keepOld?: number;
  fromDatabase?: string;
  encoding?: string;
  leaveOut?: string[];
  maxSpool?: number;
  maxDecompressedSize?: number;
  maxRatio?: number;
  maxDatabaseSize?: number;
  statementTimeout: number;
  dryRun?: boolean;
  json?: boolean;
}

const newerIsRefused = "DHIS2 of the server; the dump of a later release is refused";

export function program(): Command {
  const program = new Command("import")
    .description("Imports PostgreSQL dumps into DHIS2 databases, quickly, and hostile ones never.")
    .addHelpText("after", exitCodes);

  dumpOptions(serverOptions(program.command("run"), false))
    .description(
      "import a dump: load it beside the live database, check it, then let it take the live one's name",
    )
    .option("--role <name>", "role of the application; everything will belong to it", parseName, "dhis")
    .option("--sha256 <hex>", "SHA-256 the dump has to have", parseSha256)
    .option("-j, --jobs <n>", "connections that load at the same time", parseCount, defaultJobs())
    .option("--dhis2-version <version>", newerIsRefused, parseDhis2Version)
    .option("--sanitise", "for clones: jobs, e-mail, SMS, webhooks off; no password or token works")
    .option("--sanitise-user <name>", "with --sanitise: the one account that keeps a password, a new one")
    .option("--sanitise-password-file <path>", "its password; without it, it is asked for")
    .option("--reimport", "replace what an earlier import or the application has put into the live database")
    .option(
      "--keep-old <duration>",
      "keep the previous database at least this long, even if confirmed",
      parseDuration,
    )
    .option("--max-database-size <size>", "stop when the new database grows larger", parseSize)
    .addOption(
      new Option("--statement-timeout <duration>", "longest time of one statement")
        .argParser(parseDuration)
        .default(6 * 3600, "6h"),
    )
    .option("--dry-run", "only inspect the dump; needs no server")
    .action(async (dump: string, flags: RunFlags) =>
      flags.dryRun ? inspect(dump, flags) : run(dump, flags),
    );

  dumpOptions(program.command("inspect"))
    .description("say what a dump holds and whether it could be imported; needs no server")
    .option("--sha256 <hex>", "SHA-256 the dump has to have", parseSha256)
    .option("--dhis2-version <version>", newerIsRefused, parseDhis2Version)
    .option("--json", "one JSON object a line instead of text")
    .action(inspect);

  serverOptions(program.command("confirm"))
    .description("drop the databases that imports have replaced")
    .action((flags: RunFlags) =>
      withServer(flags, async (server) => {
        await server.lock(flags.database);
        const result = await confirm(server, flags.database);
        const kept = result.stillKept.map(({ name, until }) => `Kept until ${until}, as asked: ${name}`);
        const dropped = result.dropped.map((name) => `Dropped ${name}`);
        const lines = [...dropped, ...kept];
        print(flags, { event: "confirmed", ...result }, lines.join("\n") || "There is no previous database.");
      }),
    );

  serverOptions(program.command("rollback"))
    .description("make a previous database the live one again; the current one is kept")
    .option("--to <name>", "the previous database (default: the newest)")
    .action((flags: RunFlags & { to?: string }) =>
      withServer(flags, async (server) => {
        await server.lock(flags.database);
        const result = await rollback(server, flags.database, flags.to);
        const text = `${pc.green("Rolled back.")} ${flags.database} is ${result.restored} again; what it was is kept as ${result.kept ?? "nothing"}.`;
        print(flags, { event: "rolled-back", ...result }, text);
      }),
    );

  serverOptions(program.command("status"))
    .description("what the live database is, which former ones are kept, whether an import is under way")
    .action((flags: RunFlags) => withServer(flags, (server) => status(server, flags)));

  return program;
}

const collect = (name: string, before: string[] = []) => [...before, name];

/** Two connections keep two processors busy; more than eight rarely help one server. */
function defaultJobs(): number {
  return Math.min(8, Math.max(2, availableParallelism()));
}

function serverOptions(command: Command, mandatory = true): Command {
  const address =
    "administrator's address: postgres://admin@host:5432/postgres?sslmode=verify-full&sslrootcert=ca.pem";
  const live = "name of the live database";
  return command
    .addOption(new Option("--server <url>", address).makeOptionMandatory(mandatory))
    .addOption(new Option("--database <name>", live).argParser(parseName).makeOptionMandatory(mandatory))
    .option("--password-file <path>", "file with the administrator's password (default: as PGPASSFILE says)")
    .option("--password-env <name>", "environment variable with it")
    .option("--json", "one JSON object a line instead of text");
}

function dumpOptions(command: Command): Command {
  return command
    .argument("<dump>", "a file, - for standard input, or s3://bucket/key")
    .option(
      "--exclude-analytics",
      "leave out the rows of analytics and resource tables, which is the default",
    )
    .option("--include-analytics", "bring them in")
    .option("--from-database <name>", "which database of a dump that holds several")
    .option("--leave-out <name>", "a table, view, function … to leave out; can be given again", collect)
    .option(
      "--encoding <name>",
      "encoding of the text of a SQL_ASCII database (default: UTF8)",
      parseEncoding,
    )
    .option("--max-spool <size>", "most that is taken from standard input or S3 (default: 256GiB)", parseSize)
    .option("--max-decompressed-size <size>", "most a dump may expand to (default: 1TiB)", parseSize)
    .option("--max-ratio <n>", "how many times its size it may expand to (default: 200)", Number);
}

async function run(dump: string, flags: RunFlags): Promise<void> {
  for (const option of ["server", "database"] as const) {
    if (!flags[option]) throw new UsageError(`--${option} is missing; only --dry-run does without.`);
  }
  const server = serverConfig(flags);
  const sanitise = await sanitiseOptions(dump, flags);
  const progress = new ImportProgress();
  const optional = {
    sha256: flags.sha256,
    dhis2Version: flags.dhis2Version,
    sanitise,
    keepUntil: flags.keepOld === undefined ? undefined : new Date(Date.now() + flags.keepOld * 1000),
    fromDatabase: flags.fromDatabase,
    encoding: flags.encoding,
    leaveOut: flags.leaveOut,
    maxSpoolBytes: flags.maxSpool,
    maxDecompressedBytes: flags.maxDecompressedSize,
    maxRatio: flags.maxRatio,
    maxDatabaseBytes: flags.maxDatabaseSize,
  };
  await interruptible("the live database is as it was.", async (signal) => {
    const reporter = report(progress, flags.json ?? false);
    const options: ImportOptions = {
      ...{ dump, server, database: flags.database, role: flags.role, connections: flags.jobs },
      ...{ excludeAnalytics: !flags.includeAnalytics, reimport: flags.reimport ?? false },
      ...{ statementTimeout: flags.statementTimeout, progress, signal },
      ...defined(optional),
    };
    const result = await runImport(options).finally(() => reporter.stop());
    print(flags, { event: "summary", ...result }, importSummary(result, dump, serverWords(flags)));
  });
}

/** The options that name the server and where its password is; the password itself is refused in them. */
function serverWords({ server, passwordFile, passwordEnv }: ServerOptions): string {
  return [
    `--server '${server}'`,
    ...(passwordFile ? [`--password-file '${passwordFile}'`] : []),
    ...(passwordEnv ? [`--password-env ${passwordEnv}`] : []),
  ].join(" ");
}

async function sanitiseOptions(dump: string, flags: RunFlags): Promise<SanitiseOptions | undefined> {
  const { sanitiseUser: username, sanitisePasswordFile: file } = flags;
  if (!flags.sanitise) {
    if (username !== undefined || file !== undefined)
      throw new UsageError("--sanitise-user and --sanitise-password-file go with --sanitise.");
    return undefined;
  }
  if (username === undefined) {
    if (file !== undefined) throw new UsageError("--sanitise-password-file needs --sanitise-user.");
    return {};
  }
  if (file === undefined && dump === "-")
    throw new UsageError("Standard input is the dump; give the password with --sanitise-password-file.");
  const password =
    file === undefined
      ? await askSecret(`New password of ${username}: `)
      : readSecret(file, "--sanitise-password-file");
  if (password.length < 8 || Buffer.byteLength(password) > 72)
    throw new UsageError("The password of --sanitise-user has to be 8 to 72 bytes long.");
  return { account: { username, password } };
}

async function inspect(name: string, flags: Partial<RunFlags>): Promise<void> {
  await interruptible("the live database is as it was.", async (signal) => {
    const progress = new ImportProgress();
    const reporter = report(progress, flags.json ?? false);
    let inspection: Inspection;
    try {
      const follow = (bytes: number, total: number | undefined) =>
        void Object.assign(progress, { bytes, totalBytes: total });
      const source = await openSource(name, {
        ...{ signal, progress: follow },
        ...defined({ sha256: flags.sha256, maxSpoolBytes: flags.maxSpool }),
      });
      try {
        const limits = { maxBytes: flags.maxDecompressedSize, maxRatio: flags.maxRatio };
        const dump = await openDump(source.path, defined(limits));
        Object.assign(progress, { bytes: 0, totalBytes: source.size, phase: "loading" });
        inspection = await inspectDump(dump, {
          ...{ signal, excludeAnalytics: !flags.includeAnalytics },
          ...defined({ database: flags.fromDatabase, maxBytes: flags.maxDecompressedSize }),
          ...defined({
            dhis2Version: flags.dhis2Version,
            encoding: flags.encoding,
            leaveOut: flags.leaveOut,
          }),
          progress: (rows, table) => {
            Object.assign(progress.load, { rows, current: table });
            if (dump.kind === "sql") progress.bytes = dump.bytesRead();
          },
        }).finally(() => dump.remove());
      } finally {
        await source.remove();
      }
    } finally {
      reporter.stop();
    }
    print(flags, { event: "inspection", ...inspection }, inspectionSummary(inspection, name));
    if (inspection.refused.length > 0) process.exitCode = 3;
  });
}

async function status(server: Server, flags: RunFlags): Promise<void> {
  const live = (await server.databases()).find(({ name }) => name === flags.database);
  const kept = (await keptDatabases(server, flags.database)).map(({ name, size, note }) => ({
    ...{ name, size, since: note.kept?.since, until: note.kept?.until, confirmed: note.kept?.confirmed },
  }));
  const underWay = await server.lockHolder(flags.database);
  const size = live && (await server.size(live.name));
  const record = live?.note.import;
  const lines = [
    live
      ? `${pc.bold(live.name)}: ${bytesText(size ?? 0)}, belongs to ${live.owner}`
      : `There is no database ${flags.database}.`,
    record &&
      `  Imported ${record.at} from ${record.dump}: ${record.rows.toLocaleString("en")} rows in ${record.tables} tables${record.sanitised ? ", sanitised" : ""}\n  SHA-256 ${record.sha256}`,
    live && !record && "  Not from an import.",
    ...kept.map(
      (k) =>
        `  Kept: ${k.name}, ${bytesText(k.size)}, live until ${k.since ?? "?"}${k.until ? `, not to be dropped before ${k.until}` : ""}`,
    ),
    underWay && pc.yellow(`  An import is under way: ${underWay}`),
  ].filter((text): text is string => typeof text === "string");
  const data = { event: "status", database: flags.database, exists: live !== undefined };
  print(flags, { ...data, ...defined({ size, import: record, underWay }), kept }, lines.join("\n"));
}

async function withServer(flags: RunFlags, work: (server: Server) => Promise<void>): Promise<void> {
  const server = await Server.connect(serverConfig(flags));
  try {
    await work(server);
  } finally {
    await server.close();
  }
}

/** Without the keys that are undefined. */
function defined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}

function exitCode(error: unknown): number {
  if (error instanceof DumpError) return 3;
  // What the server does not take of a dump is the dump's; a fault of the server is not.
  if (error instanceof LoadError) return /^(0A|21|22|23|2B|42|54|P0)/.test(error.code ?? "") ? 3 : 5;
  if (error instanceof ValidationError) return 4;
  if (error instanceof ServerError) return 5;
  if (error instanceof NeedsReimport) return 6;
  return error instanceof BusyError ? 7 : 1;
}

/** Returns the exit code. */
export async function main(parameters: string[]): Promise<number> {
  const imports = /^(run|inspect)$/.test(parameters[0] ?? "");
  const heading = () => (imports ? "Not imported." : "Not done.");
  return (await runCommand(program(), parameters, { exitCode, heading })) || Number(process.exitCode ?? 0);
}

if (require.main === module) {
  void main(process.argv.slice(2)).then((code) => (process.exitCode = code));
}
