/* The matrix product of k0.c for one type and one instruction set: a template. Before each inclusion:
 *
 * K0_NAME(n)   name of a function of this variant        K0_REAL      float or double
 * K0_TARGET    function attribute, may be empty          K0_FMA(a, b, c)   a b + c on reals, exactly as in K0_VECTOR_FMA
 * K0_VECTOR    vector type of K0_LANES reals             K0_VECTOR_FMA(a, b, c), K0_VECTOR_SET(x)
 * K0_ROWS      rows of the register block; it has K0_ROWS x 2 K0_LANES entries */

#define K0_COLUMNS (2 * K0_LANES)

/* Rows `index` of x, channels [start, start + depth), interleaved by `width`: packed[panel][channel][width]. In pieces of
 * K0_PIECE channels, so that what is written stays in the first-level cache until its lines are full. */
K0_TARGET static void K0_NAME(pack)(const K0_REAL *x, size_t channels, const uint32_t *index, size_t count, size_t start,
	size_t depth, size_t width, K0_REAL *packed) {
	for (size_t first = 0; first < count; first += width, packed += depth * width) {
		if (first + width > count)
			memset(packed, 0, depth * width * sizeof *packed);
		size_t rows = first + width > count ? count - first : width, c = 0;
		for (; c + K0_PIECE <= depth; c += K0_PIECE)
			for (size_t r = 0; r < rows; r++) {
				K0_REAL *to = packed + c * width + r;
				const K0_REAL *from = x + index[first + r] * channels + start + c;
#pragma GCC unroll 8
				for (size_t k = 0; k < K0_PIECE; k++)
					to[k * width] = from[k];
			}
		for (; c < depth; c++)
			for (size_t r = 0; r < rows; r++)
				packed[c * width + r] = x[index[first + r] * channels + start + c];
	}
}

/* out[K0_ROWS][K0_COLUMNS] (+)= a b^T over `depth` channels; divided by `divisor` after the last block. */
K0_TARGET static void K0_NAME(block)(const K0_REAL *a, const K0_REAL *b, size_t depth, K0_REAL *out, size_t stride,
	bool add, K0_REAL divisor) {
	K0_VECTOR sum[K0_ROWS][2];
	/* Unrolled, so that all sums live in registers. */
#pragma GCC unroll 12
	for (size_t r = 0; r < K0_ROWS; r++)
		sum[r][0] = sum[r][1] = K0_VECTOR_SET(0);
	for (size_t k = 0; k < depth; k++, a += K0_ROWS, b += K0_COLUMNS) {
		K0_VECTOR b0, b1;
		memcpy(&b0, b, sizeof b0);
		memcpy(&b1, b + K0_LANES, sizeof b1);
#pragma GCC unroll 12
		for (size_t r = 0; r < K0_ROWS; r++) {
			K0_VECTOR value = K0_VECTOR_SET(a[r]);
			sum[r][0] = K0_VECTOR_FMA(value, b0, sum[r][0]);
			sum[r][1] = K0_VECTOR_FMA(value, b1, sum[r][1]);
		}
	}
#pragma GCC unroll 12
	for (size_t r = 0; r < K0_ROWS; r++, out += stride)
#pragma GCC unroll 2
		for (size_t h = 0; h < 2; h++) {
			K0_VECTOR old, total = sum[r][h];
			if (add) {
				memcpy(&old, out + h * K0_LANES, sizeof old);
				total = old + total;
			}
			if (divisor != 1)
				total = total / K0_VECTOR_SET(divisor);
			memcpy(out + h * K0_LANES, &total, sizeof total);
		}
}

K0_TARGET static void K0_NAME(compute)(const EntkK0 *k0) {
	const size_t channels = k0->channels;
	K0_REAL *a = k0->workspace;
	K0_REAL *b = a + round_up(k0->n_left, K0_ROWS) * K0_BLOCK;
	for (size_t start = 0; start < channels; start += K0_BLOCK) {
		size_t depth = channels - start < K0_BLOCK ? channels - start : K0_BLOCK;
		K0_REAL divisor = start + depth == channels ? (K0_REAL)channels : 1;
		K0_NAME(pack)(k0->x, channels, k0->left, k0->n_left, start, depth, K0_ROWS, a);
		K0_NAME(pack)(k0->z, channels, k0->right, k0->n_right, start, depth, K0_COLUMNS, b);
		for (size_t j = 0; j < k0->n_right; j += K0_COLUMNS)
			for (size_t i = 0; i < k0->n_left; i += K0_ROWS) {
				if (k0->upper && j + K0_COLUMNS <= i)
					break;
				K0_NAME(block)(a + i * depth, b + j * depth, depth, (K0_REAL *)k0->out + i * k0->stride + j, k0->stride,
					start > 0, divisor);
			}
	}
}

/* The order of `block`, for one entry. */
K0_TARGET static void K0_NAME(norms)(const K0_REAL *x, size_t channels, const uint32_t *left, size_t n_left, K0_REAL *out) {
	for (size_t i = 0; i < n_left; i++) {
		const K0_REAL *row = x + left[i] * channels;
		K0_REAL total = 0;
		for (size_t start = 0; start < channels; start += K0_BLOCK) {
			size_t end = channels - start < K0_BLOCK ? channels : start + K0_BLOCK;
			K0_REAL sum = 0;
			for (size_t k = start; k < end; k++)
				sum = K0_FMA(row[k], row[k], sum);
			total = start > 0 ? total + sum : sum;
		}
		out[i] = channels == 1 ? total : total / (K0_REAL)channels;
	}
}

#undef K0_COLUMNS
#undef K0_NAME
#undef K0_REAL
#undef K0_TARGET
#undef K0_FMA
#undef K0_VECTOR
#undef K0_LANES
#undef K0_VECTOR_FMA
#undef K0_VECTOR_SET
#undef K0_ROWS
