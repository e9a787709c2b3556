/**
 * Fills a database with something like DHIS2's: the tables, keys and indexes of version 42 that matter to an import,
 * by their real names, with made-up rows.
 */
import type { TestPostgres } from "./postgres";

export interface Dhis2Size {
  dataValues: number;
  events: number;
}

/** Creates `database` with `size` rows; everything in it is the same on every call. */
export async function createDhis2Like(
  postgres: TestPostgres,
  database: string,
  size: Dhis2Size,
): Promise<void> {
  await postgres.query(`CREATE DATABASE "${database}" TEMPLATE template0 ENCODING 'UTF8'`);
  await postgres.query(schema, undefined, database);
  await postgres.query(metadata, undefined, database);
  await postgres.query(users, undefined, database);
  await postgres.query(rows(size), undefined, database);
  await postgres.query(keys, undefined, database);
}

const schema = `
CREATE EXTENSION postgis;
CREATE EXTENSION btree_gin;
CREATE EXTENSION pg_trgm;
CREATE FUNCTION public.gen_random_uuid() RETURNS uuid LANGUAGE sql AS $$ SELECT md5(random()::text || random()::text)::uuid $$;
CREATE TABLE flyway_schema_history (
  installed_rank integer NOT NULL CONSTRAINT flyway_schema_history_pk PRIMARY KEY, version varchar(50),
  description varchar(200) NOT NULL, type varchar(20) NOT NULL, script varchar(1000) NOT NULL, checksum integer,
  installed_by varchar(100) NOT NULL, installed_on timestamp DEFAULT now() NOT NULL, execution_time integer NOT NULL,
  success boolean NOT NULL);
CREATE TABLE periodtype (periodtypeid integer NOT NULL, name varchar(50));
CREATE TABLE period (periodid bigint NOT NULL, periodtypeid integer, startdate date NOT NULL, enddate date NOT NULL);
CREATE TABLE organisationunit (
  organisationunitid bigint NOT NULL, uid varchar(11) NOT NULL, code varchar(50), created timestamp NOT NULL,
  lastupdated timestamp NOT NULL, name varchar(230) NOT NULL, shortname varchar(50) NOT NULL, parentid bigint,
  path varchar(255), hierarchylevel integer, openingdate date NOT NULL, geometry geometry(Geometry,4326),
  translations jsonb DEFAULT '[]'::jsonb);
CREATE TABLE dataelement (
  dataelementid bigint NOT NULL, uid varchar(11) NOT NULL, code varchar(50), created timestamp NOT NULL,
  lastupdated timestamp NOT NULL, name varchar(230) NOT NULL, shortname varchar(50) NOT NULL,
  valuetype varchar(50) NOT NULL, domaintype varchar(255) NOT NULL, sharing jsonb DEFAULT '{}'::jsonb);
CREATE TABLE categoryoptioncombo (
  categoryoptioncomboid bigint NOT NULL, uid varchar(11) NOT NULL, code varchar(50), created timestamp NOT NULL,
  lastupdated timestamp NOT NULL, name text);
CREATE TABLE datavalue (
  dataelementid bigint NOT NULL, periodid bigint NOT NULL, sourceid bigint NOT NULL,
  categoryoptioncomboid bigint NOT NULL, attributeoptioncomboid bigint NOT NULL, value varchar(50000),
  storedby varchar(255), created timestamp NOT NULL, lastupdated timestamp NOT NULL, comment varchar(50000),
  followup boolean, deleted boolean NOT NULL);
CREATE TABLE program (programid bigint NOT NULL, uid varchar(11) NOT NULL, name varchar(230) NOT NULL, type varchar(255) NOT NULL);
CREATE TABLE programstage (programstageid bigint NOT NULL, uid varchar(11) NOT NULL, name varchar(230) NOT NULL, programid bigint);
CREATE TABLE event (
  eventid bigint NOT NULL, uid varchar(11) NOT NULL, created timestamp NOT NULL, lastupdated timestamp NOT NULL,
  programstageid bigint NOT NULL, attributeoptioncomboid bigint NOT NULL, organisationunitid bigint NOT NULL,
  deleted boolean NOT NULL, storedby varchar(255), occurreddate timestamp, status varchar(25) NOT NULL,
  geometry geometry(Geometry,4326), eventdatavalues jsonb DEFAULT '{}'::jsonb NOT NULL, assigneduserid bigint);
CREATE TABLE analytics_2025 (dx varchar(11), ou varchar(11), value double precision);
CREATE TABLE analytics_rs_orgunitstructure (organisationunitid bigint, level integer);
CREATE TABLE analyticsperiodboundary (analyticsperiodboundaryid bigint NOT NULL, uid varchar(11));
CREATE VIEW _view_facilities AS SELECT organisationunitid, name FROM organisationunit WHERE hierarchylevel = 4;
CREATE SEQUENCE hibernate_sequence START 1000000;
CREATE FUNCTION generate_uid() RETURNS text LANGUAGE sql AS $$ SELECT 'u' || substr(md5(random()::text), 1, 10) $$;
`;

