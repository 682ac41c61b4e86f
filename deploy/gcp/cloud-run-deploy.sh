#!/usr/bin/env bash
# Deploys the gateway to Google Cloud Run. Secrets are kept in Secret Manager under the names of their variables.
#   for name in MASTER_KEY SECRET_KEY DATABASE_URL REDIS_URL; do printf %s "${!name}" | \
#     gcloud secrets create "turnpike-$name" --data-file=-; done
#   deploy/gcp/cloud-run-deploy.sh --project p --image europe-docker.pkg.dev/p/r/turnpike:0.1.0 --secrets MASTER_KEY,SECRET_KEY,DATABASE_URL,REDIS_URL
# --dry-run prints the commands and runs nothing.
set -euo pipefail

usage() {
  sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
  echo "options: --project ID --image IMAGE [--name turnpike] [--region europe-west1] [--secrets A,B] [--config FILE] [--max-instances N]" >&2
  exit "${1:-1}"
}

name=turnpike region=europe-west1 project='' image='' secrets=MASTER_KEY,SECRET_KEY dry=false instances=10
config="$(dirname "${BASH_SOURCE[0]}")/../../gateway_config.yaml"
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry=true; shift; continue ;;
    --help | -h) usage 0 ;;
    --project | --image | --name | --region | --secrets | --config | --max-instances) [ $# -gt 1 ] || usage ;;&
    --project) project=$2 ;;
    --image) image=$2 ;;
    --name) name=$2 ;;
    --region) region=$2 ;;
    --secrets) secrets=$2 ;;
    --config) config=$2 ;;
    --max-instances) instances=$2 ;;
    *) echo "unknown option $1" >&2; usage ;;
  esac
  shift 2
done
if [ -z "$project" ] || [ -z "$image" ]; then usage; fi
[ -r "$config" ] || { echo "$config cannot be read" >&2; exit 1; }
case ",$secrets," in
  *,DATABASE_URL,*) ;;
  *)
    # An instance keeps SQLite in its memory and loses it when it is stopped.
    echo "warning: without DATABASE_URL keys and usage are lost with each instance, so one instance is the most" >&2
    instances=1
    ;;
esac

run() {
  if [ "$dry" = true ]; then printf '%q ' gcloud "$@"; echo; else gcloud "$@"; fi
}

mounted="/etc/turnpike/gateway_config.yaml=$name-config:latest"
for variable in ${secrets//,/ }; do mounted+=",$variable=$name-$variable:latest"; done

if [ "$dry" = true ] || ! gcloud secrets describe "$name-config" --project "$project" >/dev/null 2>&1; then
  run secrets create "$name-config" --project "$project" --data-file "$config"
else
  run secrets versions add "$name-config" --project "$project" --data-file "$config"
fi
# The port comes as PORT. 3600 s is the most Cloud Run lets a stream last.
run run deploy "$name" --project "$project" --region "$region" --image "$image" --platform managed \
  --allow-unauthenticated --port 8000 --cpu 1 --memory 768Mi --concurrency 250 --timeout 3600 \
  --min-instances 1 --max-instances "$instances" --no-cpu-throttling --execution-environment gen2 \
  --set-env-vars "SIGNUP=off,TURNPIKE_CONFIG=/etc/turnpike/gateway_config.yaml" --update-secrets "$mounted" \
  --startup-probe "httpGet.path=/health,httpGet.port=8000,periodSeconds=1,failureThreshold=60" \
  --liveness-probe "httpGet.path=/health,httpGet.port=8000,periodSeconds=10"
run run services describe "$name" --project "$project" --region "$region" --format 'value(status.url)'
