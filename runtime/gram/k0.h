/* The input kernel of vectors, k0(x, z) = (1/C) sum_c x_c z_c, as a matrix product with a fixed order of summation.
 *
 * Every entry is summed over c in the same order with the same operations (blocks of channels of equal size, one fused
 * multiply-add after the other) wherever it stands in a tile, so its bits do not depend on tile sizes, and |x|^2 has the
 * bits of the entry (x, x). A BLAS does not promise that: of square tiles with all rows equal, 16 to 256 of them,
 * OpenBLAS 0.3.21's sgemm with its AVX2 code (Haswell, Zen) fills each with two different values, for alpha 1 as well.
 * `make bench` puts the Gram of a net on vectors beside OpenBLAS's product. */
#ifndef ENTK_GRAM_K0_H
#define ENTK_GRAM_K0_H

#include "support/status.h"

#include <stddef.h>
#include <stdint.h>

/* Rows of a result that are computed together are a multiple of this, columns of that. */
#define ENTK_K0_ROW_MULTIPLE    12
#define ENTK_K0_COLUMN_MULTIPLE 64

/* One product: n_left x n_right entries. */
typedef struct EntkK0 {
	uint32_t precision; /* 32 or 64; "real" below */
	const void *x, *z;  /* real; rows of `channels` values */
	size_t channels;
	const uint32_t *left, *right; /* rows of x and of z */
	size_t n_left, n_right;
	/* Entry (i, j) is wanted only where j >= i (left and right start with the same sample); others may hold anything. */
	bool upper;
	void *out;       /* real; rows of `stride`, both rounded up to the multiples above; the rest is filled with 0 */
	size_t stride;   /* n_right rounded up to ENTK_K0_COLUMN_MULTIPLE, or more */
	void *workspace; /* entk_k0_workspace() bytes, aligned to 64 bytes */
} EntkK0;

size_t entk_k0_workspace(uint32_t precision, size_t n_left, size_t n_right);
void entk_k0_compute(const EntkK0 *k0);
/* out[i] = k0(x_i, x_i) for the rows `left`. */
void entk_k0_norms(uint32_t precision, const void *x, size_t channels, const uint32_t *left, size_t n_left, void *out);
/* "avx512", "avx2" or "generic": which code this CPU gets. */
const char *entk_k0_variant(void);

#endif
