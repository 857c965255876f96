#!/usr/bin/env bash
# Regenerates test/fixtures/reports. For each real test runner, it runs the small project in
# test/fixtures/projects, keeps the report, and writes an expected.json beside it with the counts
# that the runner itself printed (scripts/report-expectation.ts).
#
#   scripts/make-report-fixtures.sh [RUNNER…]     runs all RUNNERS below if none is named
#
# Missing runners are installed by their own package clients under $RUNNERS_DIR, which is a folder
# in the temporary directory by default. The machine needs Node 22 or newer, npm, Python 3, Go,
# cargo, Maven with a JDK of 17 or newer, CMake, a C++ compiler, GoogleTest's library
# (libgtest-dev) and perl.
#
# From run to run, reports differ in times and stack traces, but not in counts and structure.
# Paths, host names and Java's system properties are replaced; everything else stays as written.
set -euo pipefail

RUNNERS=(pytest vitest vitest-json jest jest-json playwright mocha node-test tape prove prove-merge go-test gotestsum go-junit-report
  surefire cargo-nextest googletest ctest ctrf)

root=$(cd "$(dirname "$0")/.." && pwd)
projects=$root/test/fixtures/projects
reports=$root/test/fixtures/reports
runners_dir=${RUNNERS_DIR:-${TMPDIR:-/tmp}/report-runners}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export NO_COLOR=1 TZ=UTC LC_ALL=C.UTF-8 RUST_BACKTRACE=0
node=$(PATH="$root/node_modules/.bin:$PATH" command -v node)

# --- shared by all runners --------------------------------------------------------------------

# Copies a project, so that nothing that a run leaves behind reaches the repository.
fresh_copy() { # project
  rm -rf "$scratch/build"
  cp -r "$projects/$1" "$scratch/build"
  cd "$scratch/build"
}

# Ignores the exit code, as the tests fail on purpose; a missing report is an error later.
run() { # output-file command…
  local output=$1
  shift
  "$@" >"$output" 2>&1 || true
}

case_dir() { # runner case
  rm -rf "${reports:?}/$1/$2"
  mkdir -p "$reports/$1/$2"
  echo "$reports/$1/$2"
}

# Copies reports into the directory, without the paths and the name of this machine.
keep() { # report… directory/
  local files=("${@:1:$#-1}") target=${*: -1}
  cp "${files[@]}" "$target"
  local copied=("${files[@]##*/}")
  (
    cd "$target"
    sed -i -e "s#${scratch//\//\\\\/}\\\\/build#\\\\/build#g" -e "s#$scratch/build#/build#g" -e "s#$scratch#/scratch#g" \
      -e "s#$(realpath "$runners_dir")#/runners#g" -e "s#$runners_dir#/runners#g" \
      -e "s#${HOME%/}/\.[a-z]*/versions/[0-9.]*#/python#g" -e "s#${HOME%/}/#/home/#g" \
      -e "s#$root/#/project/#g" -e "s#\b$(hostname)\b#host#g" "${copied[@]}"
  )
}

expect() { # directory summary-file option…   (options of scripts/report-expectation.ts)
  local directory=$1 summary=$2
  shift 2
  "$node" "$root/scripts/report-expectation.ts" --out "$directory/expected.json" "$@" <"$summary"
}

npm_version() { "$node" -p "require('$runners_dir/${2:-js}/node_modules/$1/package.json').version"; }

install_npm() { # folder package…
  local folder=$runners_dir/$1
  [[ -d $folder/node_modules ]] && return
  mkdir -p "$folder"
  (cd "$folder" && echo '{"private":true}' >package.json && npm install --save-exact "${@:2}")
}

js_copy() { # project
  install_npm js vitest jest jest-junit mocha tape \
    jest-ctrf-json-reporter mocha-ctrf-json-reporter @d2t/vitest-ctrf-json-reporter
  fresh_copy "$1"
  ln -s "$runners_dir/js/node_modules" node_modules
}

