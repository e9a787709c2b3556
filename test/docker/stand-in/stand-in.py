"""Stands in for DHIS2 with the habits of the real one that matter to whoever hosts it.

As DHIS2 has them:
GET  /api/ping               200 and empty, without a log-in or a look at the database
POST /api/auth/login         loginStatus, or 401
PUT  /api/me/changePassword  with the rules that a new password has to meet
GET  /api/me, /login/        who logged in; the page to log in at
POST /api/resourceTables/analytics, GET /api/system/tasks/…   the analytics tables: one, of the notes
GET  /api/analytics          its rows; from 43 on none without output period types
GET, POST /api/configuration/dataOutputPeriodTypes   from 43 on; empty on a database that began empty
POST /api/metadata, /api/dataValueSets, /api/tracker          nothing but a line of audit
POST /api/fileResources      409 above max.file_upload_size
anything else                401 below /api, else a redirect to the page, unless somebody logged in

For tests alone, without a log-in:
GET  /api/count/T            rows of table T, read as the application's own role
POST /api/note               commits a row and answers with its number
GET  /api/headers            what the proxy sent
GET  /api/wait/N             nothing for N seconds, then the number: what a long report is to a proxy

Files below DHIS2_HOME/files make it fail or be slow:
fail-migration-to-VERSION    the migrations to that version fail
failed-start-ends            a failed start ends the process, and
failed-start-stays           it does not, whatever is usual in its version
migration-seconds            how long the migrations take
"""

import base64
import datetime
import json
import logging.handlers
import os
import re
import secrets
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import bcrypt
import psycopg2
import psycopg2.extras

HOME = os.environ.get("DHIS2_HOME", "/opt/dhis2")
PORT = int(os.environ.get("PORT", "8080"))
VERSION = os.environ["VERSION"]
NUMBERS = [int(part) for part in VERSION.split("-")[0].split(".")]
MAJOR = NUMBERS[0]
EXTENSIONS = ("postgis", "btree_gin", "pg_trgm")
# The newest migration of each release; a later release without a line has the one before it.
MIGRATIONS = {
    **{"41.0": 46, "41.3": 52, "41.5": 55, "41.9": 59},
    **{"42.0": 43, "42.1": 47, "42.5": 52, "42.6": 54},
    **{"43.0": 56, "43.1": 64},
}
PERIOD_TYPES = ("Daily", "Weekly", "Monthly", "Quarterly", "Yearly")
HISTORY = """INSERT INTO flyway_schema_history SELECT coalesce(max(installed_rank), 0) + 1, %s, 'stand-in', 'SQL',
    'stand-in', 0, current_user, now(), 0, true FROM flyway_schema_history"""


class FailedStart(Exception):
    pass


def told(name, default=None):
    """What a file says that a test has put there."""
    try:
        with open(f"{HOME}/files/{name}") as file:
            return file.read().strip()
    except FileNotFoundError:
        return default


def configuration():
    # DHIS2 looks for it only in a home that it can write to.
    if not os.access(HOME, os.W_OK) or not os.path.exists(f"{HOME}/dhis.conf"):
        raise FailedStart(f"the home {HOME} cannot be written to, or dhis.conf is not in it: dhis.conf was not found")
    conf = {}
    with open(f"{HOME}/dhis.conf", encoding="iso-8859-1") as file:
        for line in file:
            key, separator, value = line.partition("=")
            if separator and not line.startswith("#"):
                conf[key.strip()] = value.strip()
    if len(conf.get("encryption.password", "")) < 24:
        raise FailedStart("encryption.password in dhis.conf has fewer than 24 characters")
    return conf


CONF = {}


def on(key, default):
    return CONF.get(key, default) == "on"


# ---------------------------------------------------------------- the database


class Away(Exception):
    """A request met a connection that the server had closed, or no server at all."""