const uid = (letter: string, id: string) => `'${letter}' || lpad(to_hex(${id}), 10, '0')`;

const metadata = `
INSERT INTO flyway_schema_history SELECT i, '2.' || v || '.' || n, 'Migration ' || i, 'SQL', 'V2_' || v || '_' || n || '__m.sql',
  i * 7919, 'dhis', timestamp '2025-01-01', 5, true
  FROM (SELECT row_number() OVER (ORDER BY v, n)::int AS i, v, n FROM generate_series(31, 42) v, generate_series(1, 20) n) m;
INSERT INTO periodtype VALUES (1, 'Monthly'), (2, 'Yearly');
INSERT INTO period SELECT i, 1, date '2015-01-01' + make_interval(months => i - 1), date '2015-01-01' + make_interval(months => i) - interval '1 day'
  FROM generate_series(1, 132) i;
INSERT INTO organisationunit SELECT i, ${uid("o", "i")}, 'OU_' || i, timestamp '2015-01-01', timestamp '2024-01-01', 'Facility ' || i || ' é',
  'F' || i, nullif(i / 8, 0), '/' || i, 1 + floor(ln(i) / ln(8))::int, date '2000-01-01',
  ST_SetSRID(ST_MakePoint(30 + i % 100 / 10.0, -10 + i % 77 / 10.0), 4326), '[{"locale": "fr", "value": "Établissement"}]'
  FROM generate_series(1, 4000) i;
INSERT INTO dataelement SELECT i, ${uid("d", "i")}, 'DE_' || i, timestamp '2015-01-01', timestamp '2024-01-01', 'Data element ' || i, 'DE ' || i,
  'INTEGER', 'AGGREGATE', '{"owner": "admin", "public": "rw------"}' FROM generate_series(1, 500) i;
INSERT INTO categoryoptioncombo SELECT i, CASE i WHEN 1 THEN 'HllvX50cXC0' ELSE ${uid("c", "i")} END, NULL, timestamp '2015-01-01',
  timestamp '2024-01-01', CASE i WHEN 1 THEN 'default' ELSE 'Option ' || i END FROM generate_series(1, 64) i;
INSERT INTO program VALUES (1, 'p0000000001', 'Malaria cases', 'WITHOUT_REGISTRATION'), (2, 'p0000000002', 'Antenatal care', 'WITH_REGISTRATION');
INSERT INTO programstage VALUES (1, 's0000000001', 'Case', 1), (2, 's0000000002', 'Visit', 2);
INSERT INTO analytics_2025 SELECT 'd', 'o', i FROM generate_series(1, 1000) i;
INSERT INTO analytics_rs_orgunitstructure SELECT i, 1 FROM generate_series(1, 100) i;
INSERT INTO analyticsperiodboundary SELECT i, ${uid("b", "i")} FROM generate_series(1, 10) i;
`;

