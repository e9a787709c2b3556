--
-- PostgreSQL database dump
--

\restrict UCGD1fcyakUmkOQQB5gKNxd61NibdILQThpdJGIsEj6giNE5z92vD51i2oq8x4z

-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: postgis; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: dataelement; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.dataelement (
    dataelementid bigint NOT NULL,
    uid character varying(11) NOT NULL,
    name character varying(230) NOT NULL,
    shortname character varying(50) NOT NULL,
    valuetype character varying(50) NOT NULL,
    aggregationtype character varying(50) NOT NULL
);


--
-- Name: datavalue; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.datavalue (
    dataelementid bigint NOT NULL,
    periodid bigint NOT NULL,
    sourceid bigint NOT NULL,
    value character varying(50000),
    storedby character varying(255),
    created timestamp without time zone NOT NULL
);


--
-- Name: flyway_schema_history; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.flyway_schema_history (
    installed_rank integer NOT NULL,
    version character varying(50),
    description character varying(200) NOT NULL,
    type character varying(20) NOT NULL,
    script character varying(1000) NOT NULL,
    checksum integer,
    installed_by character varying(100) NOT NULL,
    installed_on timestamp without time zone DEFAULT now() NOT NULL,
    execution_time integer NOT NULL,
    success boolean NOT NULL
);


--
-- Name: organisationunit; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.organisationunit (
    organisationunitid bigint NOT NULL,
    uid character varying(11) NOT NULL,
    code character varying(50),
    name character varying(230) NOT NULL,
    shortname character varying(50) NOT NULL,
    parentid bigint,
    hierarchylevel integer NOT NULL,
    openingdate date NOT NULL,
    geometry public.geometry(Geometry,4326)
);


--
-- Name: period; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.period (
    periodid bigint NOT NULL,
    startdate date NOT NULL,
    enddate date NOT NULL
);


--
-- Name: userinfo; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.userinfo (
    userinfoid bigint NOT NULL,
    uid character varying(11),
    username character varying(255) NOT NULL,
    email character varying(160),
    password character varying(60),
    disabled boolean DEFAULT false NOT NULL,
    passwordlastupdated timestamp without time zone,
    lastlogin timestamp without time zone
);


--
-- Data for Name: dataelement; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.dataelement (dataelementid, uid, name, shortname, valuetype, aggregationtype) FROM stdin;
1	FTRrcoaog83	Malaria cases, confirmed	Malaria confirmed	NUMBER	SUM
2	UsSUX0cpKsH	Cholera cases	Cholera	NUMBER	SUM
\.


