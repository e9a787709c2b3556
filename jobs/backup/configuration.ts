/** The configuration of the agent on a Docker host, without secrets. The component writes it. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { DRILL_HOURS, PORTABLE_HOURS } from "../../plans/thresholds";
import { UsageError } from "../import/cli/options";
import { OLD_CONFIGURATION, withNewNames } from "./oldNames";

const word = z.string().regex(/^\S+$/, "no spaces");

const schema = z
  .strictObject({
    servers: z.array(z.string().regex(/^[A-Za-z_][\w-]{0,62}$/, "a server's name")).min(1),
    /** Where the backups come from, without the server: `s3:https://host/bucket/folder`, or a directory. */
    source: z.string().min(1),
    /** Of the source. */
    region: z.string().optional(),
    /** Where temporary credentials come from. @default as the AWS command line finds them */
    rolesAnywhere: z
      .strictObject({
        helper: word.default("aws_signing_helper"),
        ...{ certificate: word, privateKey: word, trustAnchorArn: word, profileArn: word, roleArn: word },
      })
      .optional(),
    cloudPasswordFile: z.string(),
    localPasswordFile: z.string(),
    /** Verifies the signatures of the exports. @default any receipt counts */
    publicKeyFile: z.string().optional(),
    /** Set if the agent also makes the backups of its one server. @default others make them */
    export: z
      .strictObject({
        /** Of an account that may read all: `postgres://account@host:5432/postgres`. */
        ...{ server: z.string(), passwordFile: z.string(), database: z.string() },
        /** The file store, and files of settings. */
        ...{ files: z.string().startsWith("/"), settings: z.array(z.string()) },
        signingKeyFile: z.string(),
        everyHours: z.number().positive().default(24),
        /** Days a backup is kept in the source. */
        retentionDays: z.int().min(1),
      })
      .optional(),
    /** Where the backups are kept; a folder for each server. */
    backups: z.string().startsWith("/"),
    retentionDays: z.int().min(1),
    everyMinutes: z.int().min(1).max(1440).default(60),
    /** Number of runs in which all data here are read and checked once. */
    parts: z.int().min(1).max(365).default(24),
    /** An older newest backup raises an alarm. @default a day, and time for the export and the pull */
    maxAgeHours: z.number().positive().default(PORTABLE_HOURS),
    /** Drills of the backups here; they need PostgreSQL's programs on this machine. @default no drills */
    drill: z
      .strictObject({
        everyHours: z.number().positive().default(168),
        /** A longer time since the last successful one raises an alarm. @default a week, and a day to try again */
        maxAgeHours: z.number().positive().default(DRILL_HOURS),
        /** Tables that are loaded at the same time. */
        jobs: z.int().min(1).max(64).default(2),
      })
      .optional(),
    /** Reports the age of backups and drills to CloudWatch, with these dimensions and `Server`. @default no report */
    metrics: z.record(z.string(), z.string()).optional(),
    /** Directory for the same metrics as a file, which Prometheus's node_exporter (textfile) reads. @default no file */
    reports: z.string().startsWith("/").optional(),
    /** Limit of the download rate, in KiB a second. @default no limit */
    kibPerSecond: z.int().positive().optional(),
  })
  .refine((it) => !it.export || it.servers.length === 1, {
    path: ["servers"],
    error: "one server, where the agent makes its backups",
  });

export type Configuration = z.infer<typeof schema>;

/** @throws UsageError that names every field that is wrong */
export function readConfiguration(file: string): Configuration {
  let text: unknown;
  try {
    text = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UsageError(`--config ${file} cannot be read as JSON: ${(error as Error).message}`);
  }
  const parsed = schema.safeParse(withNewNames(text, OLD_CONFIGURATION));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "it"}: ${message}`);
  throw new UsageError(`--config ${file} is not as it has to be. ${problems.join("; ")}`);
}
