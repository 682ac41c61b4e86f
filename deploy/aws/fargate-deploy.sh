#!/usr/bin/env bash
# Registers the Fargate task and updates its service. The secret "turnpike" in Secrets Manager holds MASTER_KEY,
# SECRET_KEY, DATABASE_URL and REDIS_URL as one JSON object. The image holds the configuration: build your own on top.
#   deploy/aws/fargate-deploy.sh --cluster c --service turnpike --region eu-west-1 --account 123456789012 --image IMAGE
# --dry-run prints the task and the commands and runs nothing.
set -euo pipefail

usage() {
  sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
  exit "${1:-1}"
}

cluster='' service=turnpike region='' account='' image='' dry=false
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry=true; shift; continue ;;
    --help | -h) usage 0 ;;
    --cluster | --service | --region | --account | --image) [ $# -gt 1 ] || usage ;;&
    --cluster) cluster=$2 ;;
    --service) service=$2 ;;
    --region) region=$2 ;;
    --account) account=$2 ;;
    --image) image=$2 ;;
    *) echo "unknown option $1" >&2; usage ;;
  esac
  shift 2
done
if [ -z "$cluster" ] || [ -z "$region" ] || [ -z "$account" ] || [ -z "$image" ]; then usage; fi
[[ $account =~ ^[0-9]{12}$ ]] || { echo "--account has twelve digits" >&2; exit 1; }

task=$(sed -e "s#ACCOUNT\.dkr\.ecr\.REGION\.amazonaws\.com/turnpike:[0-9.]*#$image#" -e "s/ACCOUNT/$account/g" \
  -e "s/REGION/$region/g" "$(dirname "${BASH_SOURCE[0]}")/fargate-task.json")
if [ "$dry" = true ]; then
  printf '%s\n' "$task"
  echo aws ecs register-task-definition --region "$region" --cli-input-json '<the task above>'
  echo aws ecs update-service --region "$region" --cluster "$cluster" --service "$service" --task-definition turnpike
  exit 0
fi
aws ecs register-task-definition --region "$region" --cli-input-json "$task" >/dev/null
aws ecs update-service --region "$region" --cluster "$cluster" --service "$service" --task-definition turnpike >/dev/null
aws ecs wait services-stable --region "$region" --cluster "$cluster" --services "$service"
