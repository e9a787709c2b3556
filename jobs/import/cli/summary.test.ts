import { expect, it } from "vitest";
import type { ImportResult } from "../runImport";
import { importSummary } from "./summary";

const result: ImportResult = {
  ...{ outcome: "imported", database: "hmis", sha256: "a", seconds: 1, rows: 2, removed: [] },
  tables: [
    { name: "public.event", rows: 2, bytes: 10 },
    { name: "public.empty", rows: 0, bytes: 0 },
  ],
  leftOut: [],
};

it("names the largest tables, without empty ones", () => {
  const text = importSummary(result, "dump", "");
  expect(text).toContain("public.event: 2 rows");
  expect(text).not.toContain("public.empty");
});

it("names what was left out, but not thousands of it", () => {
  const leftOut = Array.from({ length: 3000 }, (_, i) => ({ what: `view ${i}.`, statements: 1, rows: 0 }));
  const text = importSummary({ ...result, leftOut }, "dump", "");
  expect(text).toContain("view 49. (1 statement)");
  expect(text).not.toContain("view 50.");
  expect(text).toContain("… and 2,950 more; --json names all");
});

it("says what there was nothing of to switch off", () => {
  const sanitised = [
    { what: "scheduled jobs", table: "jobconfiguration", rows: 3 },
    { what: "OAuth2 clients", table: "oauth2_client", rows: 1 },
    { what: "OAuth2 clients", table: "oauth_code", rows: 0 },
    { what: "webhooks", table: "eventhook", rows: 0 },
    { what: "push analyses", table: "pushanalysis", rows: 0 },
  ];
  const text = importSummary({ ...result, sanitised }, "dump", "");
  expect(text).toMatch(/Made harmless:\n {4}scheduled jobs: 3 in jobconfiguration\n {4}OAuth2 clients: 1/);
  expect(text).toMatch(/nothing found to switch off:\n {4}webhooks\n {4}push analyses\n/);
});
