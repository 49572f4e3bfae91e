#!/usr/bin/env bash
# Writes a config for --ssl_config_file, which holds PEM text and no paths:
#
#   ssl-config.sh server.key server.crt > ssl.config                 the server shows its certificate
#   ssl-config.sh server.key server.crt clients-ca.crt > ssl.config  and asks clients for theirs
set -euo pipefail

(($# == 2 || $# == 3)) || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
for file in "$@"; do
  grep -q -e '-----BEGIN' "$file" || { echo "error: $file: no PEM text" >&2; exit 2; }
done

field() { printf '%s: "%s"\n' "$1" "$(awk '{ sub(/\r$/, ""); printf "%s\\n", $0 }' "$2")"; }
field server_key "$1"
field server_cert "$2"
if (($# == 3)); then
  field custom_ca "$3"
  echo "client_verify: true"
fi
