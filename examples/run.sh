#!/bin/sh
# Tries every endpoint of a running gateway with plain curl: one line each, and exit code 1 when any of them fails.
#   npm start                                  # in another terminal: it prints both keys
#   API_KEY=sk_dev_… MASTER_KEY=mk_… sh examples/run.sh [http://localhost:8000]
# It is made for gateway_config.yaml with its sample services and open sign-up. What it creates it disables at the end.
set -u

gateway=${1:-http://localhost:8000}
key="X-API-Key: ${API_KEY:?set API_KEY to a key of the gateway}"
master="X-Master-Key: ${MASTER_KEY:?set MASTER_KEY to its master key}"
nobody=''
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
failed=0
name="run-$(date +%s)-$$"

# ask CREDENTIAL METHOD PATH STATUS TEXT [BODY]: the answer must have this status and hold this text.
ask() {
  credential=$1 method=$2 path=$3 status=$4 text=$5 body=${6-}
  set -- -X "$method" "$gateway$path"
  [ -z "$credential" ] || set -- "$@" -H "$credential"
  [ -z "$body" ] || set -- "$@" -H 'Content-Type: application/json' -d "$body"
  got=$(curl -s -m 30 -o "$answer" -w '%{http_code}' "$@")
  if [ "$got" = "$status" ] && { [ -z "$text" ] || grep -qF -- "$text" "$answer"; }; then
    echo "pass  $method $path $status"
  else
    failed=$((failed + 1))
    echo "FAIL  $method $path: wanted $status with '$text', got $got: $(head -c 300 "$answer")"
  fi
}

# The first text of this name in the last answer.
field() {
  grep -o "\"$1\":\"[^\"]*\"" "$answer" | head -n 1 | cut -d '"' -f 4
}

echo '# The gateway itself'
ask "$nobody" GET / 200 '"status"'
ask "$nobody" GET /health 200 '"inference_service"'
ask "$nobody" GET /api/v1/health 200 '"healthy"'
ask "$nobody" GET /ready 200 ''
ask "$nobody" GET /metrics 200 'gateway_requests_total'
ask "$nobody" GET /openapi.json 200 '"/service1/{rest}"'
ask "$nobody" GET /docs 200 'docs/start.js'
ask "$nobody" GET /redoc 200 'docs/start.js'
ask "$nobody" GET /docs/start.js 200 'SwaggerUIBundle'
ask "$master" GET /api/v1/health/detailed 200 '"stores"'

echo '# Services'
ask "$key" GET /service1/hello 200 '"path":"/hello"'
ask "$key" POST /service/service1/orders 200 '"method":"POST"' '{"item":1}'
ask "$key" GET /service2/hello 200 '"path":"/hello"'
ask "$nobody" GET /service1/hello 401 'MISSING_CREDENTIAL'
ask 'X-API-Key: sk_live_wrong' GET /service1/hello 401 'INVALID_CREDENTIAL'
ask "$key" GET /nothing-here 404 'NOT_FOUND'
ask "$nobody" DELETE /health 405 'METHOD_NOT_ALLOWED'

echo '# Models'
messages='"messages":[{"role":"user","content":"Hello"}]'
ask "$key" POST /v1/chat/completions 200 '"chat.completion"' "{\"model\":\"gpt-4o-mini\",$messages}"
ask "$key" POST /v1/chat/completions 200 'data: [DONE]' "{\"model\":\"gpt-4o-mini\",\"stream\":true,$messages}"
ask "$key" POST /api/v1/chat/completions 200 '"chat.completion"' "{\"model\":\"gpt-4o-mini\",$messages}"
ask "$key" POST /api/v1/chat/completions/stream 200 'data: [DONE]' "{\"model\":\"gpt-4o-mini\",$messages}"
ask "$key" POST /v1/chat/completions 400 'messages' '{"model":"gpt-4o-mini","messages":"Hello"}'
ask "$key" POST /v1/completions 200 '"text_completion"' '{"model":"gpt-4o-mini","prompt":"Hello"}'
ask "$key" POST /v1/responses 200 '"response"' '{"model":"gpt-4o-mini","input":"Hello"}'
ask "$key" POST /v1/messages 200 '"message"' "{\"model\":\"gpt-4o-mini\",\"max_tokens\":64,$messages}"
ask "$key" GET /v1/models 200 '"list"'
ask "$key" GET /v1/models/gpt-4o-mini 200 '"gpt-4o-mini"'
ask "$key" GET /api/v1/chat/models 200 '"list"'
ask "$key" POST /v1/embeddings 200 '"embedding"' '{"model":"any","input":["Hello","world"]}'
ask "$key" POST /v1/embed 200 '"prompt_tokens"' '{"input_text":"Hello, world!"}'
ask "$key" POST /v1/embed 422 '"code":"VALUE_ERROR"' '{"input_text":""}'
ask "$key" GET /v1/usage 200 '"requests_last_minute"'

echo '# Accounts'
account="{\"email\":\"$name@example.com\",\"password\":\"a password of its own\"}"
ask "$nobody" POST /v1/auth/signup 201 "$name@example.com" "$account"
account_id=$(field id)
ask "$nobody" POST /v1/auth/signup 409 'CONFLICT' "$account"
ask "$nobody" POST /v1/auth/login 200 '"refresh_token"' "$account"
ask "$nobody" POST /v1/auth/refresh 200 '"access_token"' "{\"refresh_token\":\"$(field refresh_token)\"}"
token="Authorization: Bearer $(field access_token)"
ask "$token" GET /v1/auth/me 200 "$name@example.com"
ask "$token" POST /v1/auth/api-keys 201 '"api_key"' '{"name":"My API Key"}'
own_key="Authorization: Bearer $(field api_key)"
own_key_id=$(field id)
ask "$own_key" GET /service1/hello 200 '"path":"/hello"'
ask "$token" GET /v1/auth/api-keys 200 '"My API Key"'
ask "$token" POST "/v1/auth/api-keys/$own_key_id/rotate" 201 '"api_key"' '{"grace":"1m"}'
ask "$token" DELETE "/v1/auth/api-keys/$(field id)" 200 ''
ask "$token" POST /v1/auth/logout 200 ''
ask "$token" GET /v1/auth/me 401 ''
ask "$master" POST /auth/token 200 '"access_token"' "{\"username\":\"$name\",\"permissions\":[\"read:portfolio\"]}"
ask "Authorization: Bearer $(field access_token)" GET /v1/auth/me 200 "$name"

echo '# What a login opens'
account="{\"email\":\"$name-app@example.com\",\"password\":\"a password of its own\"}"
ask "$nobody" POST /api/v1/auth/register 201 "$name-app@example.com" "$account"
app_id=$(field id)
ask "$nobody" POST /api/v1/auth/login 200 '"access_token"' "$account"
token="Authorization: Bearer $(field access_token)"
ask "$token" POST /v1/chat/completions 200 '"chat.completion"' "{$messages,\"stream\":false}"
ask "$token" POST /v1/chat/completions 200 'data: [DONE]' "{\"model\":\"gpt-3.5-turbo\",\"stream\":true,$messages}"
ask "$token" POST /api/v1/chat/completions 200 '"chat.completion"' "{\"model\":\"openai/gpt-4.1\",$messages}"
ask "$token" POST /api/v1/chat/completions/stream 200 'data: [DONE]' "{$messages}"
ask "$token" GET /api/v1/chat/models 200 '"llama-2"'
ask "$token" GET /service1/test 200 '"path":"/test"'
ask "$token" POST /v1/embed 200 '"embedding"' '{"input_text":"Hello, world!"}'
ask "$token" GET /v1/usage 200 '"requests_last_minute"'
ask "$master" POST /auth/token 200 '"access_token"' "{\"username\":\"$name-llama\",\"models\":[\"llama-2\"]}"
llama="Authorization: Bearer $(field access_token)"
ask "$llama" POST /api/v1/chat/completions 200 '"chat.completion"' "{\"model\":\"llama\",$messages}"
ask "$llama" POST /api/v1/chat/completions 403 'MODEL_NOT_ALLOWED' "{\"model\":\"mistral\",$messages}"

echo '# Administration'
ask "$nobody" GET /admin/keys 401 ''
ask "$master" POST /admin/generate_key 201 '"api_key"' "{\"owner\":\"$name\"}"
made_key="X-API-Key: $(field api_key)"
made_key_id=$(field id)
ask "$made_key" GET /service1/hello 200 '"path":"/hello"'
ask "$master" GET '/admin/keys?limit=200' 200 "$made_key_id"
ask "$master" GET "/admin/keys/$made_key_id" 200 "$name"
ask "$master" PATCH "/admin/keys/$made_key_id" 200 '"renamed"' '{"name":"renamed"}'
ask "$master" POST "/admin/keys/$made_key_id/rotate" 201 '"api_key"' '{"grace":"1m"}'
ask "$master" DELETE "/admin/keys/$(field id)" 200 ''
ask "$master" DELETE "/admin/keys/$made_key_id" 200 ''
ask "$made_key" GET /service1/hello 401 'REVOKED_CREDENTIAL'
ask "$master" POST /admin/consumers 201 "$name-team" "{\"name\":\"$name-team\"}"
consumer_id=$(field id)
ask "$master" GET '/admin/consumers?limit=200' 200 "$consumer_id"
ask "$master" GET "/admin/consumers/$consumer_id" 200 "$name-team"
ask "$master" PATCH "/admin/consumers/$consumer_id" 200 '"embed:*"' '{"permissions":["embed:*"]}'
ask "$master" DELETE "/admin/consumers/$consumer_id" 200 ''
ask "$master" DELETE "/admin/consumers/$account_id" 200 ''
ask "$master" POST "/admin/consumers/$app_id/erase" 200 '"keys"'
ask "$master" POST /admin/tokens/revoke 200 '"revoked_at"' "{\"consumer\":\"$name\"}"
ask "$master" GET /admin/services 200 '"service1"'
target=$(field target)
ask "$master" POST "/admin/breakers/service1/$target/reset" 200 '"closed"'
ask "$master" GET '/admin/usage?group_by=service' 200 '"input_tokens"'
ask "$master" GET /admin/audit 200 'key.'
ask "$master" GET /admin/config 200 '"hash"'
ask "$master" POST /admin/reload 200 ''

echo
if [ "$failed" -gt 0 ]; then
  echo "$failed failed"
  exit 1
fi
echo 'All passed'