class Pool:
    """Keeps what it has opened, as a pool does: a server that went away fails one request, not the process."""

    def __init__(self):
        self.idle = []
        self.lock = threading.Lock()

    def connect(self):
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

    def query(self, sql, parameters=(), commit=False):
        try:
            with self.lock:
                connection = self.idle.pop() if self.idle else None
            connection = connection or self.connect()
            try:
                with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
                    cursor.execute(sql, parameters)
                    rows = [dict(row) for row in cursor.fetchall()] if cursor.description else []
                connection.commit() if commit else connection.rollback()
            except psycopg2.Error:
                if not connection.closed:
                    connection.rollback()
                raise
            finally:
                if not connection.closed:
                    with self.lock:
                        self.idle.append(connection)
            return rows
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            with self.lock:
                idle, self.idle = self.idle, []
            for connection in idle:
                connection.close()
            raise Away(str(error)) from error


    def refill(self):
        """Five at rest: whoever ends them finds new ones."""
        while True:
            time.sleep(0.5)
            try:
                while len(self.idle) < 5:
                    connection = self.connect()
                    with self.lock:
                        self.idle.append(connection)
            except psycopg2.Error:
                pass


POOL = Pool()


def migrate():
    """What Flyway does at the start: all in one transaction, an older database brought up, a newer one refused."""
    try:
        connection = POOL.connect()
    except psycopg2.Error as error:
        raise FailedStart(f"the database cannot be reached: {error}") from error
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT extname FROM pg_extension")
            missing = set(EXTENSIONS) - {name for (name,) in cursor.fetchall()}
            if missing:
                raise FailedStart(f"extensions are missing: {', '.join(sorted(missing))}")
            cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            if cursor.fetchone()[0]:
                raise FailedStart("the application may not be a superuser")
            cursor.execute(
                """CREATE TABLE IF NOT EXISTS flyway_schema_history (installed_rank integer PRIMARY KEY,
                version varchar(50), description varchar(200) NOT NULL, type varchar(20) NOT NULL,
                script varchar(1000) NOT NULL, checksum integer, installed_by varchar(100) NOT NULL,
                installed_on timestamp NOT NULL DEFAULT now(), execution_time integer NOT NULL, success boolean NOT NULL)"""
            )
            newest = own_migration()
            cursor.execute("SELECT version FROM flyway_schema_history WHERE version IS NOT NULL")
            applied = {version for (version,) in cursor.fetchall()}
            number = lambda text: [int(part) for part in text.split(".")]
            unknown = sorted(version for version in applied if number(version) > number(newest))
            if unknown:
                raise FailedStart(f"Detected applied migration not resolved locally: {unknown[-1]}")
            time.sleep(float(told("migration-seconds", "1")))
            if told(f"fail-migration-to-{VERSION}") is not None:
                cursor.execute("DELETE FROM note WHERE id % 2 = 0")
                raise FailedStart(f"the migration to {newest} failed, as this test demands")
            if newest not in applied:
                cursor.execute(HISTORY, (newest,))
            cursor.execute(
                """CREATE TABLE IF NOT EXISTS userinfo (userinfoid bigint PRIMARY KEY, uid varchar(11),
                username varchar(255) NOT NULL, email varchar(160), password varchar(60),
                disabled boolean NOT NULL DEFAULT false, passwordlastupdated timestamp, lastlogin timestamp)"""
            )
            cursor.execute("SELECT count(*) FROM userinfo")
            began_empty = cursor.fetchone()[0] == 0
            if MAJOR >= 43:
                output_period_types(cursor, began_empty)
            if began_empty:
                cursor.execute(
                    """INSERT INTO userinfo (userinfoid, uid, username, password, passwordlastupdated)
                    VALUES (1, 'M5zQapPyTZI', 'admin', %s, now())""",
                    (encoded("district"),),
                )
            cursor.execute(
                "CREATE TABLE IF NOT EXISTS note (id bigserial PRIMARY KEY, at timestamp NOT NULL DEFAULT now())"
            )
            if on("audit.database", "off"):
                cursor.execute(
                    """CREATE TABLE IF NOT EXISTS audit (auditid bigserial PRIMARY KEY, audittype text, auditscope text,
                    createdat timestamp NOT NULL DEFAULT now(), createdby text, klass text, data bytea)"""
                )
    except psycopg2.Error as error:
        raise FailedStart(f"the migrations failed: {error}") from error
    finally:
        connection.close()