install_go_tool() { # binary package
  [[ -x $runners_dir/go/$1 ]] || GOBIN=$runners_dir/go go install "$2@latest"
}

gotestsum_version() { "$runners_dir/go/gotestsum" --version | grep -o '[0-9.]\+'; }

GO_PACKAGES="gotestsum counts lines of the compiler as errors, and packages among the \
failures. They are no tests, and recorded as failures of their own."

go_version() { go env GOVERSION | sed 's/^go//'; }

# --- one function a runner --------------------------------------------------------------------

make_pytest() {
  if [[ ! -x $runners_dir/py/bin/pytest ]]; then
    python3 -m venv "$runners_dir/py"
    "$runners_dir/py/bin/pip" install --quiet pytest pytest-rerunfailures
  fi
  local pip=$runners_dir/py/bin/pip
  local version rerun_version family directory
  version=$("$pip" list --format=freeze | sed -n 's/^pytest==//p')
  rerun_version=$("$pip" list --format=freeze | sed -n 's/^pytest-rerunfailures==//p')
  for family in xunit1 xunit2; do
    fresh_copy pytest
    directory=$(case_dir pytest $family)
    run "$scratch/out" "$runners_dir/py/bin/pytest" -q -p no:cacheprovider --tb=line \
      -o junit_family=$family --continue-on-collection-errors --junitxml=junit.xml
    keep junit.xml "$directory/"
    expect "$directory" "$scratch/out" --runner pytest --format junit-xml --dialect pytest \
      --command "pytest -o junit_family=$family --continue-on-collection-errors --junitxml=junit.xml" \
      --version "pytest=$version" --flaky 0 --hidden "Nothing; but pytest counts phases: a test \
whose teardown breaks counts twice, as does one with a subtest that failed." \
      --file-counts '{"tests":22,"passed":9,"errored":3}'
  done
  fresh_copy pytest-reruns
  directory=$(case_dir pytest reruns)
  run "$scratch/out" "$runners_dir/py/bin/pytest" -q -p no:cacheprovider --tb=line --junitxml=junit.xml
  keep junit.xml "$directory/"
  expect "$directory" "$scratch/out" --runner pytest --format junit-xml --dialect pytest \
    --command "pytest --junitxml=junit.xml" --flaky 2 \
    --version "pytest=$version" --version "pytest-rerunfailures=$rerun_version"
}

make_vitest() {
  js_copy vitest
  local directory
  directory=$(case_dir vitest outcomes)
  run "$scratch/out" "$node" node_modules/vitest/vitest.mjs run --reporter=default --reporter=junit \
    --outputFile.junit=junit.xml
  keep junit.xml "$directory/"
  expect "$directory" "$scratch/out" --runner vitest --format junit-xml --dialect vitest \
    --command "vitest run --reporter=junit" --version "vitest=$(npm_version vitest)" --flaky 1 \
    --hidden "A test that passed on a retry looks like any that passed." \
    --file-counts '{"flaky":0}' --other-failures 3
}

make_jest() {
  js_copy jest
  local directory
  directory=$(case_dir jest outcomes)
  JEST_JUNIT_REPORT_TEST_SUITE_ERRORS=true run "$scratch/out" "$node" node_modules/jest/bin/jest.js \
    --ci --reporters=default --reporters=jest-junit
  keep junit.xml "$directory/"
  expect "$directory" "$scratch/out" --runner jest --format junit-xml --dialect jest-junit \
    --command "JEST_JUNIT_REPORT_TEST_SUITE_ERRORS=true jest --ci --reporters=jest-junit" \
    --version "jest=$(npm_version jest)" --version "jest-junit=$(npm_version jest-junit)" --flaky 1 \
    --hidden "A test that passed on a retry looks like any that passed; so does a todo." \
    --file-counts '{"passed":12,"skipped":1,"flaky":0}' --other-failures 3
}

