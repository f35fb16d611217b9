#!/bin/sh
# Every row of nonlinearities.def has its three faces and its rows in the documents: its names in docs/nonlinearities.md and
# docs/language.md, its errors in the table of the former.
cd "$(dirname "$0")/../.." || exit 2
rows=compiler/network/nonlinearities.def
passed=0 failed=0

# check WHAT COMMAND...
check()
{
	what=$1
	shift
	if "$@" >/dev/null 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL check_nonlinearities: $what"
	fi
}

for id in $(sed -nE 's/^FUNCTION\(([a-z_0-9]+),.*/\1/p' $rows); do
	check "no compiler/reference/duals/$id.c" test -f "compiler/reference/duals/$id.c"
	check "no compiler/emit/duals/$id.c" test -f "compiler/emit/duals/$id.c"
	check "no finite/activations/$id.c" sh -c "ls */finite/activations/$id.c"
	check "\`$id\` has no errors in docs/nonlinearities.md: make duals" grep -qE "^\| \`$id\` \| [0-9.e+-]+ \|" docs/nonlinearities.md
done
for name in $(sed -nE 's/^LAYER_NAME\(([a-z_0-9]+),.*/\1/p' $rows); do
	check "\`$name\` is not in the table of docs/nonlinearities.md" grep -qE "^\| \`$name\` \| [^0-9]" docs/nonlinearities.md
	check "\`$name\` is not in a table of docs/language.md" grep -qE "^\|.*\`$name[\`(]" docs/language.md
done
[ "$passed" -gt 60 ] || { echo "FAIL check_nonlinearities: only $passed rows found"; failed=$((failed + 1)); }
echo "check_nonlinearities: $passed passed, $failed failed"
[ "$failed" = 0 ]
