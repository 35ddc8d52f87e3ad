#!/bin/sh
# Prints the path of a nats-server that millrace can use, fetching one first if there is none.
#
#   scripts/nats-server.sh [where]        where a fetched binary goes; default: .cache/nats-server
#
# Looked at in this order: $NATS_SERVER_BIN (used unseen: whoever sets it knows), the PATH,
# <where>. Otherwise the package of a recent Debian suite is downloaded with apt and unpacked:
# nothing is installed, the machine's own apt state is not touched, no root is needed, and
# signatures are verified with the keyring the machine already trusts. Only the path goes to
# standard output; progress and errors go to standard error.
set -eu

MINIMUM="2 12" # server-side schedules and wildcard expectations
SUITES="forky sid trixie"

say() { echo "nats-server.sh: $*" >&2; }

# Is $1 a nats-server that runs here and is at least the minimum?
usable() {
  version=$("$1" --version 2>/dev/null | sed -n 's/^nats-server: v\([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
  [ -n "$version" ] || return 1
  # shellcheck disable=SC2086
  set -- $version $MINIMUM
  [ "$1" -gt "$3" ] || { [ "$1" -eq "$3" ] && [ "$2" -ge "$4" ]; }
}

# The machine's own Debian mirror and keyring, as "uri|keyring": the first stanza (or line) that
# offers "main" and is not the security archive.
debian_source() {
  cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk '
    function flush() {
      if (types ~ /deb/ && parts ~ /main/ && suites !~ /security/ && uri != "" && !found++)
        print uri "|" key
      types = uri = suites = parts = key = ""
    }
    /^#/             { next }
    /^[ \t]*$/       { flush() }
    /^Types:/        { types = $0 }
    /^URIs:/         { uri = $2 }
    /^Suites:/       { suites = $0 }
    /^Components:/   { parts = $0 }
    /^Signed-By:/    { key = $2 }
    END              { flush() }' | grep . && return
  sed -n 's/^deb \(\[[^]]*\] *\)\{0,1\}\([^ ]*\) [a-z]* .*main.*/\2|/p' /etc/apt/sources.list \
    2>/dev/null | head -n 1 | grep .
}

# Downloads and unpacks the package of suite $1 below $2; prints the binary's path.
unpack() {
  mkdir -p "$2/lists/partial" "$2/cache/archives/partial" "$2/parts" "$2/root"
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
    "$uri" "$1" "$key" >"$2/debian.sources"
  apt="apt-get -q -o Dir::Etc::sourcelist=$2/debian.sources -o Dir::Etc::sourceparts=$2/parts
    -o Dir::State::lists=$2/lists -o Dir::Cache=$2/cache -o Acquire::Languages=none
    -o APT::Sandbox::User=root -o APT::Get::AllowUnauthenticated=false
    -o Acquire::AllowInsecureRepositories=false -o #clear=APT::Update::Post-Invoke-Success"
  $apt update >&2 || return 1
  (cd "$2" && $apt download nats-server >&2) || return 1
  dpkg-deb -x "$2"/nats-server_*.deb "$2/root" || return 1
  ls "$2"/root/usr/*bin/nats-server
}

if [ -n "${NATS_SERVER_BIN:-}" ]; then
  [ -x "$NATS_SERVER_BIN" ] || { say "NATS_SERVER_BIN=$NATS_SERVER_BIN cannot be run"; exit 1; }
  echo "$NATS_SERVER_BIN"
  exit 0
fi
where=${1:-$(cd "$(dirname "$0")/.." && pwd)/.cache/nats-server}
for candidate in $(command -v nats-server || true) "$where"; do
  if usable "$candidate"; then
    echo "$candidate"
    exit 0
  fi
done

source=$(debian_source) || {
  say "no nats-server 2.12 or newer here, and no Debian package source to fetch one from."
  say "Install one and put it on the PATH or name it in NATS_SERVER_BIN, or use docker compose."
  exit 1
}
uri=${source%%|*}
key=${source#*|}
key=${key:-/usr/share/keyrings/debian-archive-keyring.gpg}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM
for suite in $SUITES; do
  if ! binary=$(unpack "$suite" "$scratch/$suite"); then
    say "suite $suite could not be used"
    continue
  fi
  if ! usable "$binary"; then
    say "the binary of suite $suite does not run here, or is too old"
    continue
  fi
  mkdir -p "$(dirname "$where")"
  # Renamed into place, so that a second script running now never sees half a file.
  install -m 755 "$binary" "$where.$$"
  mv "$where.$$" "$where"
  echo "$where"
  exit 0
done
say "none of the suites $SUITES gave a usable nats-server"
exit 1
