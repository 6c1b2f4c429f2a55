#!/usr/bin/env bash
# Runs a built binary in an empty folder. The server must serve the demo page, the console and metrics, accept a
# publication, reload, check tokens and stop cleanly. The commands to publish, tail, list and complete must work.
set -euo pipefail
binary=$(realpath "$1")
folder=$(mktemp -d)
cd "$folder"
env -i PATH=/usr/bin:/bin "$binary" --port 0 >out.log 2>err.log &
pid=$!
trap 'kill "$pid" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  url=$(sed -n 's/.* on \(http[^ ]*\).*/\1/p' out.log)
  [ -n "$url" ] && break
  sleep 0.1
done
[ -n "$url" ] || { echo "the binary did not start:"; cat out.log err.log; exit 1; }
# Checks that the response contains this text. (With a pipe to grep -q, the pipe could close early and curl would fail.)
has() {
  local answer
  answer=$(curl -sf "${@:2}") && [[ $answer == *"$1"* ]]
}
has '<title>' "$url/" || { echo "no demo page at $url/"; exit 1; }
has '<script type="module">' "$url/console" || { echo "no console at $url/console"; exit 1; }
has '"at":' -d 'hello' "$url/rooms/chat" || { echo "could not publish"; exit 1; }
has '"data":"hello"' "$url/rooms/chat" || { echo "the publication is missing"; exit 1; }
has $'\nthump_publications_total ' "$url/metrics" || { echo "no metrics"; exit 1; }
has '"/rooms/{room}"' "$url/openapi.json" || { echo "no OpenAPI document"; exit 1; }
# The other commands, as in a user's script.
thump() { env -i PATH=/usr/bin:/bin THUMP_URL="$url" "$binary" "$@"; }
seq 3 | thump publish lines >/dev/null || { echo "thump publish failed"; exit 1; }
tailed=$(thump tail lines --last 2 --count 2 --json)
[[ $tailed == *'"data":2'*'"data":3'* ]] || { echo "thump tail failed: $tailed"; exit 1; }
listed=$(thump rooms lines --json)
[[ $listed == *'"room":"lines"'* ]] || { echo "thump rooms failed: $listed"; exit 1; }
bash -n <(thump completion bash) || { echo "thump completion failed"; exit 1; }
[[ $(thump complete -- ta) == tail* ]] || { echo "thump complete failed"; exit 1; }
# Writes a configuration, reloads it, and waits for the log line.
reload() {
  local before
  before=$(grep -c reloaded err.log || true)
  echo "$1" >thump.config.json
  kill -HUP "$pid"
  for _ in $(seq 100); do [ "$(grep -c reloaded err.log || true)" -gt "$before" ] && return; sleep 0.1; done
  echo "the server did not reload:"; cat err.log; exit 1
}
status() { curl -s -o /dev/null -w '%{http_code}' -d x "$@"; }
reload '{"rooms":{"chat":{"publish":"server"}}}'
[ "$(status "$url/rooms/chat")" = 403 ] || { echo "the new rule does not apply"; exit 1; }
rule=$(env -i PATH=/usr/bin:/bin "$binary" check --room chat)
[[ $rule == *'"pattern": "chat"'* ]] || { echo "check failed: $rule"; exit 1; }
reload '{"access":{"secrets":"a secret for one run of the binary"}}'
token=$(env -i PATH=/usr/bin:/bin "$binary" token --room 'chat=publish')
[ "$(status "$url/rooms/chat")" = 401 ] || { echo "the server accepts a request without a token"; exit 1; }
[ "$(status -H "authorization: Bearer $token" "$url/rooms/chat")" = 201 ] || { echo "the server rejects a valid token"; exit 1; }
kill -TERM "$pid"
wait "$pid" || { echo "the binary did not stop cleanly"; exit 1; }
trap - EXIT
grep -q stopped err.log || { echo "no log lines"; cat err.log; exit 1; }
echo "the binary serves, publishes, tails, completes, reloads, checks tokens and drains: $(du -h "$binary" | cut -f1)"
