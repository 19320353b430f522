#!/usr/bin/env bash
# Runs benchmarks of two commits in turns, so that what happens to the machine
# happens to both, and prints the lowest and the median time of each.
#
#   tools/ab.sh OLD NEW PACKAGE BENCHMARK [ROUNDS]
set -euo pipefail
if [ $# -lt 4 ]; then
  sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
old=$1 new=$2 pkg=$3 pattern=$4 rounds=${5:-15}
tmp=$(mktemp -d)
trap 'git worktree remove --force "$tmp/tree" 2>/dev/null || true; rm -rf "$tmp"' EXIT
for side in old new; do
  git worktree add --quiet --detach "$tmp/tree" "${!side}"
  (cd "$tmp/tree" && go test -c -o "$tmp/$side" "$pkg")
  git worktree remove --force "$tmp/tree"
done
for _ in $(seq "$rounds"); do
  for side in old new; do
    "$tmp/$side" -test.run '^$' -test.bench "$pattern" -test.benchtime 200ms |
      awk -v s="$side" '/ns\/op/ {print $1, s, $3}'
  done
done | sort -k1,1 -k2,2r -k3,3n | awk '
  function tell() { if (n) printf "%-44s %s  lowest %9.1f ns  median %9.1f ns\n", name, side, v[1], v[int((n + 1) / 2)] }
  $1 != name || $2 != side { tell(); name = $1; side = $2; n = 0 }
  { v[++n] = $3 }
  END { tell() }'
