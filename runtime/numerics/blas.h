/* Which of its kernels OpenBLAS runs, and on how many threads. */
#ifndef ENTK_NUMERICS_BLAS_H
#define ENTK_NUMERICS_BLAS_H

#include "support/status.h"

/* OpenBLAS chooses its kernels when it is loaded, by a list of CPU models; on a CPU younger than the library it falls back to
 * SSE3, several times slower than what the CPU can do (Debian 12's OpenBLAS 0.3.21 on Emerald Rapids). Only a variable of
 * the environment overrides that, and only before the library is loaded: so this sets OPENBLAS_CORETYPE by the instructions
 * that the CPU has, and starts the program anew. Does nothing where the variable is set, the choice is a better one, or
 * the BLAS is another. Call it first in main. */
void entk_blas_choose_kernels(char **argv);

/* The name that OpenBLAS gives its kernels ("Haswell"); "" where the BLAS is another. */
const char *entk_blas_kernels(void);

/* OpenBLAS starts a thread for every core when it is loaded, and where a limit of processes or memory forbids that, it ends the program,
 * or waits for threads that are not there. So it is shown one core while it is loaded: `entk_blas_hide_cores` is called before any
 * library is initialized (by the program's .preinit_array), `entk_blas_show_cores` first in main. Threads are started when they are
 * wanted, by entk_linalg_threads. */
void entk_blas_hide_cores(void);
void entk_blas_show_cores(void);

/* Can so many threads be had, and memory for OpenBLAS? *threads becomes what can, and that is said where it is fewer; ENTK_MEMORY where there
 * is no memory for a single one. */
EntkStatus entk_blas_prepare(unsigned *threads, EntkError *error);
/* Is there a limit of this process's memory (ulimit -v)? Then only the main thread may call BLAS. */
bool entk_blas_is_limited(void);

#endif
