#!/usr/bin/env bash
# Runs actionlint and zizmor on everything that GitHub reads, and prints only problems. Needs both on the PATH: see tools.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
workflows=(.github/workflows/*.yml examples/*.yml __tests__/workflows/*.yml)
actionlint "${workflows[@]}"
report=$(zizmor --quiet --offline --persona pedantic --strict-collection \
  action.yml .github/dependabot.yml "${workflows[@]}" 2>&1) || { echo "$report"; exit 1; }
