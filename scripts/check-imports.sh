#!/usr/bin/env bash
# Checks the direction of imports, and that the check itself can fail: forbidden imports, each planted
# for a moment in a file of its own, must be caught.
set -euo pipefail
cd "$(dirname "$0")/.."

own=src/invocations/planted-import.ts
queue=packages/queue/src/storage/planted-import.ts
trap 'rm -f "$queue" "$own"' EXIT

npx depcruise src packages/queue/src --config .dependency-cruiser.js

# must_catch WHAT FILE NAME SPECIFIER
must_catch() {
  echo "import { $3 } from '$4'; export const planted = $3;" > "$2"
  if npx depcruise src packages/queue/src --config .dependency-cruiser.js > /dev/null 2>&1; then
    echo "check-imports: a planted $1 was not caught: the check does not work" >&2
    exit 1
  fi
  rm "$2"
}
must_catch 'upward import' "$queue" TaskQueue '../tasks/queue.ts'
must_catch 'import of test support' "$queue" Signal '../../../../test/support/signal.ts'
must_catch 'import of postlude by the queue' "$queue" toRowId '../../../../src/invocations/id.ts'
must_catch 'import past the public names of the queue' "$own" quoteName '../../packages/queue/src/storage/postgres/session.ts'
echo "check-imports: ok (planted imports are caught: upward, of test support, across packages)"