/** Accounts, and everything that reaches out of the system. */
const users = `
CREATE TABLE userinfo (userinfoid bigint NOT NULL, uid varchar(11), username varchar(255) NOT NULL, password varchar(60), email varchar(160),
  secret text, twofactortype varchar(50) DEFAULT 'NOT_ENABLED' NOT NULL, externalauth boolean, openid text, ldapid text, idtoken varchar(255),
  restoretoken varchar(255), restoreexpiry timestamp, emailverificationtoken varchar(255), disabled boolean NOT NULL, invitation boolean NOT NULL,
  selfregistered boolean, accountexpiry timestamp, passwordlastupdated timestamp);
INSERT INTO userinfo SELECT i, ${uid("u", "i")}, CASE i WHEN 1 THEN 'admin' ELSE 'user' || i END, '$2a$10$abcdefghijklmnopqrstuv0123456789012345678901234567890',
  'user' || i || '@moh.example.org', CASE WHEN i % 10 = 0 THEN 'JBSWY3DPEHPK3PXP' END, CASE WHEN i % 10 = 0 THEN 'TOTP_ENABLED' ELSE 'NOT_ENABLED' END,
  i % 7 = 0, CASE WHEN i % 7 = 0 THEN 'openid' || i END, NULL, NULL, CASE WHEN i % 5 = 0 THEN 'token' || i END, CASE WHEN i % 5 = 0 THEN now() END,
  NULL, i % 7 = 0, i % 11 = 0 OR i = 7, false, CASE WHEN i % 7 = 0 THEN timestamp '2024-01-01' END, timestamp '2020-01-01' FROM generate_series(1, 60) i;
CREATE TABLE previouspasswords (userid bigint NOT NULL, list_index integer NOT NULL, previouspassword text);
INSERT INTO previouspasswords SELECT i, 0, '$2a$10$old' FROM generate_series(1, 20) i;
CREATE TABLE systemsetting (systemsettingid bigint NOT NULL, name varchar(255) NOT NULL, value text);
INSERT INTO systemsetting VALUES (1, 'keyEmailHostName', 'smtp.moh.example.org'), (2, 'keyEmailPassword', 'secret'), (3, 'applicationTitle', 'HMIS'),
  (4, 'keyRemoteInstanceUrl', 'https://national.example.org'), (5, 'keyRemoteInstancePassword', 'secret'), (6, 'keySystemNotificationsEmail', 'ops@moh.example.org');
INSERT INTO systemsetting VALUES (7, 'keySelfRegistrationNoRecaptcha', 'true'), (8, 'credentialsExpires', '3');
CREATE TABLE configuration (configurationid integer NOT NULL, systemid varchar(255), selfregistrationrole bigint, selfregistrationorgunit bigint);
INSERT INTO configuration VALUES (1, 'b4a5a1a0-0000-4000-8000-000000000000', 60, 62);
CREATE TABLE jobconfiguration (jobconfigurationid bigint NOT NULL, uid varchar(11) NOT NULL, name varchar(230) NOT NULL, jobtype varchar(120) NOT NULL,
  jobstatus varchar(120) NOT NULL, enabled boolean NOT NULL, cronexpression varchar(255));
INSERT INTO jobconfiguration VALUES (1, 'DHIS2rocks1', 'Housekeeping', 'HOUSEKEEPING', 'SCHEDULED', true, NULL),
  (2, 'jobuid00002', 'Analytics', 'ANALYTICS_TABLE', 'SCHEDULED', true, '0 0 2 * * ?'), (3, 'jobuid00003', 'Sync', 'META_DATA_SYNC', 'SCHEDULED', true, '0 0 3 * * ?'),
  (4, 'jobuid00004', 'Reminders', 'PROGRAM_NOTIFICATIONS', 'SCHEDULED', true, '0 0 4 * * ?');
CREATE TABLE keyjsonvalue (keyjsonvalueid bigint NOT NULL, namespace varchar(255) NOT NULL, namespacekey varchar(255) NOT NULL, jbvalue jsonb, encrypted_value text);
INSERT INTO keyjsonvalue VALUES (1, 'sms-config', 'config', '{"gateways": [{"type": "http", "password": "secret"}]}', NULL), (2, 'my-app', 'settings', '{"a": 1}', NULL),
  (3, 'my-app', 'upstream', '{"url": "https://x.example.org", "auth": {"user": "u", "password": "secret of \\"quotes\\" and \\\\"}, "apiKey": 4711, "note": "say \\"password\\": please"}', NULL),
  (4, 'my-app', 'tokens', '{"tokens": ["secret of a list"], "b": 2}', NULL), (5, 'my-app', 'vault', NULL, 'secret that is encrypted');
CREATE TABLE userkeyjsonvalue (userkeyjsonvalueid bigint NOT NULL, userid bigint NOT NULL, namespace varchar(255) NOT NULL, userkey varchar(255) NOT NULL, jbvalue jsonb, encrypted_value text);
INSERT INTO userkeyjsonvalue VALUES (1, 1, 'my-app', 'mine', '{"accessToken": "secret of mine", "theme": "dark"}', NULL);
CREATE TABLE outbound_sms (id bigint NOT NULL PRIMARY KEY, message text, status integer NOT NULL, uid varchar(255) NOT NULL);
CREATE TABLE outbound_sms_recipients (outbound_sms_id bigint NOT NULL REFERENCES outbound_sms, elt text);
INSERT INTO outbound_sms VALUES (1, 'Your result is positive', 1, 's0000000001');
INSERT INTO outbound_sms_recipients VALUES (1, '+250788000000');
CREATE TABLE eventhook (eventhookid bigint NOT NULL, name varchar(230) NOT NULL, disabled boolean, source jsonb NOT NULL, targets jsonb NOT NULL);
INSERT INTO eventhook VALUES (1, 'To Kafka', false, '{"path": "metadata"}', '[{"type": "webhook", "url": "https://hooks.example.org", "auth": {"token": "secret"}}]');
CREATE TABLE route (routeid bigint NOT NULL, name varchar(230) NOT NULL, disabled boolean, url text, headers jsonb NOT NULL, auth jsonb);
INSERT INTO route VALUES (1, 'Registry', false, 'https://registry.example.org/**', '{}', '{"type": "http-basic", "password": "secret"}');
CREATE TABLE aggregatedataexchange (aggregatedataexchangeid bigint NOT NULL, name varchar(230) NOT NULL, source jsonb NOT NULL, target jsonb NOT NULL);
INSERT INTO aggregatedataexchange VALUES (1, 'To national', '{"params": {}}', '{"type": "EXTERNAL", "api": {"url": "https://national.example.org", "accessToken": "secret"}}'),
  (2, 'Within', '{"params": {}}', '{"type": "INTERNAL"}');
CREATE TABLE api_token (apitokenid bigint NOT NULL, key varchar(128) NOT NULL, createdby bigint);
INSERT INTO api_token SELECT i, md5(i::text), i FROM generate_series(1, 3) i;
CREATE TABLE oauth2_client (id varchar(100) NOT NULL, client_id varchar(255) NOT NULL, client_secret varchar(255));
INSERT INTO oauth2_client VALUES ('1', 'android', 'secret');
CREATE TABLE programnotificationtemplate (programnotificationtemplateid bigint NOT NULL, name varchar(230) NOT NULL);
INSERT INTO programnotificationtemplate VALUES (1, 'Visit reminder');
CREATE TABLE programnotificationtemplate_deliverychannel (programnotificationtemplatedeliverychannelid bigint NOT NULL, deliverychannel varchar(255));
INSERT INTO programnotificationtemplate_deliverychannel VALUES (1, 'SMS'), (1, 'EMAIL');
CREATE TABLE programnotificationinstance (programnotificationinstanceid bigint NOT NULL, name varchar(230) NOT NULL, scheduledat timestamp, sentat timestamp);
INSERT INTO programnotificationinstance VALUES (1, 'Sent', timestamp '2024-01-01', timestamp '2024-01-01'), (2, 'Waiting', timestamp '2099-01-01', NULL);
`;

