#!/usr/bin/env bash
# Runs a built binary once in an empty folder: it must serve the demo page, take a publication and stop cleanly.
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
curl -sf "$url/" | grep -q '<title>' || { echo "no demo page at $url/"; exit 1; }
curl -sf -d 'hello' "$url/rooms/chat" | grep -q '"at":' || { echo "could not publish"; exit 1; }
curl -sf "$url/rooms/chat" | grep -q '"data":"hello"' || { echo "the publication is not there"; exit 1; }
kill -TERM "$pid"
wait "$pid" || { echo "the binary did not stop cleanly"; exit 1; }
trap - EXIT
echo "the binary serves, publishes and drains: $(du -h "$binary" | cut -f1)"
