#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is needed, builds, and runs the tests; says aloud what it could not run and why.
#
#   tests/run.sh            unit, integration and end-to-end tests (real Kafka, real Mosquitto)
#   tests/run.sh --quick    without Kafka, about a minute
#   tests/run.sh --strict   what CI runs: warnings are errors, gcc and clang, sanitizers, valgrind,
#                           fuzzing, formatting, the other Debian releases (matrix.sh)
#   tests/run.sh --long     the end-to-end tests again and again, as a soak
#   --no-install            install no packages
#
# Build directories and logs are kept in .work. Environment: MQK_CACHE, where Kafka's jars and the
# roots of other Debian releases are kept (.work/cache).
set -u

repo=$(cd "$(dirname "$0")/.." && pwd)
cd "$repo" || exit 1
work=$repo/.work
export MQK_CACHE=${MQK_CACHE:-$work/cache}
mode=default
install=yes
for argument in "$@"; do
    case $argument in
    --quick | --strict | --long) mode=${argument#--} ;;
    --no-install) install=no ;;
    *) sed -n '3,13s/^# \{0,1\}//p' "$0" && exit 2 ;;
    esac
done

results=$work/results
rm -rf "$results"
mkdir -p "$results" "$MQK_CACHE"
steps=$results/steps.tsv
: >"$steps"
export PYTHONDONTWRITEBYTECODE=1

# ---- Steps ----

note() { printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" >>"$steps"; }

# One step: a name, what it is (a `check` counts as a test; `tests` are counted one by one; a `build`
# counts when it fails), a command. What the command prints goes to a log, which is shown when it
# fails. Exit code 77: skipped, and the last line says why.
step() {
    local name=$1 kind=$2 begin=$SECONDS rc=0 log status=ok
    log=$results/$(echo "$name" | tr -c 'a-zA-Z0-9\n' '-').log
    shift 2
    printf '%-44s ' "$name"
    "$@" >"$log" 2>&1 </dev/null || rc=$?
    [ $rc = 0 ] || status=FAILED
    [ $rc != 77 ] || status=skipped
    echo "$status ($((SECONDS - begin)) s)"
    case $status in
    FAILED)
        echo "---- $log"
        tail -n 150 "$log"
        echo '----'
        ;;
    skipped) tail -n 1 "$log" ;;
    esac
    note "$name" $status $((SECONDS - begin)) "$kind"
    [ $status != FAILED ]
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

# shellcheck source=tests/again.sh
. tests/again.sh

apt_get() { # another process may hold the lock
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -o Acquire::Retries=5 "$@"
}

is_installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

packages() {
    local missing=() known=() package lacking='' lists=new
    [ $install = yes ] || { echo 'not asked for' && return 0; }
    command -v apt-get >/dev/null || { echo 'no apt here: install the packages by hand' && return 77; }
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    as_root true 2>/dev/null || { echo "not root, and sudo asks for a password; not installed: ${missing[*]}" && return 77; }
    echo "installing ${missing[*]}"
    again apt_get -o APT::Update::Error-Mode=any update ||
        { lists=old && echo 'the lists of packages could not be brought up to date'; }
    # One that does not exist on this release must not keep the others away.
    for package in "${missing[@]}"; do
        if [ $lists = old ] || apt-cache show "$package" >/dev/null 2>&1; then
            known+=("$package")
        else
            echo "not there: $package"
        fi
    done
    [ ${#known[@]} -gt 0 ] || return 0
    again apt_get install -y --no-install-recommends "${known[@]}" && return 0
    for package in "${known[@]}"; do
        apt_get install -y --no-install-recommends "$package" || lacking="$lacking $package"
    done
    [ -z "$lacking" ] || { echo "not installed:$lacking" && return 77; }
}

configure() { # directory, Meson options; CC of the environment
    local dir=$work/$1
    shift
    if [ -e "$dir/build.ninja" ]; then
        meson configure "$dir" "$@" && return
        rm -rf "$dir"
    fi
    rm -rf "$dir"
    meson setup "$dir" "$repo" "$@"
}

build() {
    local dir=$1
    configure "$@" && ninja -C "$work/$dir"
}

# Runs Meson tests: a directory, a name for the results, arguments of `meson test`.
run_tests() {
    local dir=$work/$1 name=$2 rc=0
    shift 2
    rm -f "$dir/meson-logs/$name.json"
    # One more than there are processors: many tests wait.
    meson test -C "$dir" --no-rebuild --logbase "$name" --print-errorlogs \
        --num-processes $(($(nproc) + 1)) "$@" || rc=$?
    if [ -s "$dir/meson-logs/$name.json" ]; then
        cp "$dir/meson-logs/$name.json" "$results/$name.json"
    elif [ $rc = 0 ]; then
        echo 'there are no such tests' && return 77
    fi
    return $rc
}

# ---- Checks of --strict ----

clang_format() {
    local tool
    tool=$(command -v clang-format-14) || { echo 'clang-format 14 is missing' && return 77; }
    find include lib examples tests \( -name '*.[ch]' -o -name '*.cpp' \) -print0 |
        xargs -0 "$tool" --dry-run -Werror
}

scripts() {
    find tests examples bindings -name '*.py' -print0 |
        xargs -0 -r python3 -c '
import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name).read(), name)' || return 1
    local script
    while read -r -d '' script; do
        bash -n "$script" || return 1
    done < <(find tests examples .ci lib \( -name '*.sh' -o -path '.ci/run' \) -print0)
    command -v shellcheck >/dev/null || { echo 'shellcheck is missing' && return 77; }
    find tests examples .ci lib \( -name '*.sh' -o -path '.ci/run' \) -print0 |
        xargs -0 shellcheck -S warning -e SC1091
}

