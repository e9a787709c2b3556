/**
 * Judges what a dump asks for, by an allow-list over PostgreSQL's own parse tree: what pg_dump writes of an honest
 * database is run or left out, everything else ends the import. See `rules/` for the list.
 */
import { loadModule, type RangeVar } from "libpg-query";
import { DumpError } from "../errors";
import { isLargeObjectPiece, plainInsert } from "./literals";
import { subjectsOf } from "./rules/absent";
import { dataRules, intoTable, largeObject } from "./rules/data";
import { reachingCall } from "./rules/expressions";
import { ownershipRules } from "./rules/ownership";
import { routineRules } from "./rules/routines";
import { refuse, silently, skip, type Rules, type Ruling, type Scope } from "./rules/rule";
import { sessionRules } from "./rules/session";
import { structureRules } from "./rules/structure";
import { abridge } from "./split";
import { joinName, parseStatement, relationName, splitName } from "./tree";
import type { DumpItem, MetaCommand, Verdict } from "./dump";

export interface JudgeOptions {
  /** Tables whose rows are not wanted, by `schema.table`. Default: none. */
  excludeData?: (table: string) => boolean;
  /** Names of what is left out, `schema.name` or `name`; all that is built on it goes with it. */
  leaveOut?: string[];
  /** Of a dump that holds several databases, the one to import. Default: the only one that holds anything. */
  database?: string;
}

const rules: Rules = { ...sessionRules, ...dataRules, ...structureRules, ...routineRules, ...ownershipRules };

/** Statements that get a better explanation than that pg_dump does not write them. */
const reasons: Record<string, string> = {
  AlterSystemStmt: "ALTER SYSTEM changes the server's configuration",
  AlterEventTrigStmt: "an event trigger runs whenever anyone changes a table",
  CreateEventTrigStmt: "an event trigger runs whenever anyone changes a table",
  CreateAmStmt: "an access method is code in C",
  CreateCastStmt: "a cast: it could be taken for one of PostgreSQL's own",
  CreateConversionStmt: "an encoding conversion",
  CreateFdwStmt: "a foreign data wrapper reaches other servers or files",
  CreateForeignServerStmt: "a foreign server: the database would reach other servers",
  CreateForeignTableStmt: "a foreign table: its rows are on another server",
  CreateOpClassStmt: "an operator class",
  CreateOpFamilyStmt: "an operator family",
  CreateSubscriptionStmt: "a subscription: the server would connect to another one",
  CreateTransformStmt: "a transform",
  CreateUserMappingStmt: "a user mapping: credentials for another server",
  DoStmt: "DO runs a block of code at once",
  ImportForeignSchemaStmt: "a foreign schema: its rows are on another server",
  LoadStmt: "LOAD brings code in C into the server",
};

const CAN_BE_LEFT_OUT = /^(AlterEventTrig|CompositeType|Create|Define|Rule|View)/;

const WITH_OIDS =
  "rows with OIDs (COPY … WITH OIDS), which PostgreSQL has not had since version 12; make the dump again without --oids";

/** The database cluster's own databases: nothing of DHIS2's is expected there. */
const systemDatabases = ["template0", "template1", "postgres"];

export class Judge {
  private readonly scope: DumpScope;
  /** Names to leave out that nothing in the dump has had so far. */
  private readonly notSeen: Set<string>;
  private cluster = false;
  /** The closing comment has come, and nothing after it. */
  private complete = false;
  /** The database whose part this is; none in an ordinary dump. */
  private database: string | undefined;
  /** The one that is imported, once that is known. */
  private target: string | undefined;
  private madeInTarget: ReadonlySet<string> | undefined;
  private restrictKey: string | undefined;
  private postDataBegun = false;
  private tables = 0;
  /** What is made only after the data, and can therefore not be indexed at the same time as the rest. */
  private readonly late = new Set<string>();

  private constructor(private readonly options: JudgeOptions) {
    this.scope = new DumpScope(options.excludeData ?? (() => false));
    this.notSeen = new Set(options.leaveOut);
    this.target = options.database;
  }

  static async create(options: JudgeOptions = {}): Promise<Judge> {
    await loadModule();
    return new Judge(options);
  }

  /** Extensions the dump has asked for so far. */
  get extensions(): ReadonlySet<string> {
    return this.scope.extensions;
  }

  /** What the dump has made so far in the database that is imported: schemas, tables, types, functions. */
  get made(): ReadonlySet<string> {
    return this.madeInTarget ?? this.scope.made;
  }

