/* Kernels too small for their arithmetic.
 *
 * A variance that falls below the range of normal numbers loses its bits one by one, without a trace in what is computed from it:
 * relu halves it in every layer, and data of size 1e-19 have a variance of 1e-38 to begin with. A result so small that this may have
 * happened on the way is refused like an infinite one. */
#ifndef ENTK_UNDERFLOW_H
#define ENTK_UNDERFLOW_H

#include "data/samples.h"
#include "entk_abi.h"
#include "support/status.h"

/* A variance below this may have lost bits: with all bits to spare above the smallest normal number. */
double entk_underflow_bound(uint32_t precision);

/* What the NNGP of a sample with itself is, by itself, scaled so that its largest value is about 1, and of a sample of ones. */
typedef struct EntkVariances {
	double own, scaled, ones;
} EntkVariances;

bool entk_sample_is_zero(const EntkSamples *samples, size_t i);
/* Sample i, alone, scaled by a power of two; the caller frees the values. */
EntkStatus entk_sample_scaled(const EntkSamples *samples, size_t i, EntkSamples *scaled, EntkError *error);
/* One sample of ones. */
EntkStatus entk_sample_ones(const EntkSamples *samples, EntkSamples *ones, EntkError *error);

/* The error for sample `i` (of X, or of Z where `of_z`), or ENTK_OK where its variance is right: no number is lost where the sample does
 * not reach the output (a mask, a stride), nor where a factor of the net is zero (`zero_factor`). */
EntkStatus entk_underflow_judge(const EntkProgram *program, const EntkNet *net, size_t i, bool of_z,
				const EntkVariances *variances, bool zero_factor, EntkError *error);

#endif