make_vitest_json() {
  js_copy vitest
  local directory
  directory=$(case_dir vitest json)
  run "$scratch/out" "$node" node_modules/vitest/vitest.mjs run --reporter=default --reporter=json \
    --outputFile.json=report.json
  keep report.json "$directory/"
  expect "$directory" "$scratch/out" --runner vitest --format jest-json --dialect vitest \
    --command "vitest run --reporter=json" --version "vitest=$(npm_version vitest)" --flaky 1 \
    --hidden "A beforeAll or afterAll that breaks, in a file in which a test fails." --other-failures 1
}

make_jest_json() {
  js_copy jest
  local directory
  directory=$(case_dir jest json)
  run "$scratch/out" "$node" node_modules/jest/bin/jest.js --ci --json --outputFile=report.json --reporters=default
  keep report.json "$directory/"
  expect "$directory" "$scratch/out" --runner jest --format jest-json --dialect jest \
    --command "jest --ci --json --outputFile=report.json" --version "jest=$(npm_version jest)" --flaky 1 \
    --hidden "An afterAll that breaks, in a file in which a test fails." --other-failures 1
}

make_playwright() {
  install_npm js-playwright @playwright/test
  fresh_copy playwright
  ln -s "$runners_dir/js-playwright/node_modules" node_modules
  local directory
  directory=$(case_dir playwright outcomes)
  PLAYWRIGHT_JSON_OUTPUT_NAME=report.json run "$scratch/out" "$node" \
    node_modules/@playwright/test/cli.js test --reporter=list,json
  keep report.json "$directory/"
  expect "$directory" "$scratch/out" --runner playwright --format playwright-json --dialect playwright \
    --command "playwright test --reporter=json" \
    --version "@playwright/test=$(npm_version @playwright/test js-playwright)"
}

make_mocha() {
  # The reporter's newest release does not work with Mocha 12.
  install_npm js-mocha-11 mocha@11 mocha-junit-reporter
  fresh_copy mocha
  ln -s "$runners_dir/js-mocha-11/node_modules" node_modules
  local directory
  directory=$(case_dir mocha outcomes)
  run "$scratch/out" "$node" node_modules/mocha/bin/mocha.js --reporter dot '*.spec.js'
  run "$scratch/none" "$node" node_modules/mocha/bin/mocha.js --reporter mocha-junit-reporter \
    --reporter-options mochaFile=junit.xml,includePending=true '*.spec.js'
  keep junit.xml "$directory/"
  expect "$directory" "$scratch/out" --runner mocha --format junit-xml --dialect mocha-junit-reporter \
    --command "mocha --reporter mocha-junit-reporter --reporter-options includePending=true" \
    --version "mocha=$(npm_version mocha js-mocha-11)" --flaky 1 \
    --version "mocha-junit-reporter=$(npm_version mocha-junit-reporter js-mocha-11)" \
    --hidden "A test that passed on a retry looks like any that passed." --file-counts '{"flaky":0}'
}

make_node_test() {
  local reporter extension format directory told
  for reporter in junit tap; do
    fresh_copy node-test
    directory=$(case_dir node-test $reporter)
    extension=xml format=junit-xml
    [[ $reporter = tap ]] && extension=tap format=tap
    run "$scratch/out" "$node" --test --test-reporter=spec --test-reporter-destination=stdout \
      --test-reporter=$reporter --test-reporter-destination=report.$extension outcomes.test.mjs broken.test.mjs
    keep report.$extension "$directory/"
    told=(--other-failures 2)
    [[ $reporter = tap ]] || told=(--file-counts '{"tests":27,"passed":13,"failed":8,"skipped":6}'
      --hidden "Tests with subtests are written as suites, a suite that is skipped as a test, and a \
hook of a suite that broke not at all.")
    expect "$directory" "$scratch/out" --runner node-test --format $format --dialect node-test \
      --command "node --test --test-reporter=$reporter" \
      --version "node=$("$node" -p process.versions.node)" --flaky 0 "${told[@]}"
  done
}

