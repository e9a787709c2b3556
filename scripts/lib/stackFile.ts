import { isMap, isScalar, isSeq, parseDocument } from "yaml";
import { CommandError } from "./errors";

/**
 * Changes one server's version of DHIS2 in the text of a stack file, and no other character.
 * @throws CommandError if the text has no version of that server
 */
export function withVersion(text: string, server: string, version: string): string {
  const servers = parseDocument(text).getIn(["config", "dhistance:tenant", "servers"]);
  const found = isSeq(servers)
    ? servers.items.find((item) => isMap(item) && item.get("name") === server)
    : undefined;
  const value = isMap(found) ? found.get("dhis2", true) : undefined;
  if (!isScalar(value) || !value.range)
    throw new CommandError(
      `the stack file has no "dhis2: …" of server "${server}" that can be changed; set it to ${version} yourself`,
    );
  const [begin, end] = value.range;
  const quoted = JSON.stringify(value.value) === text.slice(begin, end);
  return text.slice(0, begin) + (quoted ? JSON.stringify(version) : version) + text.slice(end);
}
