/** Reads `pgbackrest info --output=json`. */
import { z } from "zod";
import { BACKUP_TYPES, type Info } from "./info";
import { PitrError } from "./repositories";

const statusSchema = z.object({ code: z.int(), message: z.string().default("") });
const schema = z.array(
  z.object({
    backup: z
      .array(
        z.object({
          label: z.string(),
          type: z.enum(BACKUP_TYPES),
          timestamp: z.object({ stop: z.number() }),
          info: z.object({
            size: z.number(),
            repository: z.object({ delta: z.number().default(0) }),
          }),
          archive: z.object({ start: z.string().nullish() }).nullish(),
          error: z.boolean().nullish(),
        }),
      )
      .default([]),
    db: z.array(z.object({ "system-id": z.string() })).default([]),
    repo: z.array(z.object({ status: statusSchema })).default([]),
  }),
);

/** @throws PitrError if pgBackRest says something else than this program knows */
export function parseInfo(text: string): Info {
  const parsed = schema.safeParse(json(text));
  if (!parsed.success) throw new PitrError(`pgbackrest info: ${z.prettifyError(parsed.error)}`);
  const backups = parsed.data.flatMap(({ backup }) => backup);
  return {
    status: parsed.data.flatMap(({ repo }) => repo)[0]?.status,
    unreadable: text.includes("unable to load info file"),
    systems: parsed.data.flatMap(({ db }) => db.map((it) => it["system-id"])),
    backups: backups
      .map(({ label, type, timestamp, info, archive, error }) => ({
        label,
        type,
        stop: timestamp.stop,
        size: info.size,
        added: info.repository.delta,
        firstSegment: archive?.start ?? undefined,
        hasDamagedPages: error ?? false,
      }))
      // Of the same second the later one in pgBackRest's list is the newer.
      .reverse()
      .sort((a, b) => b.stop - a.stop),
  };
}

function json(text: string): unknown {
  try {
    return JSON.parse(
      text
        // A message about a file that it cannot decrypt has some of the file in it, as it is.
        .replace(/[\x00-\x1f]/g, " ")
        // PostgreSQL's identifiers have 64 bits; a number in JavaScript has 53.
        .replace(/("system-id":\s*)(\d+)/g, '$1"$2"'),
    );
  } catch (error) {
    throw new PitrError(`pgbackrest info: ${(error as Error).message}`);
  }
}
