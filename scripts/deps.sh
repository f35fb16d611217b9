#!/bin/sh
# Install what the build needs, by Debian package name, and only what is missing.
#   deps.sh base            everything for `make`, `make demo`, `make check`
#   deps.sh fuzz            a clang that links libFuzzer programs
#   deps.sh fuzz-compiler   print the name of that clang
# Silent and without network when nothing is missing.
set -u
PYTHON=${PYTHON:-/usr/bin/python3}
CC=${CC:-gcc}
LLVM_CONFIG=${LLVM_CONFIG:-llvm-config-19}

missing=
need() { # need PACKAGE COMMAND...: the command succeeds when the package is there
	package=$1
	shift
	"$@" >/dev/null 2>&1 || missing="$missing $package"
}
has_command() { command -v "$1"; }
has_header() { printf '#include <stddef.h>\n#include <stdarg.h>\n#include <setjmp.h>\n#include <stdint.h>\n#include <%s>\n' "$1" | gcc -E -x c -; }
has_file() { test -e "$1"; }
has_symbol() { # has_symbol LIBRARY FUNCTION: a header alone may be another package's (cblas.h is libblas-dev's too)
	printf 'char %s(void); int main(void) { return %s(); }\n' "$2" "$2" | gcc -x c - -o /dev/null "-l$1"
}
can_fuzz() {
	command -v "$1" >/dev/null 2>&1 || return 1
	library=$("$1" -print-resource-dir)/lib
	ls "$library"/*/libclang_rt.fuzzer*.a >/dev/null 2>&1
}
fuzz_compiler() {
	for clang in clang-19 clang clang-14 clang-16; do
		if can_fuzz "$clang"; then
			echo "$clang"
			return 0
		fi
	done
	return 1
}

collect_base() {
	missing=
	need gcc has_command gcc
	need libc6-dev has_file /usr/include/stdio.h
	need make has_command make
	need flex has_command flex
	need bison has_command bison
	need llvm-19-dev has_command "$LLVM_CONFIG"
	need libopenblas-dev has_symbol openblas openblas_set_num_threads
	need liblapacke-dev has_header lapacke.h
	need libzip-dev has_header zip.h
	need libxxhash-dev has_header xxhash.h
	need libcmocka-dev has_header cmocka.h
	need gnuplot-nox has_command gnuplot
	need python3-numpy "$PYTHON" -c 'import numpy'
	need fonts-dejavu-core has_file /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
	case $CC in *clang*)
		need clang has_command "$CC" ;;
	esac
}
collect_fuzz() {
	missing=
	fuzz_compiler >/dev/null || missing=" clang libclang-rt-14-dev"
}

case ${1:-base} in
base) collect=collect_base ;;
fuzz) collect=collect_fuzz ;;
fuzz-compiler)
	fuzz_compiler
	exit ;;
*)
	echo "usage: deps.sh base|fuzz|fuzz-compiler" >&2
	exit 2 ;;
esac

$collect
[ -z "$missing" ] && exit 0

echo "installing Debian packages:$missing" >&2
give_up() {
	echo "error: $1; install these packages and run make again:$missing" >&2
	exit 1
}
command -v apt-get >/dev/null 2>&1 || give_up "this system has no apt-get"
root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null 2>&1 || give_up "not root and no sudo"
	root="sudo"
	sudo -n true 2>/dev/null || [ -t 0 ] || give_up "sudo wants a password and there is no terminal"
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # a list of words
install_all() { $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >"$log" 2>&1; }
# The list of packages may be old, or absent on a fresh machine: refresh it once.
if ! install_all; then
	$root apt-get update >"$log" 2>&1 && install_all || {
		tail -n 5 "$log" >&2
		give_up "apt-get failed"
	}
fi
wanted=$missing
$collect
[ -z "$missing" ] || give_up "apt-get installed$wanted, yet something is still missing"
