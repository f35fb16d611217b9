/* Which of its kernels OpenBLAS runs. */
#ifndef ENTK_NUMERICS_BLAS_H
#define ENTK_NUMERICS_BLAS_H

/* OpenBLAS chooses its kernels when it is loaded, by a list of CPU models; on a CPU younger than the library it falls back to
 * SSE3, several times slower than what the CPU can do (Debian 12's OpenBLAS 0.3.21 on Emerald Rapids). Only a variable of
 * the environment overrides that, and only before the library is loaded: so this sets OPENBLAS_CORETYPE by the instructions
 * that the CPU has, and starts the program anew. Does nothing where the variable is set, the choice is a better one, or
 * the BLAS is another. Call it first in main. */
void entk_blas_choose_kernels(char **argv);

/* The name that OpenBLAS gives its kernels ("Haswell"); "" where the BLAS is another. */
const char *entk_blas_kernels(void);

#endif
