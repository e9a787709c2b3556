/**
 * The tables whose rows DHIS2 makes again by itself: analytics and resource tables. By exact name, as dhis2-core makes
 * them in 2.40.12, 2.41.9.1, 2.42.5.2 and 2.43.1; all versions together, because an upgrade can leave older ones behind.
 * A prefix is not enough: `_moh_stock`, `analytics_2020_notes` and `analyticsperiodboundary` hold what people entered.
 */

const any = (...names: string[]) => `(?:${names.join("|")})`;

/** Year 0 is the partition for what was entered since the last complete run. */
const year = "(?:_(?:0|\\d{4}))";
/** Of a program or a tracked entity type, in lower case. */
const uid = "(?:_[a-z][a-z0-9]{10})";

const analytics = any(
  `analytics${year}?`,
  `analytics_(?:completeness|validationresult)${year}?`,
  "analytics_(?:completenesstarget|orgunittarget)",
  `analytics_(?:event|te_event|tei_events)(?:${uid}${year}?)?`,
  `analytics_(?:enrollment|ownership|te|te_enrollment|tei|tei_enrollments)${uid}?`,
);

/** 40 writes `_temp` before the UID and the year of an analytics table. */
const analyticsOf40InProgress = any(
  `analytics(?:_completeness|_validationresult)?_temp${year}`,
  `analytics_(?:event|enrollment|ownership)_temp${uid}${year}?`,
);

/** `_orgunitstructure` up to 40, `analytics_rs_orgunitstructure` since 41. */
const resource = any(
  `(?:analytics_rs)?_${any(
    ...["categoryoptioncomboname", "categorystructure", "dataapprovalminlevel", "dataapprovalremaplevel"],
    ...["dataelementcategoryoptioncombo", "dataelementgroupsetstructure", "dataelementstructure"],
    ...["datasetorganisationunitcategory", "dateperiodstructure", "indicatorgroupsetstructure"],
    ...["organisationunitgroupsetstructure", "orgunitstructure", "periodstructure"],
  )}`,
  "analytics_rs_(?:dataset|relationship)",
);

const generated = new RegExp(
  `^public\\.${any(`${any(analytics, resource)}(?:_temp)?`, analyticsOf40InProgress)}$`,
);

/** `table` is `schema.name`, without quotes. */
export function isGeneratedTable(table: string): boolean {
  return generated.test(table);
}