  /** Every item of the dump has to come by here, in its order. */
  judge(item: DumpItem): Verdict {
    switch (item.kind) {
      case "begin":
        if (item.of === "cluster") this.cluster = true;
        this.scope.part = item.of === "cluster" ? "globals" : "database";
        return silently;
      case "end":
        this.complete = item.of === "cluster" || !this.cluster;
        return silently;
      case "version":
        return silently;
      case "meta":
        return this.metaCommand(item);
      default:
        this.complete = false;
        return this.counted(this.inDatabase(this.statement(item.sql)));
    }
  }

  private counted(verdict: Verdict): Verdict {
    if (verdict.verdict === "run" && verdict.type === "CreateStmt") this.tables++;
    return verdict;
  }

  /** Before `finish`: which of the tables that are missing from the dump --leave-out does not name. */
  notLeftOut(missing: string[]): string[] {
    const { leaveOut = [] } = this.options;
    return missing.filter((table) => {
      const names = leaveOut.filter((name) => name === table || name === `public.${table}`);
      for (const name of names) this.notSeen.delete(name);
      return names.length === 0;
    });
  }

  /** After the last item. Throws when the dump was cut short, or the database that was asked for is not in it. */
  finish(): void {
    if (!this.complete) {
      throw new DumpError(
        "truncated",
        `pg_dump's closing comment ("-- PostgreSQL database ${this.cluster ? "cluster " : ""}dump complete") is not ` +
          "the last thing in it: the dump was cut short, added to, or its comments were taken out; import it as pg_dump made it",
      );
    }
    if (this.notSeen.size > 0) {
      throw new DumpError(
        "unsupported",
        `--leave-out ${[...this.notSeen].join(", ")}: nothing in the dump has that name; allowed are names that a message ` +
          "or the dump has, such as public.district_report",
      );
    }
    const wanted = this.options.database;
    const { databases } = this.scope;
    if (wanted !== undefined && databases.size > 0 && !databases.has(wanted)) {
      throw new DumpError(
        "unsupported",
        `there is no database ${wanted} in the dump, only ${[...databases].join(", ")}`,
      );
    }
  }

  /** After `finish`. Throws when there is nothing in the dump: it would replace a database that holds something. */
  refuseEmpty(rowsToBringIn: number): void {
    if (this.tables === 0) {
      throw new DumpError(
        "refused",
        "refused: the dump makes no table. It is of an empty database, or damaged; dump the DHIS2 database itself",
      );
    }
    if (rowsToBringIn === 0) {
      throw new DumpError(
        "refused",
        "refused: the dump has tables but not a single row to bring in. DHIS2 cannot use it; make the dump again " +
          "without --schema-only",
      );
    }
  }

  private statement(sql: string): Verdict {
    const { scope } = this;
    const insert = plainInsert(sql);
    if (insert) {
      return this.verdict(intoTable(scope.qualifyNames(insert.table), scope, insert.rows), "InsertStmt", sql);
    }
    if (isLargeObjectPiece(sql)) return this.verdict(largeObject("write"), "SelectStmt", sql);
    const { statement, problem } = parseStatement(sql);
    if (problem !== undefined)
      return refuse(/^COPY .* WITH OIDS FROM stdin$/is.test(sql) ? WITH_OIDS : problem);
    const [type, node] = Object.entries(statement)[0] ?? ["", undefined];
    const subjects = subjectsOf(type, node, scope);
    const asked = this.askedToLeaveOut(type, subjects);
    if (asked) return asked;
    const rule = rules[type as keyof Rules] as ((node: unknown, scope: Scope) => Ruling) | undefined;
    scope.sql = sql;
    let ruling = rule?.(node, scope) ?? refuse(reasons[type] ?? `${type} is nothing that pg_dump writes`);
    if (ruling.verdict === "run" && type !== "SelectStmt") {
      const call = reachingCall(node);
      if (call) ruling = refuse(`a call of ${call}, which reaches beyond the database's own data`);
    }
    if (ruling.verdict === "run") {
      const reason = subjects.map((name) => scope.absent.get(name)).find((found) => found !== undefined);
      if (reason !== undefined) return skip(reason);
    }
    if (ruling.verdict === "refuse" && CAN_BE_LEFT_OUT.test(type) && subjects[0] !== undefined) {
      return refuse(`${ruling.reason}. If the database can do without: --leave-out '${subjects[0]}'`);
    }
    return this.verdict(ruling, type, sql);
  }

  /** Rows are their table's, which `absent` remembers. */
  private askedToLeaveOut(type: string, subjects: string[]): Verdict | undefined {
    const { leaveOut = [] } = this.options;
    if (leaveOut.length === 0 || type === "CopyStmt" || type === "InsertStmt") return undefined;
    for (const subject of subjects) {
      const wanted = leaveOut.find((name) => name === subject || name === splitName(subject).at(-1));
      if (wanted === undefined) continue;
      this.notSeen.delete(wanted);
      const reason = `what --leave-out names, and what is built on it: ${wanted}`;
      if (/^(Create|View|Define|CompositeType)/.test(type) && subject === subjects[0]) {
        this.scope.absent.set(subject, reason);
      }
      return skip(reason);
    }
    return undefined;
  }