make_tape() {
  js_copy tape
  local directory
  directory=$(case_dir tape outcomes)
  run report.tap "$node" node_modules/tape/bin/tape outcomes.js
  cp report.tap "$scratch/out"
  keep report.tap "$directory/"
  expect "$directory" "$scratch/out" --runner tape --format tap --dialect tape \
    --command "tape outcomes.js > report.tap" --version "tape=$(npm_version tape)" --flaky 0 \
    --hidden "Nothing; but tape itself counts assertions that are skipped or todo as passed." \
    --file-counts '{"passed":9,"skipped":2}'
}

make_prove() {
  fresh_copy prove
  local directory file
  directory=$(case_dir prove outcomes)
  run "$scratch/out" prove t
  for file in t/*.t; do
    perl "$file" >"$(basename "$file" .t).tap" 2>"$scratch/none" || true
  done
  keep ./*.tap "$directory/"
  expect "$directory" "$scratch/out" --runner prove --format tap --dialect generic \
    --command "prove t; for each file: perl FILE.t > FILE.tap" \
    --version "perl=$(perl -e 'printf "%vd", $^V')" \
    --version "TAP::Harness=$(perl -MTAP::Harness -e 'print $TAP::Harness::VERSION')" --flaky 0 \
    --hidden "Nothing; but prove counts a todo that failed as ok." --file-counts '{"passed":8,"skipped":4}' \
    --other-failures 3 --incomplete "the plan says 4 points, but there are 2" \
    --incomplete "the plan says 2 points, but there are 1"
}

make_prove_merge() {
  fresh_copy prove
  local directory
  directory=$(case_dir prove merge)
  prove -v --merge t >report.tap 2>"$scratch/none" || true
  cp report.tap "$scratch/out"
  keep report.tap "$directory/"
  expect "$directory" "$scratch/out" --runner prove --format tap --dialect prove \
    --command "prove -v --merge t > report.tap" \
    --version "perl=$(perl -e 'printf "%vd", $^V')" \
    --version "TAP::Harness=$(perl -MTAP::Harness -e 'print $TAP::Harness::VERSION')" --flaky 0 \
    --hidden "Nothing; but prove counts a todo that failed as ok." --file-counts '{"passed":8,"skipped":4}' \
    --other-failures 3 --incomplete "the plan says 4 points, but there are 2" \
    --incomplete "the plan says 2 points, but there are 1"
}

make_go_test() {
  install_go_tool gotestsum gotest.tools/gotestsum
  fresh_copy go
  local directory
  directory=$(case_dir go-test outcomes)
  go test ./clean >"$scratch/none" 2>&1 # so that one package is cached
  go test -json -timeout 2s ./... >report.jsonl 2>"$scratch/none" || true
  run "$scratch/out" "$runners_dir/go/gotestsum" --raw-command -- cat report.jsonl
  keep report.jsonl "$directory/"
  expect "$directory" "$scratch/out" --runner gotestsum --format go-test-json --dialect go-test \
    --command "go test -json -timeout 2s ./... > report.jsonl (counts by gotestsum, of this stream)" \
    --version "go=$(go_version)" --version "gotestsum=$(gotestsum_version)" --flaky 0 \
    --hidden "Nothing; but $GO_PACKAGES" --file-counts '{"errored":0}' --other-failures 2

  fresh_copy go-flaky
  mkdir "$scratch/flaky"
  directory=$(case_dir go-test reruns)
  FLAKY_DIR=$scratch/flaky run "$scratch/out" "$runners_dir/go/gotestsum" --rerun-fails=3 \
    --rerun-fails-report=reruns.txt --packages=. --jsonfile=report.jsonl -- -count=1
  rm -r "$scratch/flaky"
  cat reruns.txt >>"$scratch/out"
  keep report.jsonl "$directory/"
  expect "$directory" "$scratch/out" --runner gotestsum-reruns --format go-test-json --dialect go-test \
    --command "gotestsum --rerun-fails=3 --packages=. --jsonfile=report.jsonl -- -count=1" \
    --version "go=$(go_version)" --version "gotestsum=$(gotestsum_version)"
}

make_gotestsum() {
  install_go_tool gotestsum gotest.tools/gotestsum
  fresh_copy go-flaky
  mkdir "$scratch/flaky"
  local directory
  directory=$(case_dir gotestsum reruns)
  FLAKY_DIR=$scratch/flaky run "$scratch/out" "$runners_dir/go/gotestsum" --rerun-fails=3 \
    --rerun-fails-report=reruns.txt --packages=. --junitfile=junit.xml -- -count=1
  rm -r "$scratch/flaky"
  cat reruns.txt >>"$scratch/out"
  keep junit.xml "$directory/"
  expect "$directory" "$scratch/out" --runner gotestsum-reruns --format junit-xml --dialect gotestsum \
    --command "gotestsum --rerun-fails=3 --packages=. --junitfile=junit.xml -- -count=1" \
    --version "go=$(go_version)" --version "gotestsum=$(gotestsum_version)"
}

make_go_junit_report() {
  install_go_tool gotestsum gotest.tools/gotestsum
  install_go_tool go-junit-report github.com/jstemmer/go-junit-report/v2
  fresh_copy go
  local directory
  directory=$(case_dir go-junit-report outcomes)
  go test -json -timeout 2s ./... >report.jsonl 2>"$scratch/none" || true
  run "$scratch/out" "$runners_dir/go/gotestsum" --raw-command -- cat report.jsonl
  "$runners_dir/go/go-junit-report" -parser gojson <report.jsonl >junit.xml
  keep junit.xml "$directory/"
  expect "$directory" "$scratch/out" --runner gotestsum --format junit-xml --dialect go-junit-report \
    --command "go test -json -timeout 2s ./... | go-junit-report -parser gojson (counts by gotestsum)" \
    --version "go=$(go_version)" \
    --version "go-junit-report=$("$runners_dir/go/go-junit-report" -version 2>&1 | grep -o '[0-9.]\+' | head -1)" \
    --flaky 0 --other-failures 2 --file-counts '{"tests":23,"failed":6,"errored":0}' \
    --hidden "A test that prints a line like go test's own becomes a test. Besides, $GO_PACKAGES"
}

pom_version() { # artifact
  grep -A1 "<artifactId>$1</artifactId>" pom.xml | sed -n 's#.*<version>\(.*\)</version>.*#\1#p'
}

make_surefire() {
  fresh_copy surefire
  local directory
  directory=$(case_dir surefire reruns)
  run "$scratch/out" mvn -B test
  # System properties say a lot about the machine and nothing about the tests.
  sed -i -E '/<property name="(java\.version|surefire\.[a-z.]*version)"/!s#(<property name="[^"]*" value=")[^"]*"#\1-"#' \
    target/surefire-reports/TEST-*.xml
  keep target/surefire-reports/TEST-*.xml "$directory/"
  expect "$directory" "$scratch/out" --runner surefire --format junit-xml --dialect surefire \
    --command "mvn test (rerunFailingTestsCount=2 in pom.xml)" \
    --version "surefire=$(pom_version maven-surefire-plugin)" \
    --version "junit-jupiter=$(pom_version junit-jupiter)"
}

make_cargo_nextest() {
  [[ -x $runners_dir/cargo/bin/cargo-nextest ]] ||
    cargo install cargo-nextest --locked --root "$runners_dir/cargo"
  fresh_copy cargo-nextest
  mkdir "$scratch/flaky"
  local directory
  directory=$(case_dir cargo-nextest retries)
  FLAKY_DIR=$scratch/flaky run "$scratch/out" "$runners_dir/cargo/bin/cargo-nextest" nextest run --profile ci
  rm -r "$scratch/flaky"
  keep target/nextest/ci/junit.xml "$directory/"
  expect "$directory" "$scratch/out" --runner cargo-nextest --format junit-xml --dialect cargo-nextest \
    --command "cargo nextest run --profile ci" \
    --version "cargo-nextest=$("$runners_dir/cargo/bin/cargo-nextest" nextest --version | grep -o '[0-9.]\+' | head -1)" \
    --hidden "Tests that were not run (ignored) are not in the file." \
    --file-counts '{"tests":9,"skipped":0}'
}

make_googletest() {
  fresh_copy googletest
  cmake -S . -B bin >"$scratch/none" && cmake --build bin >"$scratch/none"
  local format directory
  for format in xml json; do
    directory=$(case_dir googletest $format)
    run "$scratch/out" bin/outcomes --gtest_color=no --gtest_output=$format:report.$format
    keep report.$format "$directory/"
    expect "$directory" "$scratch/out" --runner googletest \
      --format "$([[ $format = xml ]] && echo junit-xml || echo googletest-json)" --dialect googletest \
      --command "outcomes --gtest_output=$format:report.$format" \
      --version "googletest=$(sed -n 's/.*PACKAGE_VERSION "\(.*\)".*/\1/p' \
        /usr/lib/*/cmake/GTest/GTestConfigVersion.cmake | head -1)" --flaky 0 \
      --hidden "That the set-up of a suite broke: its tests are written as skipped."
  done
}