--
-- Data for Name: datavalue; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.datavalue (dataelementid, periodid, sourceid, value, storedby, created) FROM stdin;
1	1	2	26	example	2026-01-15 08:00:00
1	2	2	39	example	2026-01-15 08:00:00
1	3	2	52	example	2026-01-15 08:00:00
1	4	2	65	example	2026-01-15 08:00:00
1	5	2	78	example	2026-01-15 08:00:00
1	6	2	91	example	2026-01-15 08:00:00
1	7	2	7	example	2026-01-15 08:00:00
1	8	2	20	example	2026-01-15 08:00:00
1	9	2	33	example	2026-01-15 08:00:00
1	10	2	46	example	2026-01-15 08:00:00
1	11	2	59	example	2026-01-15 08:00:00
1	12	2	72	example	2026-01-15 08:00:00
2	1	2	33	example	2026-01-15 08:00:00
2	2	2	46	example	2026-01-15 08:00:00
2	3	2	59	example	2026-01-15 08:00:00
2	4	2	72	example	2026-01-15 08:00:00
2	5	2	85	example	2026-01-15 08:00:00
2	6	2	1	example	2026-01-15 08:00:00
2	7	2	14	example	2026-01-15 08:00:00
2	8	2	27	example	2026-01-15 08:00:00
2	9	2	40	example	2026-01-15 08:00:00
2	10	2	53	example	2026-01-15 08:00:00
2	11	2	66	example	2026-01-15 08:00:00
2	12	2	79	example	2026-01-15 08:00:00
1	1	3	29	example	2026-01-15 08:00:00
1	2	3	42	example	2026-01-15 08:00:00
1	3	3	55	example	2026-01-15 08:00:00
1	4	3	68	example	2026-01-15 08:00:00
1	5	3	81	example	2026-01-15 08:00:00
1	6	3	94	example	2026-01-15 08:00:00
1	7	3	10	example	2026-01-15 08:00:00
1	8	3	23	example	2026-01-15 08:00:00
1	9	3	36	example	2026-01-15 08:00:00
1	10	3	49	example	2026-01-15 08:00:00
1	11	3	62	example	2026-01-15 08:00:00
1	12	3	75	example	2026-01-15 08:00:00
2	1	3	36	example	2026-01-15 08:00:00
2	2	3	49	example	2026-01-15 08:00:00
2	3	3	62	example	2026-01-15 08:00:00
2	4	3	75	example	2026-01-15 08:00:00
2	5	3	88	example	2026-01-15 08:00:00
2	6	3	4	example	2026-01-15 08:00:00
2	7	3	17	example	2026-01-15 08:00:00
2	8	3	30	example	2026-01-15 08:00:00
2	9	3	43	example	2026-01-15 08:00:00
2	10	3	56	example	2026-01-15 08:00:00
2	11	3	69	example	2026-01-15 08:00:00
2	12	3	82	example	2026-01-15 08:00:00
1	1	4	32	example	2026-01-15 08:00:00
1	2	4	45	example	2026-01-15 08:00:00
1	3	4	58	example	2026-01-15 08:00:00
1	4	4	71	example	2026-01-15 08:00:00
1	5	4	84	example	2026-01-15 08:00:00
1	6	4	0	example	2026-01-15 08:00:00
1	7	4	13	example	2026-01-15 08:00:00
1	8	4	26	example	2026-01-15 08:00:00
1	9	4	39	example	2026-01-15 08:00:00
1	10	4	52	example	2026-01-15 08:00:00
1	11	4	65	example	2026-01-15 08:00:00
1	12	4	78	example	2026-01-15 08:00:00
2	1	4	39	example	2026-01-15 08:00:00
2	2	4	52	example	2026-01-15 08:00:00
2	3	4	65	example	2026-01-15 08:00:00
2	4	4	78	example	2026-01-15 08:00:00
2	5	4	91	example	2026-01-15 08:00:00
2	6	4	7	example	2026-01-15 08:00:00
2	7	4	20	example	2026-01-15 08:00:00
2	8	4	33	example	2026-01-15 08:00:00
2	9	4	46	example	2026-01-15 08:00:00
2	10	4	59	example	2026-01-15 08:00:00
2	11	4	72	example	2026-01-15 08:00:00
2	12	4	85	example	2026-01-15 08:00:00
1	1	5	35	example	2026-01-15 08:00:00
1	2	5	48	example	2026-01-15 08:00:00
1	3	5	61	example	2026-01-15 08:00:00
1	4	5	74	example	2026-01-15 08:00:00
1	5	5	87	example	2026-01-15 08:00:00
1	6	5	3	example	2026-01-15 08:00:00
1	7	5	16	example	2026-01-15 08:00:00
1	8	5	29	example	2026-01-15 08:00:00
1	9	5	42	example	2026-01-15 08:00:00
1	10	5	55	example	2026-01-15 08:00:00
1	11	5	68	example	2026-01-15 08:00:00
1	12	5	81	example	2026-01-15 08:00:00
2	1	5	42	example	2026-01-15 08:00:00
2	2	5	55	example	2026-01-15 08:00:00
2	3	5	68	example	2026-01-15 08:00:00
2	4	5	81	example	2026-01-15 08:00:00
2	5	5	94	example	2026-01-15 08:00:00
2	6	5	10	example	2026-01-15 08:00:00
2	7	5	23	example	2026-01-15 08:00:00
2	8	5	36	example	2026-01-15 08:00:00
2	9	5	49	example	2026-01-15 08:00:00
2	10	5	62	example	2026-01-15 08:00:00
2	11	5	75	example	2026-01-15 08:00:00
2	12	5	88	example	2026-01-15 08:00:00
1	1	6	38	example	2026-01-15 08:00:00
1	2	6	51	example	2026-01-15 08:00:00
1	3	6	64	example	2026-01-15 08:00:00
1	4	6	77	example	2026-01-15 08:00:00
1	5	6	90	example	2026-01-15 08:00:00
1	6	6	6	example	2026-01-15 08:00:00
1	7	6	19	example	2026-01-15 08:00:00
1	8	6	32	example	2026-01-15 08:00:00
1	9	6	45	example	2026-01-15 08:00:00
1	10	6	58	example	2026-01-15 08:00:00
1	11	6	71	example	2026-01-15 08:00:00
1	12	6	84	example	2026-01-15 08:00:00
2	1	6	45	example	2026-01-15 08:00:00
2	2	6	58	example	2026-01-15 08:00:00
2	3	6	71	example	2026-01-15 08:00:00
2	4	6	84	example	2026-01-15 08:00:00
2	5	6	0	example	2026-01-15 08:00:00
2	6	6	13	example	2026-01-15 08:00:00
2	7	6	26	example	2026-01-15 08:00:00
2	8	6	39	example	2026-01-15 08:00:00
2	9	6	52	example	2026-01-15 08:00:00
2	10	6	65	example	2026-01-15 08:00:00
2	11	6	78	example	2026-01-15 08:00:00
2	12	6	91	example	2026-01-15 08:00:00
1	1	7	41	example	2026-01-15 08:00:00
1	2	7	54	example	2026-01-15 08:00:00
1	3	7	67	example	2026-01-15 08:00:00
1	4	7	80	example	2026-01-15 08:00:00
1	5	7	93	example	2026-01-15 08:00:00
1	6	7	9	example	2026-01-15 08:00:00
1	7	7	22	example	2026-01-15 08:00:00
1	8	7	35	example	2026-01-15 08:00:00
1	9	7	48	example	2026-01-15 08:00:00
1	10	7	61	example	2026-01-15 08:00:00
1	11	7	74	example	2026-01-15 08:00:00
1	12	7	87	example	2026-01-15 08:00:00
2	1	7	48	example	2026-01-15 08:00:00
2	2	7	61	example	2026-01-15 08:00:00
2	3	7	74	example	2026-01-15 08:00:00
2	4	7	87	example	2026-01-15 08:00:00
2	5	7	3	example	2026-01-15 08:00:00
2	6	7	16	example	2026-01-15 08:00:00
2	7	7	29	example	2026-01-15 08:00:00
2	8	7	42	example	2026-01-15 08:00:00
2	9	7	55	example	2026-01-15 08:00:00
2	10	7	68	example	2026-01-15 08:00:00
2	11	7	81	example	2026-01-15 08:00:00
2	12	7	94	example	2026-01-15 08:00:00
1	1	8	44	example	2026-01-15 08:00:00
1	2	8	57	example	2026-01-15 08:00:00
1	3	8	70	example	2026-01-15 08:00:00
1	4	8	83	example	2026-01-15 08:00:00
1	5	8	96	example	2026-01-15 08:00:00
1	6	8	12	example	2026-01-15 08:00:00
1	7	8	25	example	2026-01-15 08:00:00
1	8	8	38	example	2026-01-15 08:00:00
1	9	8	51	example	2026-01-15 08:00:00
1	10	8	64	example	2026-01-15 08:00:00
1	11	8	77	example	2026-01-15 08:00:00
1	12	8	90	example	2026-01-15 08:00:00
2	1	8	51	example	2026-01-15 08:00:00
2	2	8	64	example	2026-01-15 08:00:00
2	3	8	77	example	2026-01-15 08:00:00
2	4	8	90	example	2026-01-15 08:00:00
2	5	8	6	example	2026-01-15 08:00:00
2	6	8	19	example	2026-01-15 08:00:00
2	7	8	32	example	2026-01-15 08:00:00
2	8	8	45	example	2026-01-15 08:00:00
2	9	8	58	example	2026-01-15 08:00:00
2	10	8	71	example	2026-01-15 08:00:00
2	11	8	84	example	2026-01-15 08:00:00
2	12	8	0	example	2026-01-15 08:00:00
1	1	9	47	example	2026-01-15 08:00:00
1	2	9	60	example	2026-01-15 08:00:00
1	3	9	73	example	2026-01-15 08:00:00
1	4	9	86	example	2026-01-15 08:00:00
1	5	9	2	example	2026-01-15 08:00:00
1	6	9	15	example	2026-01-15 08:00:00
1	7	9	28	example	2026-01-15 08:00:00
1	8	9	41	example	2026-01-15 08:00:00
1	9	9	54	example	2026-01-15 08:00:00
1	10	9	67	example	2026-01-15 08:00:00
1	11	9	80	example	2026-01-15 08:00:00
1	12	9	93	example	2026-01-15 08:00:00
2	1	9	54	example	2026-01-15 08:00:00
2	2	9	67	example	2026-01-15 08:00:00
2	3	9	80	example	2026-01-15 08:00:00
2	4	9	93	example	2026-01-15 08:00:00
2	5	9	9	example	2026-01-15 08:00:00
2	6	9	22	example	2026-01-15 08:00:00
2	7	9	35	example	2026-01-15 08:00:00
2	8	9	48	example	2026-01-15 08:00:00
2	9	9	61	example	2026-01-15 08:00:00
2	10	9	74	example	2026-01-15 08:00:00
2	11	9	87	example	2026-01-15 08:00:00
2	12	9	3	example	2026-01-15 08:00:00
1	1	10	50	example	2026-01-15 08:00:00
1	2	10	63	example	2026-01-15 08:00:00
1	3	10	76	example	2026-01-15 08:00:00
1	4	10	89	example	2026-01-15 08:00:00
1	5	10	5	example	2026-01-15 08:00:00
1	6	10	18	example	2026-01-15 08:00:00
1	7	10	31	example	2026-01-15 08:00:00
1	8	10	44	example	2026-01-15 08:00:00
1	9	10	57	example	2026-01-15 08:00:00
1	10	10	70	example	2026-01-15 08:00:00
1	11	10	83	example	2026-01-15 08:00:00
1	12	10	96	example	2026-01-15 08:00:00
2	1	10	57	example	2026-01-15 08:00:00
2	2	10	70	example	2026-01-15 08:00:00
2	3	10	83	example	2026-01-15 08:00:00
2	4	10	96	example	2026-01-15 08:00:00
2	5	10	12	example	2026-01-15 08:00:00
2	6	10	25	example	2026-01-15 08:00:00
2	7	10	38	example	2026-01-15 08:00:00
2	8	10	51	example	2026-01-15 08:00:00
2	9	10	64	example	2026-01-15 08:00:00
2	10	10	77	example	2026-01-15 08:00:00
2	11	10	90	example	2026-01-15 08:00:00
2	12	10	6	example	2026-01-15 08:00:00
1	1	11	53	example	2026-01-15 08:00:00
1	2	11	66	example	2026-01-15 08:00:00
1	3	11	79	example	2026-01-15 08:00:00
1	4	11	92	example	2026-01-15 08:00:00
1	5	11	8	example	2026-01-15 08:00:00
1	6	11	21	example	2026-01-15 08:00:00
1	7	11	34	example	2026-01-15 08:00:00
1	8	11	47	example	2026-01-15 08:00:00
1	9	11	60	example	2026-01-15 08:00:00
1	10	11	73	example	2026-01-15 08:00:00
1	11	11	86	example	2026-01-15 08:00:00
1	12	11	2	example	2026-01-15 08:00:00
2	1	11	60	example	2026-01-15 08:00:00
2	2	11	73	example	2026-01-15 08:00:00
2	3	11	86	example	2026-01-15 08:00:00
2	4	11	2	example	2026-01-15 08:00:00
2	5	11	15	example	2026-01-15 08:00:00
2	6	11	28	example	2026-01-15 08:00:00
2	7	11	41	example	2026-01-15 08:00:00
2	8	11	54	example	2026-01-15 08:00:00
2	9	11	67	example	2026-01-15 08:00:00
2	10	11	80	example	2026-01-15 08:00:00
2	11	11	93	example	2026-01-15 08:00:00
2	12	11	9	example	2026-01-15 08:00:00
1	1	12	56	example	2026-01-15 08:00:00
1	2	12	69	example	2026-01-15 08:00:00
1	3	12	82	example	2026-01-15 08:00:00
1	4	12	95	example	2026-01-15 08:00:00
1	5	12	11	example	2026-01-15 08:00:00
1	6	12	24	example	2026-01-15 08:00:00
1	7	12	37	example	2026-01-15 08:00:00
1	8	12	50	example	2026-01-15 08:00:00
1	9	12	63	example	2026-01-15 08:00:00
1	10	12	76	example	2026-01-15 08:00:00
1	11	12	89	example	2026-01-15 08:00:00
1	12	12	5	example	2026-01-15 08:00:00
2	1	12	63	example	2026-01-15 08:00:00
2	2	12	76	example	2026-01-15 08:00:00
2	3	12	89	example	2026-01-15 08:00:00
2	4	12	5	example	2026-01-15 08:00:00
2	5	12	18	example	2026-01-15 08:00:00
2	6	12	31	example	2026-01-15 08:00:00
2	7	12	44	example	2026-01-15 08:00:00
2	8	12	57	example	2026-01-15 08:00:00
2	9	12	70	example	2026-01-15 08:00:00
2	10	12	83	example	2026-01-15 08:00:00
2	11	12	96	example	2026-01-15 08:00:00
2	12	12	12	example	2026-01-15 08:00:00
1	1	13	59	example	2026-01-15 08:00:00
1	2	13	72	example	2026-01-15 08:00:00
1	3	13	85	example	2026-01-15 08:00:00
1	4	13	1	example	2026-01-15 08:00:00
1	5	13	14	example	2026-01-15 08:00:00
1	6	13	27	example	2026-01-15 08:00:00
1	7	13	40	example	2026-01-15 08:00:00
1	8	13	53	example	2026-01-15 08:00:00
1	9	13	66	example	2026-01-15 08:00:00
1	10	13	79	example	2026-01-15 08:00:00
1	11	13	92	example	2026-01-15 08:00:00
1	12	13	8	example	2026-01-15 08:00:00
2	1	13	66	example	2026-01-15 08:00:00
2	2	13	79	example	2026-01-15 08:00:00
2	3	13	92	example	2026-01-15 08:00:00
2	4	13	8	example	2026-01-15 08:00:00
2	5	13	21	example	2026-01-15 08:00:00
2	6	13	34	example	2026-01-15 08:00:00
2	7	13	47	example	2026-01-15 08:00:00
2	8	13	60	example	2026-01-15 08:00:00
2	9	13	73	example	2026-01-15 08:00:00
2	10	13	86	example	2026-01-15 08:00:00
2	11	13	2	example	2026-01-15 08:00:00
2	12	13	15	example	2026-01-15 08:00:00
1	1	14	62	example	2026-01-15 08:00:00
1	2	14	75	example	2026-01-15 08:00:00
1	3	14	88	example	2026-01-15 08:00:00
1	4	14	4	example	2026-01-15 08:00:00
1	5	14	17	example	2026-01-15 08:00:00
1	6	14	30	example	2026-01-15 08:00:00
1	7	14	43	example	2026-01-15 08:00:00
1	8	14	56	example	2026-01-15 08:00:00
1	9	14	69	example	2026-01-15 08:00:00
1	10	14	82	example	2026-01-15 08:00:00
1	11	14	95	example	2026-01-15 08:00:00
1	12	14	11	example	2026-01-15 08:00:00
2	1	14	69	example	2026-01-15 08:00:00
2	2	14	82	example	2026-01-15 08:00:00
2	3	14	95	example	2026-01-15 08:00:00
2	4	14	11	example	2026-01-15 08:00:00
2	5	14	24	example	2026-01-15 08:00:00
2	6	14	37	example	2026-01-15 08:00:00
2	7	14	50	example	2026-01-15 08:00:00
2	8	14	63	example	2026-01-15 08:00:00
2	9	14	76	example	2026-01-15 08:00:00
2	10	14	89	example	2026-01-15 08:00:00
2	11	14	5	example	2026-01-15 08:00:00
2	12	14	18	example	2026-01-15 08:00:00
\.


