#!/bin/bash
# Run the fuzzers: run.sh BUILD SECONDS [total]. SECONDS is for each fuzzer, or, with `total`, shared by all of them.
# An input that crashes, hangs or leaks is left in BUILD/fuzz/ and makes the run fail.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$1 seconds=$2
programs=()
for source in tests/fuzz/fuzz_*.c; do
	[ -e "$source" ] && programs+=("$(basename "$source" .c)")
done
[ "${3:-}" = total ] && [ ${#programs[@]} -gt 0 ] && seconds=$((seconds / ${#programs[@]}))

seeds=$build/fuzz/seeds
rm -rf "$seeds"
"${PYTHON:-/usr/bin/python3}" tests/fuzz/make_seeds.py "$seeds" || exit 2

passed=0 failed=0
for name in "${programs[@]}"; do
	case $name in
	*np*|*data*|*array*) kind=arrays ;;
	*) kind=sources ;;
	esac
	corpus=$build/fuzz/corpus/$name
	mkdir -p "$corpus"
	log=$build/fuzz/$name.log
	if "$build/fuzz/$name" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 -max_len=4096 -close_fd_mask=3 \
		-artifact_prefix="$build/fuzz/$name-" "$corpus" "$seeds/$kind" >"$log" 2>&1; then
		passed=$((passed + 1))
		echo "$name: $(grep -aE '^Done ' "$log" | tail -n 1)"
	else
		failed=$((failed + 1))
		echo "$name: failed; the end of $log:"
		tail -n 60 "$log"
	fi
done
echo "fuzz: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
