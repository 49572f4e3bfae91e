# shellcheck shell=bash
# What serve.sh and health-check.sh agree on; sourced by both. Every setting is an environment
# variable; infra/README.md lists them.

MODELS_DIR=${MODELS_DIR:-/models}
CONFIG_DIR=${CONFIG_DIR:-/etc/bertline}
SCRATCH_DIR=${SCRATCH_DIR:-/tmp}
REST_PORT=${REST_PORT:-8501}
HEALTH_TIMEOUT_S=${HEALTH_TIMEOUT_S:-5}

fail() {
  echo "error: $*" >&2
  exit 2
}

# MODELS_CONFIG, the config that the registry keeps beside the models, with their labels, or one made
# at the start.
models_config() {
  if [[ ${MODELS_CONFIG:-} ]]; then
    echo "$MODELS_CONFIG"
  elif [[ -f $MODELS_DIR/models.config ]]; then
    echo "$MODELS_DIR/models.config"
  else
    echo "$SCRATCH_DIR/models.config"
  fi
}

# The values of a field of a ModelServerConfig in text form: `config_values name FILE`. Labels have
# no such fields, and a comment is no value.
config_values() {
  sed 's/#.*//' "$2" | grep -oE "\b$1[[:space:]]*:[[:space:]]*[\"'][^\"']*" | sed "s/^[^\"']*[\"']//"
}