--
-- Data for Name: flyway_schema_history; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.flyway_schema_history (installed_rank, version, description, type, script, checksum, installed_by, installed_on, execution_time, success) FROM stdin;
1	2.42.1	Example	SQL	V2_42_1__Example.sql	1	dhis	2026-01-15 08:00:00	12	t
\.


--
-- Data for Name: organisationunit; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.organisationunit (organisationunitid, uid, code, name, shortname, parentid, hierarchylevel, openingdate, geometry) FROM stdin;
1	ImspTQPwCqd	EX	Exampleland	Exampleland	\N	1	2000-01-01	\N
2	ou000000002	EX_2	District 2	District 2	1	2	2000-01-01	0101000020E61000000AD7A3703D0A26C00AD7A3703D0A2040
3	ou000000003	EX_3	District 3	District 3	1	2	2000-01-01	0101000020E61000008FC2F5285C0F26C08FC2F5285C0F2040
4	ou000000004	EX_4	District 4	District 4	1	2	2000-01-01	0101000020E610000014AE47E17A1426C014AE47E17A142040
5	ou000000005	EX_5	District 5	District 5	1	2	2000-01-01	0101000020E61000009A999999991926C09A99999999192040
6	ou000000006	EX_6	District 6	District 6	1	2	2000-01-01	0101000020E61000001F85EB51B81E26C01F85EB51B81E2040
7	ou000000007	EX_7	District 7	District 7	1	2	2000-01-01	0101000020E6100000A4703D0AD72326C0A4703D0AD7232040
8	ou000000008	EX_8	District 8	District 8	1	2	2000-01-01	0101000020E6100000295C8FC2F52826C0295C8FC2F5282040
9	ou000000009	EX_9	District 9	District 9	1	2	2000-01-01	0101000020E6100000AE47E17A142E26C0AE47E17A142E2040
10	ou000000010	EX_10	District 10	District 10	1	2	2000-01-01	0101000020E610000033333333333326C03333333333332040
11	ou000000011	EX_11	District 11	District 11	1	2	2000-01-01	0101000020E6100000B81E85EB513826C0B81E85EB51382040
12	ou000000012	EX_12	District 12	District 12	1	2	2000-01-01	0101000020E61000003D0AD7A3703D26C03D0AD7A3703D2040
13	ou000000013	EX_13	District 13	District 13	1	2	2000-01-01	0101000020E6100000C3F5285C8F4226C0C3F5285C8F422040
14	ou000000014	EX_14	District 14	District 14	1	2	2000-01-01	0101000020E610000048E17A14AE4726C048E17A14AE472040
\.


