#!/bin/sh
# Publishes this machine's load, disk use and process count once a second, until the server stops. Usage: feed.sh [URL]
url=${1:-http://127.0.0.1:3000}
while :; do
  load=$(LC_ALL=C uptime | sed 's/.*load average[s]*: *\([0-9.]*\).*/\1/')
  disk=$(df -P / | awk 'NR == 2 { sub("%", "", $5); print $5 }')
  processes=$(($(ps -e | wc -l) - 1))
  curl -sf -o /dev/null -H 'content-type: application/json' \
    -d "{\"load\":$load,\"disk\":$disk,\"processes\":$processes}" "$url/rooms/dashboard" || exit 1
  sleep 1
done
