#!/bin/sh
# A long job that publishes its progress. Usage: job.sh [URL of a room] [steps]
room=${1:-http://127.0.0.1:3000/rooms/job:1}
steps=${2:-20}

# Usage: say EVENT DONE WHAT. A failed publication must not stop the job.
say() {
  curl -sS -f --retry 3 --max-time 5 -o /dev/null -H "event: $1" -H 'content-type: application/json' \
    -d "{\"done\":$2,\"of\":$steps,\"what\":\"$3\"}" "$room" || echo "could not publish: $3" >&2
}

say progress 0 starting
i=0
while [ "$i" -lt "$steps" ]; do
  sleep "${PAUSE:-0.5}" # the work
  i=$((i + 1))
  say progress "$i" "step $i"
done
say finished "$steps" "all done"
