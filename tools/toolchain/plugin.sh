#!/usr/bin/env bash
# `pulumi-resource-NAME`: one process serves all the providers of an engine (tools/rehearsal/main.ts), the first of them starts
# it, and each asks it for a port through a pipe. It is in a process group of its own, for the engine ends the groups of
# its plugins one by one. `bundle.ts` fills in the provider's name and where that program stands.
set -eu
self=$0
[ ! -L "$self" ] || self=$(readlink "$self")
providers=${self%/*}/PROVIDERS
desks=${providers%/*}/running
# The engine's address is given, too: a number of a process comes again.
desk=$desks/$PPID-${1##*:}
pipe=$desk/NAME.$$
mkdir -p "$desks"
if mkdir "$desk" 2>/dev/null; then
  set -m
  "$providers" "$desk" "$PPID" </dev/null >/dev/null 2>"$desk/errors" &
  started=$!
  set +m
fi
mkfifo "$pipe"
exec 3<>"$pipe"
port=
for ((tries = 0; tries < 60; tries++)); do
  read -r -t 1 port <&3 && break
  [ -z "${started:-}" ] || kill -0 "$started" 2>/dev/null || break
done
if [ -z "$port" ]; then
  echo "NAME: the rehearsal's providers did not start: $(cat "$desk/errors")" >&2
  exit 1
fi
exec 4<"$pipe" 3>&-
echo "$port"
# Until the other end is gone.
read -r _ <&4 || true
