#!/usr/bin/env bash
# Checks the direction of imports, and that the check itself can fail: a forbidden import, planted
# for a moment in a folder of its own, must be caught.
set -euo pipefail
cd "$(dirname "$0")/.."

planted=src/storage/planted-import.ts
trap 'rm -f "$planted"' EXIT

npx depcruise src --config .dependency-cruiser.js

must_catch() {
  echo "import { $2 } from '$3'; export const planted = $2;" > "$planted"
  if npx depcruise src --config .dependency-cruiser.js > /dev/null 2>&1; then
    echo "check-imports: a planted $1 was not caught: the check does not work" >&2
    exit 1
  fi
}
must_catch 'upward import' TaskQueue '../tasks/queue.ts'
must_catch 'import of test support' Signal '../../test/support/signal.ts'
echo "check-imports: ok (planted imports, upward and of test support, are caught)"