make_ctest() {
  fresh_copy ctest
  cmake -S . -B bin >"$scratch/none"
  local directory
  directory=$(case_dir ctest outcomes)
  run "$scratch/out" ctest --test-dir bin --output-junit "$scratch/build/junit.xml"
  keep junit.xml "$directory/"
  expect "$directory" "$scratch/out" --runner ctest --format junit-xml --dialect ctest \
    --command "ctest --output-junit junit.xml" \
    --version "ctest=$(ctest --version | grep -o '[0-9.]\+' | head -1)" --flaky 0
}

make_ctrf() {
  local directory
  js_copy vitest
  directory=$(case_dir ctrf vitest)
  run "$scratch/out" "$node" node_modules/vitest/vitest.mjs run --reporter=default \
    --reporter=@d2t/vitest-ctrf-json-reporter
  keep ctrf/ctrf-report.json "$directory/"
  expect "$directory" "$scratch/out" --runner vitest --format ctrf-json --dialect vitest \
    --command "vitest run --reporter=@d2t/vitest-ctrf-json-reporter" \
    --version "vitest=$(npm_version vitest)" --flaky 1 \
    --version "@d2t/vitest-ctrf-json-reporter=$(npm_version @d2t/vitest-ctrf-json-reporter)"

  js_copy jest
  directory=$(case_dir ctrf jest)
  run "$scratch/out" "$node" node_modules/jest/bin/jest.js --ci --reporters=default \
    --reporters=jest-ctrf-json-reporter
  keep ctrf/ctrf-report.json "$directory/"
  expect "$directory" "$scratch/out" --runner jest --format ctrf-json --dialect jest \
    --command "jest --ci --reporters=jest-ctrf-json-reporter" --flaky 1 \
    --version "jest=$(npm_version jest)" \
    --version "jest-ctrf-json-reporter=$(npm_version jest-ctrf-json-reporter)"

  js_copy mocha
  directory=$(case_dir ctrf mocha)
  run "$scratch/out" "$node" node_modules/mocha/bin/mocha.js --reporter dot '*.spec.js'
  run "$scratch/none" "$node" node_modules/mocha/bin/mocha.js --reporter mocha-ctrf-json-reporter '*.spec.js'
  keep ctrf/ctrf-report.json "$directory/"
  expect "$directory" "$scratch/out" --runner mocha --format ctrf-json --dialect mocha \
    --command "mocha --reporter mocha-ctrf-json-reporter" --flaky 1 \
    --version "mocha=$(npm_version mocha)" \
    --version "mocha-ctrf-json-reporter=$(npm_version mocha-ctrf-json-reporter)"
}

# --- the work ---------------------------------------------------------------------------------

mkdir -p "$runners_dir"
chosen=("$@")
[[ $# -gt 0 ]] || chosen=("${RUNNERS[@]}")
for runner in "${chosen[@]}"; do
  echo "== $runner"
  "make_${runner//-/_}"
done
