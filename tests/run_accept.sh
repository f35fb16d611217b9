#!/bin/bash
# Tests of what is accepted: tests/run_accept.sh [--bless] ENTKC-OR-ITS-FOLDER
#
# tests/accept/NAME.entk with its goldens NAME.ast, NAME.format, NAME.network, NAME.dot: what --emit=FORM and --format print.
# The first two are there for every file. NAME.args, if there is one, holds further arguments, one a line. Files whose names
# begin with "_" are there to be included. --bless rewrites goldens: read the difference as you read code.
#
# Every source file at hand (these, the examples, the golden nets) is formatted twice besides: the second time changes
# nothing, and the layout does not change the syntax tree.
set -u
bless=0
[ "${1:-}" = --bless ] && bless=1 && shift
entkc=${1:?usage: run_accept.sh [--bless] ENTKC-OR-ITS-FOLDER}
[ -d "$entkc" ] && entkc=$entkc/entkc
[ -x "$entkc" ] || { echo "accept: $entkc: no such program"; exit 2; }
entkc=$(realpath "$entkc")
cd "$(dirname "$0")/.." || exit 2
root=$PWD
shared=$(realpath -m "${ENTK_SHARED:-../shared}")

passed=0 failed=0
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAIL $*"; }

# golden NAME FORM ARGUMENT...
golden()
{
	local name=$1 form=$2 status=0
	shift 2
	timeout 60 "$entkc" "$name.entk" "$@" >"$out/got" 2>"$out/stderr" || status=$?
	if [ "$status" != 0 ]; then
		fail "$name.$form: status $status"
		cat "$out/stderr"
	elif cmp -s "$name.$form" "$out/got"; then
		pass
	elif [ "$bless" = 1 ]; then
		cp "$out/got" "$name.$form"
		echo "wrote $name.$form"
		pass
	else
		fail "$name.$form (-: wanted, +: got)"
		diff -u "$name.$form" "$out/got" 2>&1 | tail -n +3
	fi
}

# tree FILE: the syntax tree without places and file names; includes are left out, for the copy stands elsewhere.
tree()
{
	"$entkc" --emit=ast "$1" 2>/dev/null | sed -E 's/  [0-9]+:[0-9]+-[0-9]+:[0-9]+$//; s/^( *)file .*/\1file/'
}

# layout FILE: formatting is idempotent and keeps the tree.
layout()
{
	if ! "$entkc" --format "$1" -o "$out/once.entk" 2>"$out/stderr"; then
		fail "--format $1: $(head -n 1 "$out/stderr")"
	elif ! "$entkc" --format "$out/once.entk" -o "$out/twice.entk" || ! cmp -s "$out/once.entk" "$out/twice.entk"; then
		fail "--format $1: formatting again changes it"
		diff -u "$out/once.entk" "$out/twice.entk" | tail -n +3
	elif grep -q '^include' "$1"; then
		pass
	elif [ "$(tree "$1")" != "$(tree "$out/once.entk")" ]; then
		fail "--format $1: the layout changes the syntax tree"
	else
		pass
	fi
}

cd tests/accept || exit 2
for file in *.entk; do
	[ -e "$file" ] || continue
	name=${file%.entk}
	case $name in _*) continue ;; esac
	args=()
	[ -e "$name.args" ] && mapfile -t args <"$name.args"
	golden "$name" ast --emit=ast ${args[@]+"${args[@]}"}
	golden "$name" format --format
	for form in network dot; do
		[ -e "$name.$form" ] && golden "$name" "$form" "--emit=$form" ${args[@]+"${args[@]}"}
	done
done
cd "$root" || exit 2

for file in tests/accept/*.entk examples/*.entk; do
	[ -e "$file" ] && layout "$file"
done
skipped=
if [ -d "$shared/golden" ]; then
	for file in "$shared"/golden/*.entk; do
		layout "$file"
	done
else
	echo "skip accept: no golden nets in $shared (ENTK_SHARED)"
	skipped=", 1 skipped"
fi
echo "accept: $passed passed, $failed failed$skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