valgrind_embed() {
    command -v valgrind >/dev/null || { echo 'valgrind is missing' && return 77; }
    local program=$work/build/examples/mqkafka-embed
    [ -x "$program" ] || { echo 'examples/embed was not built' && return 77; }
    (cd "$repo" && timeout 300 valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite \
        --error-exitcode=99 "$program")
}

matrix() {
    MQK_RESULTS=$results tests/matrix.sh
}

debian_packages() {
    MQK_RESULTS=$results/debian tests/debian.sh
}

# Many tests wait more than they compute: something else can be done meanwhile. `beside NAME
# COMMAND…` begins it, `finish NAME` waits, and says what it said.
beside() {
    local name=$1
    shift
    rm -f "$results/$name.rc"
    (
        rc=0
        "$@" >"$results/$name.out" 2>&1 </dev/null || rc=$?
        echo $rc >"$results/$name.rc"
    ) &
    beside_pids+=($!)
}

finish() {
    wait "${beside_pids[@]}" || :
    cat "$results/$1.out"
    return "$(cat "$results/$1.rc")"
}

releases_and_packages() {
    local rc=0
    matrix || rc=$?
    debian_packages >"$results/packages.out" 2>&1 && echo 0 >"$results/packages.rc" || echo $? >"$results/packages.rc"
    return $rc
}

with_clang() { CC=clang "$@"; }

no_clang() { echo 'clang is missing' && return 77; }

# ---- What to run ----

need='gcc g++ meson ninja-build pkg-config binutils python3 python3-venv librdkafka-dev libpcre2-dev libcyaml-dev
    libyaml-dev liblmdb-dev libcmocka-dev libjansson-dev mosquitto mosquitto-dev libmosquitto-dev libssl-dev doxygen cmake'
need_e2e='mosquitto-clients kcat iproute2 openssl erlang-base default-jre-headless maven'
need_strict='clang libclang-rt-dev valgrind clang-format-14 shellcheck debootstrap'
[ $mode = quick ] || need="$need $need_e2e"
[ $mode != strict ] || need="$need $need_strict"
# A Java or Maven that did not come with Debian's packages will do as well.
command -v java >/dev/null && need=${need/default-jre-headless/}
command -v mvn >/dev/null && need=${need/maven/}

# shellcheck disable=SC2086 # a list of words
step 'packages' build packages $need

fetch_kafka() {
    local version
    for version in "${MQK_KAFKA_OLD:-3.9.1}" "${MQK_KAFKA_NEW:-4.2.0}"; do
        if command -v java >/dev/null && command -v mvn >/dev/null; then
            again tests/e2e/kafka.sh fetch "$version" || return $?
        else
            tests/e2e/kafka.sh fetch "$version" || return $?
        fi
    done
}

case $mode in
quick)
    step 'build' build build build &&
        step 'unit and integration tests' tests run_tests build quick --suite unit --suite integration -t 3
    ;;
default | long)
    step 'build' build build build && {
        step 'unit and integration tests' tests run_tests build unit --suite unit --suite integration -t 3
        step 'Python package' tests run_tests build python --suite python
        step 'Kafka' build fetch_kafka
        if [ $mode = long ]; then
            step 'end-to-end tests, ten times' tests run_tests build e2e --suite e2e --repeat 10 -t 2
        else
            step 'end-to-end tests' tests run_tests build e2e --suite e2e
        fi
    }
    ;;