def output_period_types(cursor, began_empty):
    """A migration fills the list from the types that the database has: one that began empty has none then."""
    cursor.execute("SELECT to_regclass('configuration_dataoutputperiodtype')")
    if cursor.fetchone()[0]:
        return
    cursor.execute("CREATE TABLE IF NOT EXISTS periodtype (periodtypeid integer NOT NULL, name varchar(50))")
    cursor.execute("CREATE TABLE configuration_dataoutputperiodtype (configurationid integer, periodtypeid integer)")
    cursor.execute("SELECT name FROM periodtype")
    have = {name for (name,) in cursor.fetchall()}
    for number, name in enumerate(PERIOD_TYPES):
        if name not in have:
            cursor.execute("INSERT INTO periodtype (periodtypeid, name) VALUES (%s, %s)", (1000 + number, name))
    if not began_empty:
        cursor.execute("INSERT INTO configuration_dataoutputperiodtype SELECT 1, periodtypeid FROM periodtype")


def own_migration():
    known = [
        (int(release.split(".")[1]), number)
        for release, number in MIGRATIONS.items()
        if release.startswith(f"{MAJOR}.") and int(release.split(".")[1]) <= NUMBERS[1]
    ]
    return f"2.{MAJOR}.{max(known)[1]}"


# ---------------------------------------------------------------- the accounts


def encoded(password):
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(10, prefix=b"2a")).decode()


class Accounts:
    """
    With the cache that DHIS2's persistence keeps of them: a row that was changed by SQL is seen at the next log-in, which
    then writes the cached one back, whole.
    """

    def __init__(self):
        self.cached = {}
        self.lock = threading.Lock()

    def fill(self):
        """The start of 42 does it; 43 knows an account once it has logged in."""
        if MAJOR < 43:
            self.cached = {row["username"]: row for row in POOL.query("SELECT * FROM userinfo")}

    def log_in(self, name, password):
        """loginStatus, or None for 401."""
        with self.lock:
            rows = POOL.query("SELECT * FROM userinfo WHERE username = %s", (name,))
            if not rows:
                return None
            row = rows[0]
            status = self.judge(row, password)
            cached = self.cached.get(name)
            if cached and cached != row:
                self.write(cached)
            elif status == "SUCCESS":
                self.write({**row, **({"lastlogin": datetime.datetime.now()} if "lastlogin" in row else {})})
            return status

    def judge(self, row, password):
        if row.get("disabled"):
            return "ACCOUNT_DISABLED"
        if row.get("accountexpiry") and row["accountexpiry"] < datetime.datetime.now():
            return "ACCOUNT_EXPIRED"
        if not bcrypt.checkpw(password.encode(), (row["password"] or "").encode()):
            return None
        if self.expired(row):
            return "PASSWORD_EXPIRED"
        if row.get("twofactortype") == "TOTP_ENABLED":
            return "INCORRECT_TWO_FACTOR_CODE_TOTP"
        return "SUCCESS"

    def expired(self, row):
        table = POOL.query("SELECT to_regclass('public.systemsetting') AS it")[0]["it"]
        if not table or not row.get("passwordlastupdated"):
            return False
        rows = POOL.query("SELECT value FROM systemsetting WHERE name IN ('credentialsExpires', 'keyCredentialsExpires')")
        months = int(re.sub(r"\D", "", rows[0]["value"]) or 0) if rows else 0
        return months > 0 and row["passwordlastupdated"] < datetime.datetime.now() - datetime.timedelta(days=30 * months)

    def write(self, row):
        columns = [column for column in row if column != "userinfoid"]
        POOL.query(
            f"UPDATE userinfo SET {', '.join(f'{column} = %s' for column in columns)} WHERE userinfoid = %s",
            [psycopg2.extras.Json(row[column]) if isinstance(row[column], dict) else row[column] for column in columns]
            + [row["userinfoid"]],
            commit=True,
        )
        self.cached[row["username"]] = row

    def change_password(self, name, old, new):
        """Why it is refused, if it is."""
        with self.lock:
            row = POOL.query("SELECT * FROM userinfo WHERE username = %s", (name,))[0]
            if not old or not new:
                return "OldPassword and newPassword must be provided"
            if not bcrypt.checkpw(old.encode(), row["password"].encode()):
                return "OldPassword is incorrect"
            if not 8 <= len(new.strip()) <= 72:
                return "Password must have at least 8, and at most 72 characters"
            for what, pattern in {
                "digit": "[0-9]",
                "upper case": "[A-Z]",
                "lower case": "[a-z]",
                "special character": "[^A-Za-z0-9]",
            }.items():
                if not re.search(pattern, new):
                    return f"Password must have at least one {what}"
            # In the order and with the words of DHIS2's own dictionary.
            words = ("user", "admin", "system", "administrator", "username", "password", "login", "manager")
            if any(word in new.lower() for word in words):
                return "Password must not have any generic word"
            if any(part and part.lower() in new.lower() for part in (name, row.get("email"))):
                return "Username/Email must not be a part of password"
            if bcrypt.checkpw(new.encode(), row["password"].encode()):
                return "Password must not be one of the previous 24 passwords"
            self.write({**row, "password": encoded(new), "passwordlastupdated": datetime.datetime.now()})
            SESSIONS.forget(name)
            return None


