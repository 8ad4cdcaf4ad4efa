#!/usr/bin/env bash
# Any other CI system, or cron: measure, tell, and say with the exit code what the job should do.
# Usage: docs/ci/ci.sh [arguments of android-bench ci]
set -o pipefail

attempts=${ATTEMPTS:-2}
resume=()
code=0
for ((attempt = 1; attempt <= attempts; attempt++)); do
  code=0
  android-bench ci "${resume[@]}" --junit junit.xml --markdown summary.md "$@" || code=$?
  # 5 says nothing about the model: a device, a link or the database. What was measured is kept.
  [ "$code" -eq 5 ] || break
  echo "The infrastructure failed (attempt $attempt of $attempts)." >&2
  resume=(--resume)
  [ "$attempt" -eq "$attempts" ] || sleep "${PAUSE:-60}"
done

case "$code" in
  0) echo "Passed." ;;
  3) echo "Regressed: see summary.md. This blocks." >&2 ;;
  4)
    echo "Cannot be told: see summary.md for what would help." >&2
    # Set INCONCLUSIVE=fail to block on it.
    [ "${INCONCLUSIVE:-warn}" = fail ] || code=0
    ;;
  5) echo "No verdict: the infrastructure failed $attempts times. Look at the device, not at the change." >&2 ;;
  130) echo "Interrupted. Go on with: android-bench ci --resume" >&2 ;;
  *) echo "The command failed before there was a verdict (exit code $code)." >&2 ;;
esac
exit "$code"
