/* See blas.h. */
#include "numerics/blas.h"

#include "support/cores.h"

#include <cblas.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What OpenBLAS maps for a thread, and some more. Where it cannot, it tries again and again. */
#define BUFFER_BYTES ((size_t)136 << 20)

/* The process's affinity while the libraries are loaded: of up to 65536 CPUs. 0 bytes: nothing is hidden. */
static unsigned long all_cores[1024];
static long all_cores_bytes;

/* No library is initialized yet: system calls only, and none of the sanitizers' checks. */
__attribute__((no_sanitize("address", "undefined"))) void entk_blas_hide_cores(void)
{
	static unsigned long one[1024];
	long bytes = syscall(SYS_sched_getaffinity, 0, sizeof all_cores, all_cores);
	for (long i = 0; i * (long)sizeof *one < bytes; i++)
		if (all_cores[i]) {
			one[i] = all_cores[i] & -all_cores[i];
			if (syscall(SYS_sched_setaffinity, 0, bytes, one) == 0)
				all_cores_bytes = bytes;
			return;
		}
}

void entk_blas_show_cores(void)
{
	if (all_cores_bytes > 0)
		(void)syscall(SYS_sched_setaffinity, 0, all_cores_bytes, all_cores);
	all_cores_bytes = 0;
}

bool entk_blas_is_limited(void)
{
	struct rlimit space, data;
	return (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY) ||
	       (getrlimit(RLIMIT_DATA, &data) == 0 && data.rlim_cur != RLIM_INFINITY);
}

/* OpenBLAS takes its memory at the first product that is not tiny, and keeps it. */
static void take_memory(void)
{
	enum { N = 96 };
	double *a = calloc(3 * N * N, sizeof *a);
	if (a)
		cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, N, N, N, 1, a, N, a + N * N, N, 0, a + 2 * N * N,
			    N);
	free(a);
}

EntkStatus entk_blas_prepare(unsigned *threads, EntkError *error)
{
	static unsigned had = 0; /* so many have been looked at */
	bool limited = entk_blas_is_limited();
	unsigned wanted = *threads;
	/* Its threads take their memory later, when others have taken what was left: none but this one where there is a limit. */
	if (limited)
		*threads = 1;
	if (*threads <= had)
		return ENTK_OK;
	if (*threads > 1)
		*threads = entk_startable(*threads);
	had = wanted;
	if (!limited)
		return ENTK_OK;
	if (wanted > 1)
		entk_tell_fewer_threads(1, wanted, ENOMEM);
	void *memory = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory != MAP_FAILED) {
		munmap(memory, BUFFER_BYTES);
		take_memory();
		return ENTK_OK;
	}
	entk_fail_memory(error, "linear algebra", BUFFER_BYTES);
	return entk_fix(error, "raise the limit of memory (ulimit -v)");
}

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
