import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isGeneratedTable } from "./generatedTables";

describe("is left out of imports and backups, because DHIS2 makes it again:", () => {
  test.each([
    ...[
      "analytics",
      "analytics_2024",
      "analytics_0",
      "analytics_temp",
      "analytics_2024_temp",
      "analytics_temp_2024",
    ],
    ...["analytics_completeness_2024", "analytics_validationresult", "analytics_orgunittarget"],
    ...[
      "analytics_event_ipr7m9hxkf1",
      "analytics_event_ipr7m9hxkf1_2024_temp",
      "analytics_event_temp_ipr7m9hxkf1_2024",
    ],
    ...[
      "analytics_enrollment_ipr7m9hxkf1",
      "analytics_te_event_neenwmsyuep_2024",
      "analytics_tei_neenwmsyuep",
    ],
    ...[
      "analytics_rs_orgunitstructure",
      "analytics_rs_relationship_temp",
      "_orgunitstructure",
      "_periodstructure_temp",
    ],
  ])("%s", (name) => {
    expect(isGeneratedTable(`public.${name}`)).toBe(true);
  });

  const list = join(__dirname, "../../shared/dhis2/generated-tables.json");
  const lists = test.runIf(existsSync(list));
  lists(`every name on DHIS2's own list (needs ${list})`, () => {
    type Names = { analytics: string[]; resource: string[] };
    const { majors } = JSON.parse(readFileSync(list, "utf8")) as { majors: Record<string, Names> };
    for (const { analytics, resource } of Object.values(majors)) {
      const missed = [...analytics, ...resource].filter((name) => !isGeneratedTable(`public.${name}`));
      expect(missed).toEqual([]);
    }
  });
});

describe("keeps what a ministry entered in", () => {
  test.each([
    // DHIS2's own data
    ...[
      "public.analyticsperiodboundary",
      "public.aggregatedataexchange",
      "public.eventanalytics",
      "public.datavalue",
    ],
    // tables that begin as generated ones do
    ...["public._moh_stock", "public._custom_target", "public._orgunitstructure_notes", "public._dataset"],
    ...[
      "public.analytics_2020_notes",
      "public.analytics 2020 notes",
      "public.analytics_20200",
      "public.analytics_notes",
    ],
    ...["public.analytics_event_stock", "public.analytics_event_facilities12", "public.analytics_rs_moh"],
    ...[
      "public.Analytics",
      "public.ANALYTICS_2020",
      "public.analytics_event_IpR7M9HxKf1",
      "public.analytics_2020\n",
    ],
    ...['public."analytics"', "public.analytics.2020", "public.analytics_orgunittarget_2020"],
    // the same names elsewhere
    ...[
      "hr.analytics_2024",
      "hr._staff",
      "analytics.datavalue",
      "Public.analytics",
      "analytics",
      "_orgunitstructure",
    ],
    ...["x.public.analytics", "public.public.analytics"],
  ])("%s", (table) => {
    expect(isGeneratedTable(table)).toBe(false);
  });
});