  private verdict(ruling: Ruling, type: string, sql: string): Verdict {
    if (ruling.verdict !== "run") return ruling;
    const verdict = { sql, type, searchPath: this.scope.searchPath, ...ruling };
    const own = verdict.objects.find((object) => /^(pg_catalog|information_schema|pg_toast)\./.test(object));
    if (own) return refuse(`${own}: PostgreSQL's own catalogue is not the dump's to write`);
    // After the first index comes only what pg_dump places there for a reason: a view that needs a primary key …
    if (verdict.phase === "post-data" && (verdict.step !== "rest" || type === "CreateTrigStmt"))
      this.postDataBegun = true;
    if (verdict.phase === "pre-data" && this.postDataBegun) {
      verdict.phase = "post-data";
      verdict.step = "rest";
      for (const object of verdict.objects) this.late.add(object);
    } else if (verdict.step === "index" && verdict.objects.some((object) => this.late.has(object))) {
      verdict.step = "rest";
    }
    return verdict;
  }

  /** Of several databases only one is imported; what the others hold does not matter, as none of it is run. */
  private inDatabase(verdict: Verdict): Verdict {
    const { database, cluster, options } = this;
    if (verdict.verdict === "skip" || database === undefined || database === this.target) return verdict;
    if (options.database !== undefined || (cluster && systemDatabases.includes(database))) {
      return skip(`the database ${database}`);
    }
    if (this.target !== undefined) {
      return refuse(
        `the dump holds several databases (${this.target}, ${database}); name one with --from-database`,
      );
    }
    if (verdict.verdict === "run") this.target = database;
    return verdict;
  }

  /** The few that pg_dump writes, exactly as it does; they are understood, never run. */
  private metaCommand(item: MetaCommand): Verdict {
    if (item.alone) {
      const [, un, key] = /^\\(un)?restrict ([A-Za-z0-9]+)$/.exec(item.text) ?? [];
      if (key !== undefined && (un ? this.restrictKey === key : this.restrictKey === undefined)) {
        this.restrictKey = un ? undefined : key;
        return silently;
      }
      const database = this.restrictKey === undefined ? connectedDatabase(item.text) : undefined;
      if (database !== undefined) {
        if (this.database !== undefined && this.database === this.target)
          this.madeInTarget = new Set(this.scope.made);
        this.database = database;
        this.scope.connect(database);
        this.postDataBegun = false;
        this.late.clear();
        return silently;
      }
    }
    return refuse("a psql meta-command; psql would run it on the machine that imports");
  }
}

/** The error that ends an import, for the person who asked for it. */
export function refusal(item: DumpItem, reason: string): DumpError {
  const text = "sql" in item ? item.sql : "text" in item ? item.text : "";
  return new DumpError("refused", `refused: ${reason}\n  ${abridge(text)}`, item.line);
}

/** The database of `\connect` as pg_dump -C and pg_dumpall write it. */
function connectedDatabase(text: string): string | undefined {
  const plain = /^\\connect (?:([A-Za-z0-9_.]+)|"([\w. -]+)")$/.exec(text);
  if (plain) return plain[1] ?? plain[2];
  const quoted = /^\\connect -reuse-previous=on "dbname='((?:[^'"`\\]|\\['\\]|"")+)'"$/.exec(text);
  return quoted?.[1]?.replace(/\\(.)/g, "$1").replace(/""/g, '"');
}

class DumpScope implements Scope {
  sql = "";
  part: "globals" | "database" = "database";
  searchPath = "";
  readonly databases = new Set<string>();
  readonly made = new Set<string>();
  readonly extensions = new Set<string>();
  readonly filled = new Set<string>();
  readonly absent = new Map<string, string>();

  constructor(readonly excludesData: (table: string) => boolean) {}

  connect(database: string): void {
    this.part = "database";
    this.searchPath = "";
    this.databases.add(database);
    this.made.clear();
    this.extensions.clear();
    this.absent.clear();
  }

  qualify(relation: RangeVar | undefined): string {
    return relationName(relation, this.defaultSchema);
  }

  qualifyNames(parts: string[]): string {
    return joinName(parts.length === 1 && this.defaultSchema ? [this.defaultSchema, ...parts] : parts);
  }

  private get defaultSchema(): string | undefined {
    const [first, second] = this.searchPath.split(", ");
    return second ? first?.replace(/^"|"$/g, "").replace(/""/g, '"') : undefined;
  }
}
