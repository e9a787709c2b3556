#!/bin/sh
# Starts PostgreSQL, with a new cluster if its volume is empty. Arguments are the server's own, such as `-c jit=off`.
#
#   ADMINISTRATOR  name of the superuser of a new cluster (default: postgres)
#   /var/lib/postgresql/given/administrator-password  its password, read only when the cluster is made
#   /var/lib/postgresql/given/copies.key  the private key that it hands over its WAL with, where backups are made
#
# If the first argument is another program of this image, that one runs: `pitr schedule …`, `upgrade keep …`.
set -eu

given=/var/lib/postgresql/given
password=$given/administrator-password

case ${1:-} in pitr | copies | upgrade) exec "$@" ;; esac

# pgBackRest accepts no key from a file that others may read.
if [ -s "$given/copies.key" ]; then install -m 600 "$given/copies.key" /tmp/copies.key; fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  if [ ! -s "$password" ]; then
    echo "There is no cluster in $PGDATA, and no $password to make one with." >&2
    exit 1
  fi
  # Under another name until it is complete: if this is interrupted, the next start makes it again.
  new=$PGDATA.new
  rm -rf "$new"
  initdb --pgdata="$new" --username="${ADMINISTRATOR:-postgres}" --pwfile="$password" \
    --auth-local=scram-sha-256 --auth-host=scram-sha-256 --data-checksums --encoding=UTF8 \
    --locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C.UTF-8
  # Connections are encrypted without a certificate authority: whoever reaches this server is in its own network.
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 7300 -subj /CN=database \
    -keyout "$new/server.key" -out "$new/server.crt" 2>/dev/null
  chmod 600 "$new/server.key"
  cat >"$new/pg_hba.conf" <<HBA
# TYPE  DATABASE  USER  ADDRESS  METHOD
local   all       all            scram-sha-256
hostssl all       all   all      scram-sha-256
HBA
  rm -rf "$PGDATA"
  mv "$new" "$PGDATA"
  sync "$PGDATA/PG_VERSION"
fi

exec postgres -D "$PGDATA" -c listen_addresses='*' -c ssl=on -c ssl_min_protocol_version=TLSv1.2 \
  -c unix_socket_directories=/run/postgresql -c logging_collector=off "$@"
