import { expect, it } from "vitest";
import { withVersion } from "./stackFile";

const FILE = `# A comment.
config:
  dhistance:tenant:
    servers:
      - name: hmis # the main one
        dhis2: 42.6.0   # raised in May
        size: small
      - { name: training, dhis2: "42.6.0" }
    backups: { locations: [ { s3: { secretAccessKey: { secure: "AAAB+/=" } } } ] }
encryptionsalt: v1:abc
`;

it("changes one version and not a character besides", () => {
  expect(withVersion(FILE, "hmis", "42.5.2")).toBe(FILE.replace("dhis2: 42.6.0", "dhis2: 42.5.2"));
  expect(withVersion(FILE, "training", "42.5.2")).toBe(FILE.replace('"42.6.0"', '"42.5.2"'));
  expect(withVersion(FILE, "hmis", "42.6.0")).toBe(FILE);
});

it("changes a file that is written as JSON", () => {
  const json = JSON.stringify({
    config: { "dhistance:tenant": { servers: [{ name: "hmis", dhis2: "42.6.0" }] } },
  });
  expect(withVersion(json, "hmis", "42.5.2")).toBe(json.replace("42.6.0", "42.5.2"));
});

it.each([
  ["another server", FILE, "archive"],
  ["an encrypted spec", "config:\n  dhistance:tenant:\n    secure: AAAB\n", "hmis"],
  ["an empty file", "", "hmis"],
])("refuses %s", (_, text, server) => {
  expect(() => withVersion(text, server, "42.5.2")).toThrow(
    `no "dhis2: …" of server "${server}" that can be changed; set it to 42.5.2 yourself`,
  );
});
