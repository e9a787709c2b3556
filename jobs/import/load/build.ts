/** What comes after the rows: indexes, keys, statistics, and the rest, as much of it at once as locks allow. */
import type { PostDataStep } from "../sql/dump";
import { joinName } from "../sql/tree";
import type { Lanes, TableCount } from "./lanes";
import { addedConstraint, keyAsIndex, quoteName, quote } from "./constraint";
import { LoadError, type Session, type SessionSettings } from "./session";

export interface PostStatement {
  sql: string;
  line: number;
  searchPath: string;
  step: PostDataStep;
  /** The table it is about, schema-qualified and unquoted. */
  table: string;
}

/** Told of the work as it goes on. Amounts are of no unit; what counts is their share of the total. */
export interface BuildObserver {
  total(amount: number): void;
  /** A statement begins, in words for a person. */
  begin(doing: string): void;
  done(amount: number): void;
}

/** A table with at least so many bytes of rows is worth the planning; the others are done in passing. */
const LARGE = 1 << 20;
/**
 * Memory to sort with, in MiB: pieces that the processor's cache takes well, merged, cost a third less than one sort of
 * everything. All pieces are merged at once up to 16 GB.
 */
const SORT = 64;

interface Job {
  sql: string;
  line?: number;
  searchPath: string;
  /** Two jobs of one table run together only when both are shared, as their locks would have it. */
  table: string;
  shared: boolean;
  doing: string;
  /** Whether it is a B-tree that it builds. */
  sorts?: boolean;
  /** Its share of the work. */
  amount: number;
  /** What can only be done after it. */
  then?: Job;
  /** Told of the number it asks for. */
  tell?: (count: number) => void;
}

/**
 * Runs all of them. The order: keys and indexes of small tables; foreign keys of all tables, of large ones without
 * the check, which takes an instant; then side by side what takes long (indexes, keys and statistics of large tables,
 * the checks of their foreign keys); partitions' indexes; foreign keys that need any of these; the rest; materialized
 * views. Rows are counted on the way, by whoever has nothing better to do.
 */
export async function build(
  statements: PostStatement[],
  tables: ReadonlyMap<string, TableCount>,
  lanes: Lanes,
  main: Session,
  { maintenanceMemory, maintenanceWorkers }: SessionSettings,
  observe: BuildObserver,
): Promise<void> {
  const size = (table: string) => tables.get(table)?.bytes ?? 0;
  // Every statement costs something; most cost about as much as there are rows to go through.
  const amount = (table: string) => LARGE / 4 + size(table);
  observe.total(
    sum(statements.map(({ step, table }) => (step === "rest" ? amount("") : amount(table)))) +
      sum([...tables.keys()].map(amount)),
  );
  const of = (step: PostDataStep) => statements.filter((statement) => statement.step === step);
  const inOrder = async (step: PostDataStep) => {
    for (const { sql, searchPath, line, table } of of(step)) {
      observe.begin(describe(sql));
      await main.run(sql, searchPath, line);
      observe.done(amount(step === "rest" ? "" : table));
    }
  };
  const parallel = async (jobs: Job[]) => {
    // What takes longest must not be begun last: the largest table's keys, which have the most columns to sort, and its
    // indexes. What locks a table alone is done when another table's indexes are. Counts fill the gaps at the end.
    const [largest] = jobs.map(({ table }) => table).toSorted((a, b) => size(b) - size(a));
    const waiting = jobs.toSorted(
      (a, b) =>
        Number(a.tell !== undefined) - Number(b.tell !== undefined) ||
        size(b.table) - size(a.table) ||
        (Number(b.shared) - Number(a.shared)) * (a.table === largest ? 1 : -1) ||
        Number(b.then !== undefined) - Number(a.then !== undefined),
    );
    const running: Job[] = [];
    const free = (job: Job) =>
      running.every((other) => other.table !== job.table || (other.shared && job.shared));
    await lanes.pool(
      () => {
        const at = waiting.findIndex(free);
        const [job] = at < 0 ? [] : waiting.splice(at, 1);
        if (job) running.push(job);
        return job;
      },
      async (job, session) => {
        observe.begin(job.doing);
        // Helpers only pay when nothing else can be done by the processors they need.
        const alone = !waiting.some((other) => !other.tell && free(other));
        await session.tune({
          memory: job.sorts ? Math.min(SORT, maintenanceMemory) : maintenanceMemory,
          workers: alone ? maintenanceWorkers : 0,
        });
        const [result] = await session.run(job.sql, job.searchPath, job.line);
        job.tell?.(Number((result?.rows[0] as { count: string }).count));
        observe.done(job.amount);
        running.splice(running.indexOf(job), 1);
        if (job.then) waiting.push(job.then);
      },
    );
    await lanes.drain();
  };

  const partitioned = await partitionedTables(main);
  const isLarge = ({ table }: { table: string }) => size(table) >= LARGE && !partitioned.has(table);
  const indexes = of("index").map((statement) =>
    indexJob(statement, amount(statement.table), isLarge(statement)),
  );
  await parallel(indexes.filter((job) => !isLarge(job)));
  const keys = await foreignKeys(of("foreign-key"), isLarge, amount, main, observe);
  const statistics = [...tables.keys()].map((table) => analyzeJob(table, amount(table)));
  const counts = [...tables].map(([table, count]) => countJob(table, count, partitioned.has(table)));
  await parallel([...indexes.filter(isLarge), ...keys.checks, ...statistics, ...counts]);
  await inOrder("attach");
  const late = await foreignKeys(keys.tooEarly, isLarge, amount, main, observe, true);
  await parallel(late.checks);
  await inOrder("rest");
  await inOrder("refresh");
}

