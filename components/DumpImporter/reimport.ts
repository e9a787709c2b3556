import type { DumpImporterArgs } from "./contract";

/** What stands in the state about an import. */
export interface Imported {
  sha256: string;
  dump: string;
  sanitised: boolean;
  encoding?: string;
  leftOut?: string;
}

/** What is remembered of an import. */
export function importedBy({
  sha256,
  dump,
  sanitise = false,
  encoding,
  leaveOut = [],
}: Pick<DumpImporterArgs, "sha256" | "dump" | "sanitise" | "encoding" | "leaveOut">): Imported {
  return {
    sha256,
    dump,
    sanitised: sanitise,
    ...(encoding && { encoding }),
    ...(leaveOut.length > 0 && { leftOut: JSON.stringify([...leaveOut].sort()) }),
  };
}

/** Why a server that holds one dump may not be given another, if it may not. */
export function refuseReimport(
  server: string,
  before: Partial<Imported>,
  now: Imported,
  reimport: boolean,
): string | undefined {
  if (reimport || before.sha256 === now.sha256) return undefined;
  return (
    `server "${server}" holds the data of ${before.dump} (sha256 ${short(before.sha256)}); another dump, ` +
    `${now.dump} (sha256 ${short(now.sha256)}), would replace everything entered since. ` +
    "If that is meant, set reimport: true; if not, put the first sha256 back."
  );
}

function short(sha256 = "unknown"): string {
  return sha256.length > 12 ? `${sha256.slice(0, 12)}…` : sha256;
}