class Sessions:
    """In memory: they end with the process."""

    def __init__(self):
        self.names = {}

    def begin(self, name):
        key = secrets.token_hex(16).upper()
        self.names[key] = name
        return key

    def forget(self, name):
        self.names = {key: value for key, value in self.names.items() if value != name}


ACCOUNTS = Accounts()
SESSIONS = Sessions()


# ---------------------------------------------------------------- the audit


def audit_file():
    """Rotated every day and never deleted."""
    os.makedirs(f"{HOME}/logs", exist_ok=True)
    handler = logging.handlers.TimedRotatingFileHandler(f"{HOME}/logs/dhis-audit.log", when="midnight")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger = logging.getLogger("org.hisp.dhis.audit")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.propagate = False
    return logger


def audit(scope, who, what):
    if not on("system.audit.enabled", "on"):
        return
    # The consumer of tracker's audits takes what is not in dhis.conf for off, the others take it for on.
    to_log = on("audit.logger", "off" if scope == "TRACKER" else "on")
    line = {"auditScope": scope, "auditType": "CREATE", "createdBy": who, "klass": what}
    if to_log:
        AUDIT.info(json.dumps(line))
    if on("audit.database", "off"):
        POOL.query(
            "INSERT INTO audit (audittype, auditscope, createdby, klass, data) VALUES ('CREATE', %s, %s, %s, %s)",
            (scope, who, what, json.dumps(line).encode()),
            commit=True,
        )


AUDITED = {"/api/metadata": "METADATA", "/api/dataValueSets": "AGGREGATE", "/api/tracker": "TRACKER"}


# ---------------------------------------------------------------- the server


