import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { MANAGED_RULES } from "./firewall";

interface Request {
  method: string;
  /** With its query. */
  path: string;
  headers: Record<string, string>;
  bodyBytes: number;
  /** The beginning of the body. */
  bodySample: string;
  /** By version of DHIS2. */
  statuses: Record<string, number>;
}

const query = ({ path: full }: Request) => full.split("?").slice(1).join("?");
const decoded = (text: string) => decodeURIComponent(text.replace(/%(?![0-9a-f]{2})/gi, "%25"));
const LFI = /\.\.[/\\]/;
const RFI = /(https?|ftp):\/\/\d{1,3}(\.\d{1,3}){3}/i;
const SSRF = /169\.254\.169\.254/;
const SCRIPT = /<script|javascript:|\bon(error|load|click)\s*=/i;

/**
 * The rules of AWS's common rule set that look at what DHIS2's clients send, as AWS documents them. Simulated: AWS does not
 * publish its patterns, so these are the documented sizes and examples.
 */
const RULES: Readonly<Record<string, (request: Request) => boolean>> = {
  NoUserAgent_HEADER: ({ headers }) =>
    !Object.keys(headers).some((name) => name.toLowerCase() === "user-agent"),
  SizeRestrictions_QUERYSTRING: (request) => Buffer.byteLength(query(request)) > 2048,
  SizeRestrictions_URIPATH: ({ path: full }) => Buffer.byteLength(full.split("?")[0] ?? "") > 1024,
  SizeRestrictions_Cookie_HEADER: ({ headers }) => (headers["Cookie"] ?? "").length > 10_240,
  SizeRestrictions_BODY: ({ bodyBytes }) => bodyBytes > 8192,
  GenericLFI_BODY: ({ bodySample }) => LFI.test(bodySample),
  GenericLFI_QUERYARGUMENTS: (request) => LFI.test(decoded(query(request))),
  GenericLFI_URIPATH: ({ path: full }) => LFI.test(decoded(full.split("?")[0] ?? "")),
  GenericRFI_BODY: ({ bodySample }) => RFI.test(bodySample),
  GenericRFI_QUERYARGUMENTS: (request) => RFI.test(decoded(query(request))),
  EC2MetaDataSSRF_BODY: ({ bodySample }) => SSRF.test(bodySample),
  EC2MetaDataSSRF_QUERYARGUMENTS: (request) => SSRF.test(decoded(query(request))),
  CrossSiteScripting_BODY: ({ bodySample }) => SCRIPT.test(bodySample),
  CrossSiteScripting_QUERYARGUMENTS: (request) => SCRIPT.test(decoded(query(request))),
};

const counted = MANAGED_RULES["AWSManagedRulesCommonRuleSet"] ?? [];
const blocking = Object.keys(RULES).filter((rule) => !counted.includes(rule));
const blockedBy = (request: Request) => blocking.filter((rule) => RULES[rule]?.(request));
const accepted = ({ statuses }: Request) => Object.values(statuses).some((status) => status < 400);

const FILE = path.resolve(__dirname, "../../../shared/dhis2/requests.jsonl");

describe.skipIf(!existsSync(FILE))(
  `requests that DHIS2 accepts (${path.basename(FILE)}, where it is)`,
  () => {
    const requests = readFileSync(FILE, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Request)
      .filter(accepted);

    it("are not blocked", () => {
      expect(requests.length).toBeGreaterThan(60);
      const blocked = requests.map((request) => [request.method, request.path, ...blockedBy(request)]);
      expect(blocked.filter(([, , ...rules]) => rules.length > 0)).toEqual([]);
    });

    it("would be, by a rule that only counts: long queries, large bodies, and HTML in bodies", () => {
      const rules = counted.filter((rule) => requests.some((request) => RULES[rule]?.(request)));
      expect(rules).toEqual(
        expect.arrayContaining(["SizeRestrictions_QUERYSTRING", "SizeRestrictions_BODY", "GenericLFI_BODY"]),
      );
    });
  },
);

/** More of the kinds, as clients send them. */
const get = (path: string, headers: Record<string, string> = { "User-Agent": "curl/8" }): Request => ({
  ...{ method: "GET", path, headers },
  ...{ bodyBytes: 0, bodySample: "", statuses: {} },
});
const post = (path: string, bodySample: string): Request => ({
  ...get(path),
  method: "POST",
  bodySample,
  bodyBytes: bodySample.length,
});

it.each([
  ["a script without an agent", get("/api/me", {})],
  ["a filter of 400 ids", get(`/api/dataElements?filter=id:in:[${"DeMalaria01,".repeat(400)}]`)],
  ["a route to a server with an address of its own", post("/api/routes", '{"url":"http://10.1.2.3/fhir"}')],
  [
    "a report with scripts and relative paths",
    post("/api/reports", '<script src="../dhis-web-commons/x.js">'),
  ],
  ["a form of 200 KB", post("/api/dataSets/x/form", "x".repeat(200_000))],
])("does not block %s", (_, request) => {
  expect(blockedBy(request)).toEqual([]);
});

it.each([
  ["a path that leaves its folder", get("/api/../../etc/passwd"), "GenericLFI_URIPATH"],
  ["a script in a link", get("/?x=<script>alert(1)</script>"), "CrossSiteScripting_QUERYARGUMENTS"],
  [
    "the address of the machine's credentials in a link",
    get("/?u=http://169.254.169.254/"),
    "EC2MetaDataSSRF_QUERYARGUMENTS",
  ],
])("blocks %s", (_, request, rule) => {
  expect(blockedBy(request)).toContain(rule);
});
