#!/bin/sh
# Login, visit, a write and logout by the session API alone. COATCHECK_URL says where it is; COATCHECK_KEY is an API key of a service.
set -eu
umask 077
key=$(mktemp)
trap 'rm -f "$key"' EXIT
printf 'x-api-key: %s\n' "$COATCHECK_KEY" >"$key" # not an argument, which everybody on the machine could read

call() { # method, path; the body comes on standard input
  curl -sS -X "$1" -H @"$key" -H 'content-type: application/json' --data-binary @- "$COATCHECK_URL$2"
}
text() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

# The service has checked the password of ada. The exchange is the request by which she signs in.
login=$(call POST /v1/sessions <<'BODY'
{ "userId": "ada", "methods": ["pwd"], "data": { "visits": 0 },
  "exchange": { "method": "POST", "url": "https://shop.example/login", "headers": { "origin": "https://shop.example" } } }
BODY
)
cookie=$(printf %s "$login" | text setCookie | cut -d';' -f1)
id=$(printf %s "$login" | sed -n 's/.*"session":{"id":"\([^"]*\)".*/\1/p')
echo "signed in: session $id"

visit() {
  call POST /v1/sessions/validate <<BODY
{ "exchange": { "method": "GET", "url": "https://shop.example/", "headers": { "cookie": "$cookie" } } }
BODY
}
echo "visit: $(visit | text userId)"

call PATCH "/v1/sessions/$id/data" <<'BODY' | grep -o '"data":{[^}]*}'
{ "operations": [{ "op": "add", "field": "visits", "amount": 1 }] }
BODY

logout=$(call POST /v1/sessions/logout <<BODY
{ "exchange": { "method": "POST", "url": "https://shop.example/logout",
    "headers": { "cookie": "$cookie", "origin": "https://shop.example" } } }
BODY
)
echo "signed out: $(printf %s "$logout" | text deleteCookie | cut -d';' -f1)"
echo "visit: $(visit | text reason)"
