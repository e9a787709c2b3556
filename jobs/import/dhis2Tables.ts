/**
 * The tables that every release of a DHIS2 major has in the schema `public`: those of 41.9.1, 42.5.2 and 43.1.0, as their
 * own migrations make them (no later release of these majors had added one). Without those that DHIS2 generates
 * (`generatedTables.ts`), and without `eventchart…` and `eventreport…`, which DHIS2 no longer reads.
 */
import { releasesOf, type SUPPORTED_DHIS2_MAJORS } from "../../plans/releases";
import { compareVersions, majorVersion } from "./dhis2";

const words = (text: string) => text.trim().split(/\s+/);

const ofEachMajor = words(`
aggregatedataexchange api_token attribute attributevalue audit axis categories_categoryoptions category
categorycombo categorycombos_categories categorycombos_optioncombos categorydimension
categorydimension_items categoryoption categoryoption_organisationunits categoryoptioncombo
categoryoptioncombos_categoryoptions categoryoptiongroup categoryoptiongroupmembers categoryoptiongroupset
categoryoptiongroupsetdimension categoryoptiongroupsetdimension_items categoryoptiongroupsetmembers
completedatasetregistration configuration configuration_corswhitelist constant dashboard dashboard_items
dashboarditem dashboarditem_reports dashboarditem_resources dashboarditem_users dataapproval
dataapprovalaudit dataapprovallevel dataapprovalworkflow dataapprovalworkflowlevels datadimensionitem
dataelement dataelementaggregationlevels dataelementgroup dataelementgroupmembers dataelementgroupset
dataelementgroupsetdimension dataelementgroupsetdimension_items dataelementgroupsetmembers
dataelementlegendsets dataelementoperand dataentryform datainputperiod dataset datasetelement
datasetindicators datasetlegendsets datasetnotification_datasets datasetnotificationtemplate
datasetnotificationtemplate_deliverychannel datasetoperands datasetsource datastatistics datastatisticsevent
datavalue datavalueaudit deletedobject document enrollment enrollment_notes eventfilter eventhook
eventvisualization eventvisualization_attributedimensions eventvisualization_categorydimensions
eventvisualization_categoryoptiongroupsetdimensions eventvisualization_columns
eventvisualization_dataelementdimensions eventvisualization_filters eventvisualization_itemorgunitgroups
eventvisualization_organisationunits eventvisualization_orgunitgroupsetdimensions
eventvisualization_orgunitlevels eventvisualization_periods eventvisualization_programindicatordimensions
eventvisualization_rows expression expressiondimensionitem externalfileresource externalmaplayer
externalnotificationlogentry fileresource flyway_schema_history i18nlocale icon incomingsms indicator
indicatorgroup indicatorgroupmembers indicatorgroupset indicatorgroupsetmembers indicatorlegendsets
indicatortype interpretation interpretation_comments interpretationcomment jobconfiguration keyjsonvalue
lockexception map maplegend maplegendset mapmapviews mapview mapview_attributedimensions
mapview_categorydimensions mapview_categoryoptiongroupsetdimensions mapview_columns
mapview_datadimensionitems mapview_dataelementdimensions mapview_filters mapview_itemorgunitgroups
mapview_organisationunits mapview_orgunitgroupsetdimensions mapview_orgunitlevels mapview_periods message
messageattachments messageconversation messageconversation_messages messageconversation_usermessages
metadataproposal metadataversion minmaxdataelement note oauth2client oauth2clientgranttypes
oauth2clientredirecturis oauth_access_token oauth_code oauth_refresh_token optiongroup optiongroupmembers
optiongroupset optiongroupsetmembers optionset optionvalue organisationunit orgunitgroup orgunitgroupmembers
orgunitgroupset orgunitgroupsetdimension orgunitgroupsetdimension_items orgunitgroupsetmembers orgunitlevel
outbound_sms outbound_sms_recipients period periodboundary periodtype potentialduplicate predictor
predictorgroup predictorgroupmembers predictororgunitlevels previouspasswords program program_attributes
program_organisationunits program_userroles programexpression programindicator programindicatorgroup
programindicatorgroupmembers programindicatorlegendsets programmessage programmessage_deliverychannels
programmessage_emailaddresses programmessage_phonenumbers programnotificationinstance
programnotificationtemplate programnotificationtemplate_deliverychannel programownershiphistory programrule
programruleaction programrulevariable programsection programsection_attributes programstage
programstagedataelement programstagesection programstagesection_dataelements
programstagesection_programindicators programstageworkinglist programtempowner programtempownershipaudit
relationship relationshipconstraint relationshipitem relationshiptype relativeperiods report reservedvalue
route section sectiondataelements sectiongreyedfields sectionindicators sequentialnumbercounter series
smscodes smscommandcodes smscommands smscommandspecialcharacters smsspecialcharacter sqlview systemsetting
tablehook trackedentity trackedentityattribute trackedentityattributedimension
trackedentityattributelegendsets trackedentityattributevalue trackedentityattributevalueaudit
trackedentityaudit trackedentitydataelementdimension trackedentitydatavalueaudit trackedentityfilter
trackedentityprogramindicatordimension trackedentityprogramowner trackedentitytype
trackedentitytypeattribute userapps userdatavieworgunits usergroup usergroupmanaged usergroupmembers
userinfo userkeyjsonvalue usermembership usermessage userrole userroleauthorities userrolemembers
userrolerestrictions users_catdimensionconstraints users_cogsdimensionconstraints usersetting
userteisearchorgunits validationnotificationtemplate validationnotificationtemplate_recipientusergroups
validationnotificationtemplatevalidationrules validationresult validationrule validationrulegroup
validationrulegroupmembers validationruleorganisationunitlevels version visualization visualization_axis
visualization_categorydimensions visualization_categoryoptiongroupsetdimensions visualization_columns
visualization_datadimensionitems visualization_dataelementgroupsetdimensions visualization_filters
visualization_itemorgunitgroups visualization_organisationunits visualization_orgunitgroupsetdimensions
visualization_orgunitlevels visualization_periods visualization_rows visualization_yearlyseries
`);

const ofMajor: Record<(typeof SUPPORTED_DHIS2_MAJORS)[number], string[]> &
  Record<number, string[] | undefined> = {
  41: words(`event event_notes intepretation_likedby pushanalysis pushanalysisrecipientusergroups`),
  42: words(`event event_notes eventchangelog intepretation_likedby oauth2_authorization oauth2_authorization_consent
    oauth2_client pushanalysis pushanalysisrecipientusergroups trackedentitychangelog`),
  43: words(`configuration_dataoutputperiodtype interpretation_likedby oauth2_authorization oauth2_authorization_consent
    oauth2_client singleevent singleevent_notes singleeventchangelog trackedentitychangelog trackerevent
    trackerevent_notes trackereventchangelog`),
};

/**
 * DHIS2's own tables that are not among `made` (`schema.name`). None where nothing is known: a major before 41, or a
 * database that no release has made.
 * @param newest the newest migration, for example `2.42.52`
 */
export function missingTables(made: ReadonlySet<string>, newest: string | undefined): string[] {
  const major = newest === undefined ? undefined : majorVersion(newest.split(".").slice(0, 2).join("."));
  const own = major === undefined ? undefined : ofMajor[major];
  const [first] = releasesOf(String(major));
  if (newest === undefined || !own || !first || compareVersions(newest, first.newestMigration) < 0) return [];
  return [...ofEachMajor, ...own].filter((name) => !made.has(`public.${name}`)).sort();
}
