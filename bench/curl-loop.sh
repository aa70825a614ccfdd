#!/usr/bin/env bash
# What a workflow step without an action looks like: look, create what is missing, then look every ten seconds.
set -euo pipefail

list="$API_URL/accounts/$CLOUDFLARE_ACCOUNT_ID/shares/$SHARE_ID/recipients"
call() {
  curl --silent --show-error --fail --header "Authorization: Bearer $CLOUDFLARE_API_TOKEN" "$@"
}

for account in $RECIPIENTS; do
  row=$(call "$list?include_resources=true" | jq --arg account "$account" \
    'first(.result[] | select(.account_id == $account and (.association_status | test("^associat"))))')
  if [ -z "$row" ]; then
    row=$(call --json "{\"recipient_account_id\": \"$account\"}" "$list" | jq .result)
  fi
  while [ "$(jq --raw-output .association_status <<< "$row")" != associated ]; do
    sleep 10
    row=$(call "$list/$(jq --raw-output .id <<< "$row")?include_resources=true" | jq .result)
  done
done