--
-- Data for Name: period; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.period (periodid, startdate, enddate) FROM stdin;
1	2025-01-01	2025-01-31
2	2025-02-01	2025-02-28
3	2025-03-01	2025-03-31
4	2025-04-01	2025-04-30
5	2025-05-01	2025-05-31
6	2025-06-01	2025-06-30
7	2025-07-01	2025-07-31
8	2025-08-01	2025-08-31
9	2025-09-01	2025-09-30
10	2025-10-01	2025-10-31
11	2025-11-01	2025-11-30
12	2025-12-01	2025-12-31
\.


--
-- Data for Name: spatial_ref_sys; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text) FROM stdin;
\.


--
-- Data for Name: userinfo; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.userinfo (userinfoid, uid, username, email, password, disabled, passwordlastupdated, lastlogin) FROM stdin;
1	M5zQapPyTZI	admin	\N	$2b$10$WeAgBq.b1URgng306rs0VeNtx5Aox.AECh3iL5Bst6MHgTrp0uX8a	f	2025-01-01 00:00:00	\N
\.


--
-- Name: dataelement dataelement_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataelement
    ADD CONSTRAINT dataelement_pkey PRIMARY KEY (dataelementid);


--
-- Name: dataelement dataelement_uid_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataelement
    ADD CONSTRAINT dataelement_uid_key UNIQUE (uid);