const rows = ({ dataValues, events }: Dhis2Size) => `
INSERT INTO datavalue SELECT 1 + i % 500, 1 + i / 500 % 120, 1 + i / 60000 % 4000, 1 + i % 7, 1, (i * 7919 % 1000)::text, 'user' || i % 50,
  timestamp '2020-01-01' + make_interval(secs => i), timestamp '2024-01-01' + make_interval(secs => i * 31 % 10000000),
  CASE WHEN i % 50 = 0 THEN 'checked' || chr(9) || 'by the ''district'' office' || chr(10) || 'ü' END, i % 1000 = 0, false
  FROM generate_series(0::bigint, ${dataValues - 1}) i;
INSERT INTO event SELECT i, ${uid("e", "i")}, timestamp '2023-01-01' + make_interval(secs => i), timestamp '2024-01-01' + make_interval(secs => i * 31 % 10000000),
  1 + i % 2, 1, 1 + i * 31 % 4000, false, 'user' || i % 50, timestamp '2023-01-01' + make_interval(hours => (i % 8760)::int), 'COMPLETED',
  CASE WHEN i % 3 <> 0 THEN ST_SetSRID(ST_MakePoint(30 + i % 1000 / 100.0, -10 + i % 777 / 100.0), 4326) END,
  jsonb_build_object('d' || lpad(to_hex(i % 40), 10, '0'), jsonb_build_object('value', (i * 17 % 200)::text, 'created', '2023-05-01T10:00:00', 'storedBy', 'user' || i % 50),
    'd' || lpad(to_hex(100 + i % 40), 10, '0'), jsonb_build_object('value', CASE WHEN i % 2 = 0 THEN 'Positive' ELSE 'Négatif' END, 'created', '2023-05-01T10:00:00')), NULL
  FROM generate_series(1::bigint, ${events}) i;
SELECT setval('hibernate_sequence', 2000000);
`;

