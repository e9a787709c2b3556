import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Properties } from "../values";

/** The records that all stacks of the backend have in a hosted zone: they share one account, as real ones do. */
export function recordsIn(
  zoneId: string,
  backend = process.env["PULUMI_BACKEND_URL"] ?? "",
): { name: string; type: string; values: string[] }[] {
  return statesIn(backend)
    .filter(({ type, outputs }) => type === "aws:route53/record:Record" && outputs?.["zoneId"] === zoneId)
    .map(({ outputs = {} }) => ({
      name: `${String(outputs["name"]).replace(/\.$/, "")}.`,
      type: String(outputs["type"]),
      values: Array.isArray(outputs["records"]) ? outputs["records"].map((text) => `"${String(text)}"`) : [],
    }));
}

/** The database of that name that a stack of the backend has, as AWS describes it. */
export function databaseNamed(
  identifier: string,
  backend = process.env["PULUMI_BACKEND_URL"] ?? "",
): Properties | undefined {
  return statesIn(backend).find(
    ({ type, outputs }) => type === "aws:rds/instance:Instance" && outputs?.["identifier"] === identifier,
  )?.outputs;
}

interface Resource {
  type: string;
  outputs?: Properties;
}

function statesIn(backend: string): Resource[] {
  if (!backend.startsWith("file://")) return [];
  const folder = path.join(fileURLToPath(backend.replace(/\?.*$/, "")), ".pulumi/stacks");
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".json"))
    .flatMap((file) => resourcesIn(path.join(folder, file)));
}

/** None of a file that another run is writing or has just taken away. */
function resourcesIn(file: string): Resource[] {
  try {
    const state = JSON.parse(readFileSync(file, "utf8")) as {
      checkpoint?: { latest?: { resources?: Resource[] } };
    };
    return state.checkpoint?.latest?.resources ?? [];
  } catch {
    return [];
  }
}
