/* See blas.h. */
#include "numerics/blas.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* OpenBLAS's own; other BLAS libraries lack it. */
extern char *openblas_get_corename(void) __attribute__((weak));

const char *entk_blas_kernels(void)
{
	return openblas_get_corename ? openblas_get_corename() : "";
}

/* The name of the kernels for the widest vectors that this CPU and its operating system have; NULL: none that are better. */
static const char *widest(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	    __builtin_cpu_supports("avx512cd"))
		return "SkylakeX";
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return "Haswell";
#endif
	return NULL;
}

void entk_blas_choose_kernels(char **argv)
{
	const char *better = widest();
	if (!better || getenv("OPENBLAS_CORETYPE") || strcmp(entk_blas_kernels(), "Prescott") != 0)
		return;
	/* By its path, which gives the process its name. Where it cannot be started anew, it goes on with the slow kernels. */
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof path);
	if (length <= 0 || length == sizeof path || setenv("OPENBLAS_CORETYPE", better, 1) != 0)
		return;
	path[length] = '\0';
	execv(path, argv);
}