strict)
    sanitize=(-Dwerror=true -Dbenchmarks=false -Db_lundef=false)
    step 'formatting' check clang_format
    step 'scripts' check scripts
    step 'Kafka' build fetch_kafka
    beside_pids=()
    beside matrix releases_and_packages
    step 'build with gcc' build build build -Dwerror=true && {
        step 'unit and integration tests' tests run_tests build unit --suite unit --suite integration -t 3
        step 'valgrind on the embedding example' check valgrind_embed
        MQK_LONG=1 step 'Python package, a million events' tests run_tests build python --suite python
    }
    if command -v clang >/dev/null; then
        step 'build with clang, ASan and UBSan' build with_clang build build-clang "${sanitize[@]}" \
            -Dfuzzers=true -Db_sanitize=address,undefined -Dc_args=-fsanitize=fuzzer-no-link &&
            step 'unit tests with clang, and fuzzing' tests run_tests build-clang clang \
                --suite unit --suite fuzz -t 4
    else
        step 'unit tests with clang, and fuzzing' tests no_clang
    fi
    step 'build with ASan and UBSan' build build build-asan "${sanitize[@]}" \
        -Db_sanitize=address,undefined && {
        step 'unit and integration tests, ASan and UBSan' tests run_tests build-asan asan \
            --suite unit --suite integration -t 4
        step 'Mosquitto plugin, ASan and UBSan' tests run_tests build-asan asan-e2e \
            --suite e2e-plugin -t 4
    }
    step 'build with TSan' build build build-tsan "${sanitize[@]}" -Db_sanitize=thread &&
        step 'concurrent tests, TSan' tests run_tests build-tsan tsan --suite concurrent -t 6
    step 'release build' build build build-release -Dwerror=true -Dbuildtype=release &&
        step 'end-to-end tests' tests run_tests build-release e2e --suite e2e
    step 'other Debian releases' tests finish matrix
    step 'Debian packages' check finish packages
    ;;
esac

# ---- What came of it ----

python3 - "$results" <<'PYTHON'
import glob, json, os, sys

results = sys.argv[1]
passed = failed = 0
skipped, failures, rows, total_seconds = [], [], [], 0
for line in open(os.path.join(results, 'steps.tsv')):
    name, status, seconds, kind = line.rstrip('\n').split('\t')
    rows.append((name, status, int(seconds)))
    total_seconds += int(seconds)
    if status == 'FAILED':
        failures.append((name, kind))
    elif kind == 'check' or status == 'skipped':
        if status == 'skipped':
            log = os.path.join(results, ''.join(c if c.isascii() and c.isalnum() else '-' for c in name) + '.log')
            lines = open(log, errors='replace').read().strip().splitlines() or ['']
            skipped.append(f'{name}: {lines[-1]}')
        else:
            passed += 1
test_failures = []
for path in sorted(glob.glob(os.path.join(results, '*.json'))):
    run = os.path.basename(path)[:-5]
    for line in open(path, errors='replace'):
        test = json.loads(line)
        name = f"{run}: {test['name']}"
        if test['result'] in ('OK', 'EXPECTEDFAIL'):
            passed += 1
        elif test['result'] == 'SKIP':
            said = (test.get('stdout') or '').strip().splitlines() or ['']
            skipped.append(f'{name}: {said[-1]}')
        else:
            test_failures.append(f"{name} ({test['result']})")
try:
    for line in open(os.path.join(results, 'matrix.txt')):
        status, name = line.rstrip('\n').split(None, 1)
        passed += status == 'passed'
        if status == 'skipped':
            skipped.append(name)
        elif status == 'failed':
            test_failures.append(name)
except FileNotFoundError:
    pass
failed = len(test_failures) + sum(kind != 'tests' for _, kind in failures)
if failures and not failed:
    failed = 1  # a test run that broke off without a result

print()
width = max(len(name) for name, _, _ in rows)
for name, status, seconds in rows:
    print(f'  {name:{width}}  {status:8} {seconds:5} s')
print(f'  {"all":{width}}  {"":8} {total_seconds:5} s')
for title, names in (('Skipped', skipped), ('Failed', test_failures + [n for n, _ in failures])):
    if names:
        print(f'\n{title}:')
        for name in names:
            print(f'  {name}')
print(f'\n{passed} passed, {failed} failed, {len(skipped)} skipped')
sys.exit(1 if failed or not passed else 0)
PYTHON
