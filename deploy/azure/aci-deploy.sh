#!/usr/bin/env bash
# Runs the gateway as an Azure Container Instance, with SQLite on an Azure file share.
#   MASTER_KEY=$(openssl rand -hex 32) SECRET_KEY=$(openssl rand -base64 48) deploy/azure/aci-deploy.sh \
#     --resource-group rg --image registry.azurecr.io/turnpike:0.1.0
# DATABASE_URL, REDIS_URL, OPENAI_API_KEY and ANTHROPIC_API_KEY are passed on where they are set.
# --dry-run prints the commands without the secrets and runs nothing.
set -euo pipefail

usage() {
  sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
  echo "options: --resource-group NAME --image IMAGE [--name turnpike] [--location eastus] [--dns LABEL] [--config FILE]" >&2
  exit "${1:-1}"
}

name=turnpike location=eastus resource_group='' image='' dns='' dry=false
config="$(dirname "${BASH_SOURCE[0]}")/../../gateway_config.yaml"
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry=true; shift; continue ;;
    --help | -h) usage 0 ;;
    --resource-group | --image | --name | --location | --dns | --config) [ $# -gt 1 ] || usage ;;&
    --resource-group) resource_group=$2 ;;
    --image) image=$2 ;;
    --name) name=$2 ;;
    --location) location=$2 ;;
    --dns) dns=$2 ;;
    --config) config=$2 ;;
    *) echo "unknown option $1" >&2; usage ;;
  esac
  shift 2
done
if [ -z "$resource_group" ] || [ -z "$image" ]; then usage; fi
[ -r "$config" ] || { echo "$config cannot be read" >&2; exit 1; }
if [ "$dry" = false ]; then
  for secret in MASTER_KEY SECRET_KEY; do
    [ -n "${!secret:-}" ] || { echo "set $secret first; openssl rand -hex 32 makes one" >&2; exit 1; }
  done
fi

run() {
  if [ "$dry" = true ]; then printf '%q ' az "$@"; echo; else az "$@"; fi
}

secrets=()
for variable in MASTER_KEY SECRET_KEY DATABASE_URL REDIS_URL OPENAI_API_KEY ANTHROPIC_API_KEY; do
  [ -n "${!variable:-}" ] || continue
  if [ "$dry" = true ]; then secrets+=("$variable=***"); else secrets+=("$variable=${!variable}"); fi
done
[ ${#secrets[@]} -gt 0 ] || secrets=('MASTER_KEY=***' 'SECRET_KEY=***')

# The configuration travels as a secret volume: a file the image's user may read, and no other container may.
encoded=$(base64 <"$config" | tr -d '\n')
if [ "$dry" = true ]; then encoded='<base64 of the configuration>'; fi

run container create \
  --resource-group "$resource_group" --name "$name" --location "$location" --image "$image" \
  --os-type Linux --cpu 1 --memory 1.5 --restart-policy Always \
  --ip-address Public --ports 8000 --dns-name-label "${dns:-$name}" \
  --environment-variables SERVER_HOST=0.0.0.0 SERVER_PORT=8000 TURNPIKE_CONFIG=/etc/turnpike/gateway_config.yaml SIGNUP=off \
  --secure-environment-variables "${secrets[@]}" \
  --secrets "gateway_config.yaml=$encoded" --secrets-mount-path /etc/turnpike
run container show --resource-group "$resource_group" --name "$name" --query ipAddress.fqdn --output tsv