--
-- Name: datavalue datavalue_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.datavalue
    ADD CONSTRAINT datavalue_pkey PRIMARY KEY (dataelementid, periodid, sourceid);


--
-- Name: flyway_schema_history flyway_schema_history_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flyway_schema_history
    ADD CONSTRAINT flyway_schema_history_pkey PRIMARY KEY (installed_rank);


--
-- Name: organisationunit organisationunit_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.organisationunit
    ADD CONSTRAINT organisationunit_pkey PRIMARY KEY (organisationunitid);


--
-- Name: organisationunit organisationunit_uid_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.organisationunit
    ADD CONSTRAINT organisationunit_uid_key UNIQUE (uid);


--
-- Name: period period_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.period
    ADD CONSTRAINT period_pkey PRIMARY KEY (periodid);


--
-- Name: in_datavalue_period; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX in_datavalue_period ON public.datavalue USING btree (periodid);


--
-- Name: userinfo userinfo_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.userinfo
    ADD CONSTRAINT userinfo_pkey PRIMARY KEY (userinfoid);


--
-- Name: datavalue datavalue_dataelementid_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.datavalue
    ADD CONSTRAINT datavalue_dataelementid_fkey FOREIGN KEY (dataelementid) REFERENCES public.dataelement(dataelementid);


--
-- Name: datavalue datavalue_periodid_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.datavalue
    ADD CONSTRAINT datavalue_periodid_fkey FOREIGN KEY (periodid) REFERENCES public.period(periodid);


--
-- Name: datavalue datavalue_sourceid_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.datavalue
    ADD CONSTRAINT datavalue_sourceid_fkey FOREIGN KEY (sourceid) REFERENCES public.organisationunit(organisationunitid);


--
-- Name: organisationunit organisationunit_parentid_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.organisationunit
    ADD CONSTRAINT organisationunit_parentid_fkey FOREIGN KEY (parentid) REFERENCES public.organisationunit(organisationunitid);


--
-- PostgreSQL database dump complete
--

\unrestrict UCGD1fcyakUmkOQQB5gKNxd61NibdILQThpdJGIsEj6giNE5z92vD51i2oq8x4z

