#!/usr/bin/env bash
# `multi-worker.sh trainer --task imdb ...`: one of $WORKERS workers of a training, on Kubernetes a pod of an
# Indexed Job. The others' addresses follow from its index: NAME-0.NAME:PORT, NAME-1.NAME:PORT, ...
set -euo pipefail

WORKER_PORT=${WORKER_PORT:-2222}
for name in WORKERS WORKER_NAME JOB_COMPLETION_INDEX; do
  [[ ${!name:-} ]] || { echo "error: $name is not set" >&2; exit 2; }
done
((JOB_COMPLETION_INDEX < WORKERS)) || {
  echo "error: JOB_COMPLETION_INDEX=$JOB_COMPLETION_INDEX, expected less than WORKERS=$WORKERS: set" \
    "WORKERS to the job's completions" >&2
  exit 2
}

addresses=
for ((index = 0; index < WORKERS; index++)); do
  addresses+=", \"$WORKER_NAME-$index.$WORKER_NAME:$WORKER_PORT\""
done
export TF_CONFIG="{\"cluster\": {\"worker\": [${addresses#, }]},
  \"task\": {\"type\": \"worker\", \"index\": $JOB_COMPLETION_INDEX}}"
exec python -m "$@"
