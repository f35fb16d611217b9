#!/bin/sh
# Every tag [KR-n] in the sources is explained in docs/math.md under a heading of its own, and every one of these is in its table.
cd "$(dirname "$0")/../.." || exit 2
passed=0 failed=0
for tag in $(grep -rhoE 'KR-[0-9]+' compiler runtime tests docs | sort -u); do
	if grep -qE "^### \[$tag\] " docs/math.md && grep -qE "\| $tag \|" docs/math.md; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL check_tags: [$tag] is not explained in docs/math.md; it stands in:"
		grep -rlE "$tag([^0-9]|\$)" compiler runtime tests docs
	fi
done
[ "$passed" -gt 20 ] || { echo "FAIL check_tags: only $passed tags found"; failed=$((failed + 1)); }
echo "check_tags: $passed passed, $failed failed"
[ "$failed" = 0 ]
