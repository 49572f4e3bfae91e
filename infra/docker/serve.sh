#!/usr/bin/env bash
# Starts $SERVER on the models in $MODELS_DIR: TF Serving in its image, the embedded server in ours.
# Arguments are further flags of the server, and go over those given here.
set -euo pipefail
# shellcheck source=infra/docker/settings.sh
source "$(dirname "${BASH_SOURCE[0]}")/settings.sh"

# One entry for each folder of $MODELS_DIR that holds a version.
made_config() {
  local folder version name found=
  echo "model_config_list {"
  for folder in "$MODELS_DIR"/*/; do
    for version in "$folder"*/saved_model.pb; do
      [[ -f $version && $(basename "$(dirname "$version")") =~ ^[0-9]+$ ]] || continue
      name=$(basename "$folder") found=yes
      echo "  config { name: \"$name\" base_path: \"$MODELS_DIR/$name\" model_platform: \"tensorflow\" }"
      break
    done
  done
  echo "}"
  [[ $found ]] || fail "MODELS_DIR=$MODELS_DIR holds no model, expected NAME/VERSION/saved_model.pb" \
    "that user $(id -u) can read. Mount a folder that serving.export has written there."
}

check_base_paths() {
  local path
  while read -r path; do
    [[ $path == *://* || -d $path ]] || fail "$1: base_path \"$path\" is no folder here. Name the" \
      "paths as the server sees them: python -m serving.registry ... --base_path $MODELS_DIR/NAME"
  done < <(config_values base_path "$1")
}

config=$(models_config)
if [[ $config == "$SCRATCH_DIR/models.config" ]]; then
  made=$(made_config)
  echo "$made" > "$config"
fi

batching=${BATCHING_CONFIG:-$CONFIG_DIR/batching.config}
monitoring=${MONITORING_CONFIG:-$CONFIG_DIR/monitoring.config}
flags=(
  --port="${GRPC_PORT:-8500}"
  --rest_api_port="$REST_PORT"
  --rest_api_timeout_in_ms="${REST_TIMEOUT_MS:-30000}"
  --grpc_max_threads="${REQUEST_THREADS:-64}"
  --rest_api_num_threads="${REQUEST_THREADS:-64}"
  --model_config_file="$config"
  --model_config_file_poll_wait_seconds="${CONFIG_POLL_S:-10}"
  --allow_version_labels_for_unavailable_models
  --enable_batching
  --batching_parameters_file="$batching"
  --monitoring_config_file="$monitoring"
)
for file in "$config" "$batching" "$monitoring" ${SSL_CONFIG:+"$SSL_CONFIG"}; do
  [[ -r $file ]] || fail "$file cannot be read by user $(id -u): check the path, its mount and its mode"
done
check_base_paths "$config"
[[ -z ${SSL_CONFIG:-} ]] || flags+=(--ssl_config_file="$SSL_CONFIG")

read -ra server <<< "${SERVER:-tensorflow_model_server}"
exec "${server[@]}" "${flags[@]}" "$@"