OUTPUT_PERIOD_TYPES = "/api/configuration/dataOutputPeriodTypes"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body="", content="application/json", headers=()):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", content)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def session(self, key):
        secure = "; Secure" if on("server.https", "off") else ""
        cookies = [("Set-Cookie", f"JSESSIONID={key}; Path=/{secure}; HttpOnly; SameSite=Lax")]
        if MAJOR >= 43:
            now = int(time.time() * 1000)
            cookies.append(("Set-Cookie", f"SESSION_EXPIRE=server_time={now}&expiry_time={now + 3600000}; Path=/"))
        return cookies

    def handle_any(self):
        body = self.body()
        try:
            # A query string, and the number of an old version of the API, mean nothing here.
            path = re.sub(r"^/api/\d+/", "/api/", self.path.split("?")[0])
            route = getattr(self, f"on_{self.command.lower()}", None)
            if FAILED:
                return self.answer(404, "<!doctype html><title>HTTP Status 404 – Not Found</title>", "text/html")
            if (route and route(path, body)) is not False:
                return None
            if self.account():
                return self.answer(404, json.dumps({"httpStatus": "Not Found", "httpStatusCode": 404}))
            return self.unauthorized() if path.startswith("/api/") else self.to_login()
        except Away as away:
            print(f"the database is away: {away}", flush=True)
            return self.unauthorized()
        except psycopg2.Error as error:
            return self.answer(500, json.dumps({"error": str(error)}))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any

    def on_get(self, path, _):
        if path == "/api/ping":
            return self.answer(200)
        if path == "/api/headers":
            return self.answer(200, json.dumps({k.lower(): v for k, v in self.headers.items()}))
        if re.fullmatch(r"/api/wait/\d+", path):
            seconds = path.rsplit("/", 1)[1]
            time.sleep(int(seconds))
            return self.answer(200, seconds, "text/plain")
        if re.fullmatch(r"/api/count/\w+", path):
            table = path.rsplit("/", 1)[1]
            row = POOL.query(f'SELECT count(*) AS n, current_user::text AS who FROM "{table}"')[0]
            return self.answer(200, json.dumps([row["n"], row["who"]]))
        if path == "/api/me":
            name = self.account()
            return self.answer(200, json.dumps({"username": name})) if name else self.unauthorized()
        if path.startswith("/api/system/tasks/ANALYTICS_TABLE/") and self.account():
            end = {"uid": "end", "level": "INFO", "message": "Analytics tables updated", "completed": True}
            return self.answer(200, json.dumps([end]))
        if path == OUTPUT_PERIOD_TYPES and MAJOR >= 43 and self.account():
            return self.answer(200, json.dumps([{"name": name} for name in self.output_period_types()]))
        if path == "/api/analytics" and self.account():
            # Without them the tables lack the columns that each query names.
            shown = MAJOR < 43 or self.output_period_types()
            return self.answer(200, json.dumps({"rows": POOL.query("SELECT id FROM analytics_note") if shown else []}))
        if path == "/login/":
            title = "Stand-in for DHIS2"
            page = f"<!doctype html><title>{title}</title><h1>{title} {VERSION}</h1><form>Log in</form>"
            return self.answer(200, page, "text/html", self.session(secrets.token_hex(16).upper()))
        return False

    def on_post(self, path, body):
        if path == "/api/auth/login":
            given = json.loads(body or "{}")
            name = given.get("username", "")
            status = ACCOUNTS.log_in(name, given.get("password", ""))
            if not status:
                return self.unauthorized()
            cookies = self.session(SESSIONS.begin(name)) if status == "SUCCESS" else ()
            answer = {"loginStatus": status, **({"redirectUrl": "/"} if status == "SUCCESS" else {})}
            return self.answer(200, json.dumps(answer), headers=cookies)
        if path == "/api/note":
            row = POOL.query("INSERT INTO note DEFAULT VALUES RETURNING id", commit=True)[0]["id"]
            return self.answer(201, json.dumps({"id": row}))
        name = self.account()
        if not name:
            return False
        if path == "/api/resourceTables/analytics":
            # Nothing is written ahead for them: a crash leaves them empty.
            POOL.query("DROP TABLE IF EXISTS analytics_note", commit=True)
            POOL.query("CREATE UNLOGGED TABLE analytics_note AS TABLE note", commit=True)
            task = {"relativeNotifierEndpoint": "/api/system/tasks/ANALYTICS_TABLE/1"}
            return self.answer(200, json.dumps({"response": task}))
        if path == OUTPUT_PERIOD_TYPES and MAJOR >= 43:
            names = [each["name"] for each in json.loads(body)] + ["Yearly"]
            POOL.query("DELETE FROM configuration_dataoutputperiodtype", commit=True)
            sql = "INSERT INTO configuration_dataoutputperiodtype SELECT 1, periodtypeid FROM periodtype WHERE name = ANY(%s)"
            POOL.query(sql, (names,), commit=True)
            return self.answer(204)
        if path in AUDITED:
            audit(AUDITED[path], name, path.rsplit("/", 1)[1])
            return self.answer(200, json.dumps({"status": "OK"}))
        if path == "/api/fileResources":
            most = int(CONF.get("max.file_upload_size") or 10_000_000)
            return self.answer(409 if len(body) > most else 202, json.dumps({"status": "OK"}))
        return False

    def output_period_types(self):
        rows = POOL.query("SELECT name FROM configuration_dataoutputperiodtype JOIN periodtype USING (periodtypeid)")
        return [row["name"] for row in rows]

    def on_put(self, path, body):
        name = self.account()
        if path != "/api/me/changePassword" or not name:
            return False
        given = json.loads(body or "{}")
        why = ACCOUNTS.change_password(name, given.get("oldPassword"), given.get("newPassword"))
        if why:
            conflict = {"httpStatus": "Conflict", "httpStatusCode": 409, "status": "ERROR", "message": why}
            return self.answer(409, json.dumps(conflict))
        audit("METADATA", name, "changePassword")
        return self.answer(202)

    def body(self):
        """All of it is read; what is larger than any test looks at is forgotten."""
        length = int(self.headers.get("Content-Length") or 0)
        kept = b""
        while length > 0:
            data = self.rfile.read(min(length, 1 << 20)) or b"x" * length
            length -= len(data)
            kept = kept + data if len(kept) < 1 << 25 else kept
        return kept

    def account(self):
        """Who asks: by basic authentication, which is a log-in as any other, or by a session."""
        scheme, _, given = (self.headers.get("Authorization") or "").partition(" ")
        if scheme == "Basic":
            name, _, password = base64.b64decode(given).decode().partition(":")
            return name if ACCOUNTS.log_in(name, password) == "SUCCESS" else None
        session = re.search(r"JSESSIONID=(\w+)", self.headers.get("Cookie") or "")
        return SESSIONS.names.get(session.group(1)) if session else None

    def unauthorized(self):
        body = {"httpStatus": "Unauthorized", "httpStatusCode": 401, "status": "ERROR", "message": "Unauthorized"}
        return self.answer(401, json.dumps(body))

    def to_login(self):
        # It does not look at X-Forwarded-Proto.
        location = f"http://{self.headers.get('Host', 'localhost')}/login/"
        return self.answer(302, headers=[("Location", location)])

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        # As Tomcat: a client that goes away, such as the gateway's question whether DHIS2 has started, is not logged.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    request_queue_size = 128
    daemon_threads = True


FAILED = False
AUDIT = logging.getLogger("org.hisp.dhis.audit")


def start():
    global AUDIT
    CONF.update(configuration())
    for folder in (f"{HOME}/files", "/usr/local/tomcat/work"):
        if folder.startswith(HOME) or os.path.exists(folder):
            os.makedirs(folder, exist_ok=True)
            with open(f"{folder}/{VERSION}", "a"):
                pass
    migrate()
    ACCOUNTS.fill()
    AUDIT = audit_file()
    threading.Thread(target=POOL.refill, daemon=True).start()


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
time.sleep(float(os.environ.get("PORT_SECONDS", "1")))
# From here on it takes connections, and answers none before it is ready.
server = Server(("", PORT), Handler)
try:
    start()
    print(f"stand-in {VERSION} answers", flush=True)
except (FailedStart, OSError) as failure:
    print(failure, file=sys.stderr, flush=True)
    # It never tries again. 43 ends; before, the process stays and knows no path.
    if told("failed-start-ends") is not None or (MAJOR >= 43 and told("failed-start-stays") is None):
        sys.exit(1)
    FAILED = True
server.serve_forever()
