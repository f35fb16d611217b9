#!/bin/bash
# Tests of the diagnostics: tests/run_reject.sh [--bless] ENTKC-OR-ITS-FOLDER [TOPIC...]
#
# Every tests/reject/TOPIC/NAME.entk is compiled in its folder by `entkc --diag=line --emit=network NAME.entk`. NAME.expect
# holds "exit N" and below it all of stderr, word for word. NAME.human, if there is one, holds the same for the layout with
# carets (without --diag=line). NAME.args, if there is one, holds further arguments, one a line; a form (--emit=..) among
# them takes the place of --emit=network. Files whose names begin with "_" are there to be included. --bless writes what is missing or differs: read the difference as you read code.
set -u
bless=0
[ "${1:-}" = --bless ] && bless=1 && shift
entkc=${1:?usage: run_reject.sh [--bless] ENTKC-OR-ITS-FOLDER [TOPIC...]}
shift
[ -d "$entkc" ] && entkc=$entkc/entkc
[ -x "$entkc" ] || { echo "reject: $entkc: no such program"; exit 2; }
entkc=$(realpath "$entkc")
cd "$(dirname "$0")/reject" || exit 2

passed=0 failed=0
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# compare GOLDEN ARGUMENT...: run entkc in the current folder, compare with GOLDEN.
compare()
{
	local golden=$1 status=0
	shift
	timeout 60 "$entkc" "$@" >"$out/stdout" 2>"$out/stderr" </dev/null || status=$?
	{ echo "exit $status"; cat "$out/stderr"; } >"$out/got"
	if cmp -s "$golden" "$out/got"; then
		if [ "$status" != 0 ] && [ -s "$out/stdout" ]; then
			failed=$((failed + 1))
			echo "FAIL $topic/$golden: wrote to stdout although it failed"
		else
			passed=$((passed + 1))
		fi
	elif [ "$bless" = 1 ]; then
		cp "$out/got" "$golden"
		echo "wrote $topic/$golden"
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL $topic/$golden (-: wanted, +: got)"
		diff -u "$golden" "$out/got" 2>&1 | tail -n +3
	fi
}

topics=("$@")
[ ${#topics[@]} -gt 0 ] || topics=(*/)
root=$PWD
for topic in "${topics[@]}"; do
	topic=${topic%/}
	cd "$root/$topic" || exit 2
	for file in *.entk; do
		[ -e "$file" ] || continue
		name=${file%.entk}
		case $name in _*) continue ;; esac
		args=()
		[ -e "$name.args" ] && mapfile -t args <"$name.args"
		case " ${args[*]-} " in
		*" --emit="*) ;;
		*) args+=(--emit=network) ;;
		esac
		compare "$name.expect" --diag=line "$file" "${args[@]}"
		[ -e "$name.human" ] && compare "$name.human" "$file" "${args[@]}"
	done
done
echo "reject: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