/** What is done to them is done to their partitions by statements of these, and not in two steps. */
async function partitionedTables(main: Session): Promise<Set<string>> {
  const [result] = await main.run(
    "SELECT n.nspname AS schema, c.relname AS name FROM pg_catalog.pg_class c" +
      " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'p'",
  );
  const rows = result?.rows as { schema: string; name: string }[];
  return new Set(rows.map(({ schema, name }) => joinName([schema, name])));
}

function indexJob({ sql, line, searchPath, table }: PostStatement, amount: number, large: boolean): Job {
  const constraint = addedConstraint(sql);
  const shared = constraint === undefined;
  const sorts = !/ USING (?!btree)\w/.test(sql);
  const job = { sql, line, searchPath, table, shared, sorts, amount, doing: describe(sql) };
  const [index, key] = (large && constraint && keyAsIndex(table, constraint)) || [];
  if (index === undefined || key === undefined) return job;
  // As an index it can be built at the same time as the table's other indexes; to call it a key takes an instant.
  return { ...job, sql: index, shared: true, then: { ...job, sql: key, amount: 0 } };
}

function analyzeJob(table: string, amount: number): Job {
  const doing = `statistics of ${table}`;
  return { sql: `ANALYZE ${quoteName(table)}`, searchPath: "", table, shared: false, amount, doing };
}

function countJob(table: string, count: TableCount, partitioned: boolean): Job {
  // Rows of an inheriting table are that table's; a partitioned one has none of its own.
  const sql = `SELECT pg_catalog.count(*) AS count FROM ${partitioned ? "" : "ONLY "}${quoteName(table)}`;
  const tell = (there: number) => (count.there = there);
  return { sql, searchPath: "", table, shared: true, amount: 0, doing: `rows of ${table} counted`, tell };
}

/**
 * Makes foreign keys. One locks both of its tables while it checks the rows, and many refer to the same few tables:
 * of large tables they are made without the check, which is done afterwards and locks the referring table only. What
 * comes out is the same. Returns the checks to be done, and the keys for which the other table's key is not there yet.
 */
async function foreignKeys(
  statements: PostStatement[],
  isLarge: (statement: PostStatement) => boolean,
  amount: (table: string) => number,
  main: Session,
  observe: BuildObserver,
  last = false,
): Promise<{ checks: Job[]; tooEarly: PostStatement[] }> {
  const checks: Job[] = [];
  const tooEarly: PostStatement[] = [];
  for (const statement of statements) {
    const { sql, searchPath, line, table } = statement;
    const constraint = addedConstraint(sql);
    const name = constraint?.conname;
    const split = name !== undefined && !constraint?.skip_validation && isLarge(statement);
    observe.begin(describe(sql));
    const failed = await main
      .run(split ? `${sql}\nNOT VALID` : sql, searchPath, line)
      .then(() => undefined, asLoadError);
    if (!failed && split) {
      const check = `ALTER TABLE ${quoteName(table)} VALIDATE CONSTRAINT ${quote(name)}`;
      const doing = `check of foreign key ${name}`;
      checks.push({ sql: check, line, searchPath, table, shared: false, amount: amount(table), doing });
      continue;
    }
    if (failed?.code === "42830" && !last) {
      tooEarly.push(statement);
      continue;
    }
    if (failed) throw failed;
    observe.done(amount(table));
  }
  return { checks, tooEarly };
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function asLoadError(error: unknown): LoadError {
  if (error instanceof LoadError) return error;
  throw error;
}

/** "CREATE INDEX in_event_created", "ALTER TABLE public.event ADD CONSTRAINT event_pkey": enough for a progress line. */
function describe(sql: string): string {
  const words = sql.replace(/\s+/g, " ").replace("ALTER TABLE ONLY", "ALTER TABLE");
  return (
    /^\S+(?: (?!ON |USING |FOREIGN |PRIMARY |UNIQUE |CHECK )\S+){1,5}/.exec(words)?.[0] ?? words.slice(0, 60)
  );
}
