import { expect, it } from "vitest";
import { markdownOf } from "./markdown";
import { reportOf, tenantReport } from "./report";
import type { Change, Verdict } from "./verdict";

const base = { ref: "origin/main", commit: "0123456789abcdef0123456789abcdef01234567" };
const change = (operation: Change["operation"], name: string, losesData = false): Change => ({
  operation,
  type: "aws:rds/instance:Instance",
  name,
  properties: ["engine"],
  losesData,
});
const verdict = (found: Partial<Verdict>): Verdict => ({
  outcome: "changed",
  refusals: [],
  violations: [],
  errors: [],
  warnings: [],
  changes: [],
  unchanged: 3,
  ...found,
});
const config = (size: string, ...servers: string[]) => ({
  "dhistance:tenant": {
    displayName: "Ministry",
    contacts: { operations: "o@moh.example.org", billing: "b@moh.example.org" },
    target: { aws: { region: "eu-west-1" } },
    servers: servers.map((name) => ({ name, dhis2: "42.5.2", size, hostname: `${name}.moh.example.org` })),
    backups: {
      locations: [
        { region: "eu-central-1" },
        { onPremises: { host: "ssh://b@office.example.org", path: "/srv/dhis2" } },
      ],
    },
  },
});

it("shows losses of data first and in bold, then changes by server, and the cost before and after", () => {
  const changes = [
    change("create", "moh-tracker-x"),
    change("update", "moh-hmis-x"),
    change("delete", "moh-hmis-database", true),
  ];
  const configurations = { before: config("small", "hmis"), after: config("medium", "hmis", "tracker") };
  const report = reportOf([tenantReport("moh", verdict({ changes }), configurations, [])], base);
  const text = markdownOf(report);
  expect(text).toMatch(/\| moh \| ✅ changes \| 1 deleted, 1 changed, 1 created \| \d+ → \d+ USD a month \|/);
  const [loss, first, second] = [
    "- **`moh-hmis-database` (`aws:rds/instance:Instance`) is deleted, its data is lost**",
    "Server hmis: 1 deleted, 1 changed",
    "Server tracker: 1 created",
  ].map((part) => text.indexOf(part)) as [number, number, number];
  expect([loss, first, second].every((at) => at > 0) && loss < first && first < second).toBe(true);
});

it("quotes what a stack file says, so that it mentions nobody and shows nothing", () => {
  const refusals = ['displayName: "@everyone ![x](https://x.example/p.png) ``` <script>"; too long'];
  const report = reportOf(
    [tenantReport("moh", verdict({ outcome: "refused", refusals }), {}, ["a *b* @c <i>"])],
    base,
  );
  const text = markdownOf(report);
  expect(text).toContain(`\`\`\`\`text\n- ${refusals[0]}\n\`\`\`\``);
  expect(text).toContain("**a \\*b\\* \\@c \\<i\\>**");
});

it.each([
  [1, 5000],
  [40, 300],
  [1000, 5],
])("is at most 65,536 characters long, with %i tenants of %i changes", (tenants, changes) => {
  const all = Array.from({ length: changes }, (_, at) =>
    change("replace", `moh-hmis-${"x".repeat(60)}${at}`),
  );
  const reports = Array.from({ length: tenants }, (_, at) =>
    tenantReport(`moh-${at}`, verdict({ changes: all }), { after: config("small", "hmis") }, []),
  );
  const bad = tenantReport("zzz", verdict({ outcome: "refused", refusals: ["y".repeat(100_000)] }), {}, []);
  const text = markdownOf(reportOf([...reports, bad], base));
  expect(text.length).toBeLessThanOrEqual(65_536);
  expect(text).toMatch(/^<!-- dhistance preview -->\n## Preview: refused/);
  // What is left out is not what was refused.
  expect(text).toContain("### zzz");
});