const primary: Record<string, string> = {
  ...{ periodtype: "periodtypeid", period: "periodid", organisationunit: "organisationunitid" },
  ...{ dataelement: "dataelementid", categoryoptioncombo: "categoryoptioncomboid" },
  datavalue: "dataelementid, periodid, sourceid, categoryoptioncomboid, attributeoptioncomboid",
  ...{ program: "programid", programstage: "programstageid", event: "eventid", userinfo: "userinfoid" },
  ...{ systemsetting: "systemsettingid", jobconfiguration: "jobconfigurationid", route: "routeid" },
  ...{ eventhook: "eventhookid", analyticsperiodboundary: "analyticsperiodboundaryid" },
};

const foreign: [table: string, column: string, parent: string, key?: string][] = [
  ["organisationunit", "parentid", "organisationunit", "organisationunitid"],
  ["period", "periodtypeid", "periodtype"],
  ["datavalue", "dataelementid", "dataelement"],
  ["datavalue", "periodid", "period"],
  ["datavalue", "sourceid", "organisationunit", "organisationunitid"],
  ["datavalue", "categoryoptioncomboid", "categoryoptioncombo"],
  ["datavalue", "attributeoptioncomboid", "categoryoptioncombo", "categoryoptioncomboid"],
  ["programstage", "programid", "program"],
  ["event", "programstageid", "programstage"],
  ["event", "organisationunitid", "organisationunit"],
  ["event", "attributeoptioncomboid", "categoryoptioncombo", "categoryoptioncomboid"],
  ["event", "assigneduserid", "userinfo", "userinfoid"],
];

const keys = [
  ...Object.entries(primary).map(
    ([t, columns]) => `ALTER TABLE ${t} ADD CONSTRAINT ${t}_pkey PRIMARY KEY (${columns})`,
  ),
  ...["organisationunit", "dataelement", "categoryoptioncombo", "event"].map(
    (t) => `ALTER TABLE ${t} ADD CONSTRAINT uk_${t}_uid UNIQUE (uid)`,
  ),
  "CREATE INDEX in_datavalue_deleted ON datavalue (deleted)",
  "CREATE INDEX in_datavalue_lastupdated ON datavalue (lastupdated)",
  "CREATE INDEX in_organisationunit_path ON organisationunit USING gin (path gin_trgm_ops)",
  "CREATE INDEX in_event_status_occurreddate ON event (status, occurreddate)",
  "CREATE INDEX in_event_deleted_assigneduserid ON event (deleted, assigneduserid)",
  "CREATE INDEX in_event_attributeoptioncomboid ON event (attributeoptioncomboid)",
  "CREATE INDEX event_organisationunitid ON event (organisationunitid)",
  "CREATE INDEX in_event_programstageid ON event (programstageid)",
  "CREATE INDEX in_event_eventdatavalues ON event USING gin (eventdatavalues)",
  "CREATE INDEX in_event_geometry ON event USING gist (geometry)",
  ...foreign.map(
    ([t, column, parent, key]) =>
      `ALTER TABLE ${t} ADD CONSTRAINT fk_${t}_${column} FOREIGN KEY (${column}) REFERENCES ${parent} (${key ?? column})`,
  ),
].join(";\n");
