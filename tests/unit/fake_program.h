/* A generated program written by hand, for tests of the runtime: an honest implementation of entk_abi.h that also checks
 * what the runtime promises to kernels and aborts when a promise is broken. */
#ifndef ENTK_FAKE_PROGRAM_H
#define ENTK_FAKE_PROGRAM_H

#include "entk_abi.h"

/* Nets: [0] "vector" (7 channels, a state per sample), [1] "image" (4x5, 2 channels), [2] "gray" (4x5, 1 channel).
 * Params: [0] w = 1, [1] delay = 0 (seconds per call of a kernel). Kernels are not symmetric in x and z, so that a
 * swapped pair is noticed. */
const EntkProgram *fake_program(unsigned precision);

/* What the kernels of `net` are for two samples, straight from their definition. */
void fake_kernel(const EntkNet *net, double w, const double *x, const double *z, double *nngp, double *ntk);

#endif
