#!/usr/bin/env bash
# Asks models for a prediction over REST; status 0 when each one answered.
#
#   health-check.sh                           every model of the config, or its version HEALTH_LABEL
#   health-check.sh sentiment/labels/stable   that version; also NAME and NAME/versions/3
#   health-check.sh --state ...               whether it is loaded alone: a busy server is no dead one
#
# What is asked stands in $CONFIG_DIR/health/NAME.json. Needs bash and coreutils alone, as the image
# of TF Serving has no HTTP client.
set -euo pipefail
# shellcheck source=infra/docker/settings.sh
source "$(dirname "${BASH_SOURCE[0]}")/settings.sh"

# `request METHOD PATH BODY`: the whole HTTP answer.
request() {
  local LC_ALL=C # lengths in bytes
  printf '%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n%s%d\r\n\r\n%s' \
    "$1" "$2" 'Content-Type: application/json' 'Content-Length: ' "${#3}" "$3" >&3
  cat <&3
}

# `ask PATH BODY EXPECTED`: GET without a body. An HTTP error, or an answer that does not hold
# EXPECTED, fails with what came.
ask() {
  local method=POST answer
  [[ $2 ]] || method=GET
  answer=$(request "$method" "$1" "$2" 3<> "/dev/tcp/127.0.0.1/$REST_PORT") || {
    echo "$1: no answer on port $REST_PORT" >&2
    return 1
  }
  [[ $answer == HTTP/1.?\ 200\ * && $answer == *"$3"* ]] || {
    echo "$1: ${answer//$'\r'/}" >&2
    return 1
  }
}

# `check MODEL`: NAME, NAME/versions/N or NAME/labels/L.
check() {
  local body=$CONFIG_DIR/health/${1%%/*}.json
  if [[ $state ]]; then
    ask "/v1/models/$1" "" '"AVAILABLE"'
  elif [[ -f $body ]]; then
    ask "/v1/models/$1:predict" "$(< "$body")" '"predictions"'
  else
    echo "$1: $body is missing: only its state is looked at" >&2
    ask "/v1/models/$1" "" '"AVAILABLE"'
  fi
}

check_all() {
  local models=("$@") model status=0
  if ((!$#)); then
    mapfile -t models < <(config_values name "$(models_config)")
    [[ -z ${HEALTH_LABEL:-} ]] || models=("${models[@]/%//labels/$HEALTH_LABEL}")
    ((${#models[@]})) || fail "$(models_config) names no model: is the server running?"
  fi
  for model in "${models[@]}"; do
    check "$model" || status=1
  done
  return $status
}

if [[ ${1:-} == --without-timeout ]]; then
  shift
  state=
  if [[ ${1:-} == --state ]]; then
    state=yes
    shift
  fi
  check_all "$@"
else
  # A server that accepts the connection and stays silent is as bad as none.
  timeout "$HEALTH_TIMEOUT_S" bash "${BASH_SOURCE[0]}" --without-timeout "$@" || {
    status=$?
    ((status != 124)) || echo "no answer within HEALTH_TIMEOUT_S=$HEALTH_TIMEOUT_S" >&2
    exit $status
  }
fi
