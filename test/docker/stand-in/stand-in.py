"""Stands in for DHIS2: reads dhis.conf as DHIS2 does, migrates its database, and answers.

GET  /api/ping        pong, without a login or a look at the database
GET  /api/me          the account that logs in, by basic authentication against userinfo
GET  /api/count/T     rows of table T, read as the application's own role
POST /api/note        commits a row and answers with its number
POST /api/resourceTables/analytics, GET /api/system/tasks/…   the analytics tables: one, of the notes
GET  /api/headers     what the proxy sent
GET  /api/wait/N      nothing for N seconds, then the number: what a long report is to a proxy
anything else         the log-in page
"""

import base64
import json
import os
import re
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import bcrypt
import psycopg2

HOME = os.environ.get("DHIS2_HOME", "/opt/dhis2")
VERSION = os.environ["VERSION"]
EXTENSIONS = ("postgis", "btree_gin", "pg_trgm")
HISTORY = """INSERT INTO flyway_schema_history SELECT coalesce(max(installed_rank), 0) + 1, %s, 'stand-in', 'SQL',
    'stand-in', 0, current_user, now(), 0, %s FROM flyway_schema_history"""


def configuration():
    conf = {}
    with open(f"{HOME}/dhis.conf", encoding="iso-8859-1") as file:
        for line in file:
            key, separator, value = line.partition("=")
            if separator and not line.startswith("#"):
                conf[key.strip()] = value.strip()
    if len(conf.get("encryption.password", "")) < 24:
        sys.exit("encryption.password in dhis.conf has fewer than 24 characters")
    return conf


CONF = configuration()


def connect():
    match = re.fullmatch(r"jdbc:postgresql://([^:/]+):(\d+)/([^?]+)(\?.*)?", CONF["connection.url"])
    host, port, database, parameters = match.groups()
    mode = re.search(r"sslmode=([\w-]+)", parameters or "")
    return psycopg2.connect(
        host=host,
        port=port,
        dbname=database,
        user=CONF["connection.username"],
        password=CONF["connection.password"],
        sslmode=mode.group(1) if mode else "prefer",
        connect_timeout=5,
    )


def query(sql, parameters=(), commit=False):
    connection = connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            rows = cursor.fetchall()
        if commit:
            connection.commit()
        return rows
    finally:
        connection.close()


