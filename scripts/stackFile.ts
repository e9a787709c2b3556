import { isMap, isScalar, isSeq, parseDocument } from "yaml";

/**
 * A stack file with another version of DHIS2 for one server; every other character of it stays.
 * @throws Error for a person if the version does not stand there in plain
 */
export function withVersion(text: string, server: string, version: string): string {
  const servers = parseDocument(text).getIn(["config", "dhistance:tenant", "servers"]);
  const found = isSeq(servers)
    ? servers.items.find((item) => isMap(item) && item.get("name") === server)
    : undefined;
  const value = isMap(found) ? found.get("dhis2", true) : undefined;
  if (!isScalar(value) || !value.range)
    throw new Error(
      `the stack file has no "dhis2: …" of server "${server}" that can be changed; it has to say ${version}`,
    );
  const [begin, end] = value.range;
  return `${text.slice(0, begin)}${JSON.stringify(value.value) === text.slice(begin, end) ? JSON.stringify(version) : version}${text.slice(end)}`;
}
