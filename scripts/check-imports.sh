#!/usr/bin/env bash
# Checks the direction of imports, and that the check itself can fail: a forbidden import, planted
# for a moment in a folder of its own, must be caught.
set -euo pipefail
cd "$(dirname "$0")/.."

planted=src/storage/planted-import.ts
trap 'rm -f "$planted"' EXIT

npx depcruise src --config .dependency-cruiser.js

echo "import { TaskQueue } from '../tasks/queue.ts'; export const planted = TaskQueue;" > "$planted"
if npx depcruise src --config .dependency-cruiser.js > /dev/null 2>&1; then
  echo "check-imports: a planted upward import was not caught: the check does not work" >&2
  exit 1
fi
echo "check-imports: ok (and a planted upward import is caught)"