def migrate():
    """What Flyway does at the start: an older database is brought up, a newer one refused."""
    connection = connect()
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT extname FROM pg_extension")
        missing = set(EXTENSIONS) - {name for (name,) in cursor.fetchall()}
        if missing:
            sys.exit(f"extensions are missing: {', '.join(sorted(missing))}")
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if cursor.fetchone()[0]:
            sys.exit("the application may not be a superuser")
        cursor.execute(
            """CREATE TABLE IF NOT EXISTS flyway_schema_history (installed_rank integer PRIMARY KEY,
            version varchar(50), description varchar(200) NOT NULL, type varchar(20) NOT NULL,
            script varchar(1000) NOT NULL, checksum integer, installed_by varchar(100) NOT NULL,
            installed_on timestamp NOT NULL DEFAULT now(), execution_time integer NOT NULL, success boolean NOT NULL)"""
        )
        version = f"2.{VERSION.split('-')[0]}"
        order = "string_to_array(version, '.')::int[]"
        cursor.execute(f"SELECT version FROM flyway_schema_history ORDER BY {order} DESC LIMIT 1")
        newest = cursor.fetchone()
        numbers = lambda text: [int(part) for part in text.split(".")]
        if newest and numbers(newest[0]) > numbers(version):
            sys.exit(f"the database is of {newest[0]}, newer than {version}: it cannot be started")
        if os.path.exists(f"{HOME}/files/fail-migration-to-{VERSION}"):
            # As Flyway, which commits each step: what was done before the failing one stays done.
            cursor.execute("DELETE FROM note WHERE id % 2 = 0")
            cursor.execute("DELETE FROM flyway_schema_history WHERE version = %s", (version,))
            cursor.execute(HISTORY, (version, False))
            connection.commit()
            sys.exit(f"the migration to {version} failed, as it was told to")
        time.sleep(float(os.environ.get("MIGRATION_SECONDS", "1")))
        if not newest or newest[0] != version:
            cursor.execute(HISTORY, (version, True))
        cursor.execute(
            """CREATE TABLE IF NOT EXISTS userinfo (userinfoid bigint PRIMARY KEY, username varchar(255) NOT NULL,
            password varchar(60), disabled boolean NOT NULL DEFAULT false, passwordlastupdated timestamp)"""
        )
        cursor.execute("SELECT count(*) FROM userinfo")
        if cursor.fetchone()[0] == 0:
            default = bcrypt.hashpw(b"district", bcrypt.gensalt(10, prefix=b"2a")).decode()
            cursor.execute("INSERT INTO userinfo VALUES (1, 'admin', %s)", (default,))
        cursor.execute("CREATE TABLE IF NOT EXISTS note (id bigserial PRIMARY KEY, at timestamp NOT NULL DEFAULT now())")
    connection.close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, content="application/json"):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", content)
        self.send_header("Content-Length", str(len(data)))
        if content == "text/html":
            secure = "; Secure" if CONF.get("server.https") == "on" else ""
            self.send_header("Set-Cookie", f"JSESSIONID=stand-in; Path=/; HttpOnly{secure}")
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        try:
            if self.path == "/api/ping":
                return self.answer(200, "pong", "text/plain")
            if self.path == "/api/headers":
                return self.answer(200, json.dumps({k.lower(): v for k, v in self.headers.items()}))
            if re.fullmatch(r"/api/wait/\d+", self.path):
                seconds = self.path.rsplit("/", 1)[1]
                time.sleep(int(seconds))
                return self.answer(200, seconds, "text/plain")
            if self.path == "/api/me":
                return self.me()
            if self.path.startswith("/api/system/tasks/ANALYTICS_TABLE/"):
                end = {"uid": "end", "level": "INFO", "message": "Analytics tables updated", "completed": True}
                return self.answer(200, json.dumps([end]))
            if re.fullmatch(r"/api/count/\w+", self.path):
                table = self.path.rsplit("/", 1)[1]
                return self.answer(200, json.dumps(query(f'SELECT count(*), current_user::text FROM "{table}"')[0]))
            title = "Stand-in for DHIS2"
            page = f"<!doctype html><title>{title}</title><h1>{title} {VERSION}</h1><form>Log in</form>"
            return self.answer(200, page, "text/html")
        except psycopg2.Error as error:
            return self.answer(500, json.dumps({"error": str(error)}))

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        while length > 0:
            length -= len(self.rfile.read(min(length, 1 << 20)) or b"x" * length)
        try:
            if self.path == "/api/resourceTables/analytics":
                if not self.account():
                    return self.answer(401, json.dumps({"error": "no such account, or another password"}))
                query("DROP TABLE IF EXISTS analytics_note; CREATE TABLE analytics_note AS TABLE note; SELECT 1", commit=True)
                return self.answer(200, json.dumps({"response": {"relativeNotifierEndpoint": "/api/system/tasks/ANALYTICS_TABLE/1"}}))
            row = query("INSERT INTO note DEFAULT VALUES RETURNING id", commit=True)[0][0]
            self.answer(201, json.dumps({"id": row}))
        except psycopg2.Error as error:
            self.answer(500, json.dumps({"error": str(error)}))

    def account(self):
        """Of the account that logs in, its name."""
        scheme, _, given = (self.headers.get("Authorization") or "").partition(" ")
        name, _, password = base64.b64decode(given).decode().partition(":") if scheme == "Basic" else ("", "", "")
        rows = query("SELECT password FROM userinfo WHERE username = %s AND NOT disabled", (name,))
        return name if rows and bcrypt.checkpw(password.encode(), rows[0][0].encode()) else None

    def me(self):
        name = self.account()
        if name:
            return self.answer(200, json.dumps({"username": name}))
        return self.answer(401, json.dumps({"error": "no such account, or another password"}))

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
os.makedirs(f"{HOME}/files", exist_ok=True)
with open(f"{HOME}/files/{VERSION}", "a"):
    pass
with open("/usr/local/tomcat/work/scratch", "w"):
    pass
migrate()
print(f"stand-in {VERSION} answers", flush=True)
ThreadingHTTPServer(("", 8080), Handler).serve_forever()
