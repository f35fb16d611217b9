#!/bin/bash
# Run the tests: tests/check.sh BUILD [GROUP...], groups: unit accept reject run docs fuzz-smoke (all of them by default).
#
# Every group ends with a line "NAME: N passed, M failed[, K skipped]"; a group that prints none, or ends badly, counts as
# failed. Only the output of what failed is shown in full. The last line sums up. Run from the repository's root.
set -u
shopt -s nullglob
cd "$(dirname "$0")/.." || exit 2
build=${1:-build}
[ $# -gt 0 ] && shift
groups=${*:-unit accept reject run docs fuzz-smoke}
# Sanitized builds leave the fuzzers out: they carry sanitizers of their own already.
[ -n "${ENTK_ASAN:-}" ] && [ "$groups" = "unit accept reject run docs fuzz-smoke" ] && groups="unit accept reject run docs"
export ENTK_SHARED=${ENTK_SHARED:-../shared}
export PYTHON=${PYTHON:-/usr/bin/python3}
export PYTHONDONTWRITEBYTECODE=1
limit=${ENTK_TEST_LIMIT:-1200} # seconds for one group

passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# add NAME STATUS SECONDS: read the summary that the group left in $log.
add()
{
	local line p f s
	line=$(grep -aE '^([^ ].*: )?[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log" | tail -n 1)
	p=$(sed -nE 's/^.*\b([0-9]+) passed.*/\1/p' <<<"$line")
	f=$(sed -nE 's/^.*\b([0-9]+) failed.*/\1/p' <<<"$line")
	s=$(sed -nE 's/^.*\b([0-9]+) skipped.*/\1/p' <<<"$line")
	p=${p:-0} f=${f:-0} s=${s:-0}
	if [ -z "$line" ]; then
		f=1
		echo "$1: ended without a summary (status $2)" >>"$log"
	elif [ "$2" != 0 ] && [ "$f" = 0 ]; then
		f=1
		echo "$1: no failure in the summary, yet status $2" >>"$log"
	fi
	if [ "$f" != 0 ]; then
		echo "---- $1 ----"
		tail -c 20000 "$log"
		echo "----"
	fi
	printf '%-28s %5d passed, %d failed, %d skipped  (%d s)\n' "$1" "$p" "$f" "$s" "$3"
	# What was left out, and why, is said even when all is well.
	[ "$f" = 0 ] && grep -aiE '^ *(skip|reached|seed)' "$log" | head -n 40 | sed 's/^/    /'
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# group NAME COMMAND...
group()
{
	local name=$1 begin=$SECONDS status=0
	shift
	timeout -k 10 "$limit" "$@" >"$log" 2>&1 || status=$?
	[ "$status" = 124 ] && echo "$name: stopped after $limit s" >>"$log"
	add "$name" "$status" $((SECONDS - begin))
}

# One cmocka program; its TAP output is turned into a summary. A crash loses the tests that were still to come.
unit_program()
{
	local out status=0 good bad plan
	out=$(CMOCKA_MESSAGE_OUTPUT=TAP "$1" 2>&1) || status=$?
	printf '%s\n' "$out"
	good=$(grep -c '^ok ' <<<"$out")
	bad=$(grep -c '^not ok ' <<<"$out")
	plan=$(sed -nE 's/^1\.\.([0-9]+)$/\1/p' <<<"$out" | awk '{n += $1} END {print n + 0}')
	if [ $((good + bad)) -lt "$plan" ] || { [ "$status" != 0 ] && [ "$bad" = 0 ]; } || [ "$plan" = 0 ]; then
		echo "ended with status $status after $((good + bad)) of $plan tests"
		bad=$((bad + 1))
	fi
	echo "$(basename "$1"): $good passed, $bad failed"
	[ "$bad" = 0 ]
}
export -f unit_program

for g in $groups; do
	case $g in
	unit)
		for source in tests/unit/test_*.c; do
			name=$(basename "$source" .c)
			group "$name" bash -c 'unit_program "$0"' "$build/tests/unit/$name"
		done ;;
	accept) group accept tests/run_accept.sh "$build" ;;
	reject) group reject tests/run_reject.sh "$build" ;;
	run)
		for script in tests/run/check_*.py tests/run/check_*.sh; do
			name=$(basename "$script")
			name=${name%.*}
			[ "$name" = check_docs ] && continue
			case $script in
			*.py) group "$name" "$PYTHON" "$script" "$build" ;;
			*) group "$name" "$script" "$build" ;;
			esac
		done ;;
	docs) group docs "$PYTHON" tests/run/check_docs.py "$build" ;;
	fuzz-smoke) group fuzz-smoke tests/fuzz/run.sh "$build" 20 total ;;
	*)
		echo "check.sh: no group named $g" >&2
		exit 2 ;;
	esac
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
