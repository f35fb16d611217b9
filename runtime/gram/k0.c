/* Chooses the variant of k0_kernel.inc for the CPU that the program runs on. */
#include "gram/k0.h"

#include <math.h>
#include <string.h>

/* Channels per block at most: a panel of the right operand (32 float columns with AVX-512, 16 with AVX2) stays in the first-level
 * cache, or nearly. MNIST's 784 are three blocks. */
#define K0_BLOCK 264

/* Bytes that packing reads ahead. */
#define K0_AHEAD 128

/* Four reals, for packing. */
typedef float Quad32 __attribute__((vector_size(16)));
typedef double Quad64 __attribute__((vector_size(32)));

static size_t round_up(size_t n, size_t multiple)
{
	return (n + multiple - 1) / multiple * multiple;
}

/* Blocks of equal size: a short last one would add to all entries for little. */
static size_t block_depth(size_t channels)
{
	size_t blocks = (channels - 1) / K0_BLOCK + 1;
	return round_up((channels - 1) / blocks + 1, 4);
}

#if defined(__x86_64__)
#include <immintrin.h>

typedef float Float16 __attribute__((vector_size(64)));
typedef double Double8 __attribute__((vector_size(64)));
typedef float Float8 __attribute__((vector_size(32)));
typedef double Double4 __attribute__((vector_size(32)));

#define K0_NAME(n)             n##_f32_avx512
#define K0_REAL                float
#define K0_QUAD                Quad32
#define K0_TARGET              __attribute__((target("avx512f,fma")))
#define K0_FMA(a, b, c)        __builtin_fmaf(a, b, c)
#define K0_VECTOR              Float16
#define K0_LANES               16
#define K0_VECTOR_FMA(a, b, c) (Float16) _mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c))
#define K0_VECTOR_SET(x)       (Float16) _mm512_set1_ps(x)
#define K0_ROWS                12
#include "gram/k0_kernel.inc"

#define K0_NAME(n)             n##_f64_avx512
#define K0_REAL                double
#define K0_QUAD                Quad64
#define K0_TARGET              __attribute__((target("avx512f,fma")))
#define K0_FMA(a, b, c)        __builtin_fma(a, b, c)
#define K0_VECTOR              Double8
#define K0_LANES               8
#define K0_VECTOR_FMA(a, b, c) (Double8) _mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c))
#define K0_VECTOR_SET(x)       (Double8) _mm512_set1_pd(x)
#define K0_ROWS                12
#include "gram/k0_kernel.inc"

#define K0_NAME(n)             n##_f32_avx2
#define K0_REAL                float
#define K0_QUAD                Quad32
#define K0_TARGET              __attribute__((target("avx2,fma")))
#define K0_FMA(a, b, c)        __builtin_fmaf(a, b, c)
#define K0_VECTOR              Float8
#define K0_LANES               8
#define K0_VECTOR_FMA(a, b, c) (Float8) _mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c))
#define K0_VECTOR_SET(x)       (Float8) _mm256_set1_ps(x)
#define K0_ROWS                6
#include "gram/k0_kernel.inc"

#define K0_NAME(n)             n##_f64_avx2
#define K0_REAL                double
#define K0_QUAD                Quad64
#define K0_TARGET              __attribute__((target("avx2,fma")))
#define K0_FMA(a, b, c)        __builtin_fma(a, b, c)
#define K0_VECTOR              Double4
#define K0_LANES               4
#define K0_VECTOR_FMA(a, b, c) (Double4) _mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c))
#define K0_VECTOR_SET(x)       (Double4) _mm256_set1_pd(x)
#define K0_ROWS                6
#include "gram/k0_kernel.inc"
#endif

/* For every other CPU: 16-byte vectors, a product and a sum (which the compiler must not fuse in one place and leave in
 * another: the library is compiled with -ffp-contract=off). */
typedef float Float4 __attribute__((vector_size(16)));
typedef double Double2 __attribute__((vector_size(16)));

#define K0_NAME(n) n##_f32_generic
#define K0_REAL    float
#define K0_QUAD    Quad32
#define K0_TARGET
#define K0_FMA(a, b, c)        ((a) * (b) + (c))
#define K0_VECTOR              Float4
#define K0_LANES               4
#define K0_VECTOR_FMA(a, b, c) ((a) * (b) + (c))
#define K0_VECTOR_SET(x)       ((Float4){(x), (x), (x), (x)})
#define K0_ROWS                4
#include "gram/k0_kernel.inc"

#define K0_NAME(n) n##_f64_generic
#define K0_REAL    double
#define K0_QUAD    Quad64
#define K0_TARGET
#define K0_FMA(a, b, c)        ((a) * (b) + (c))
#define K0_VECTOR              Double2
#define K0_LANES               2
#define K0_VECTOR_FMA(a, b, c) ((a) * (b) + (c))
#define K0_VECTOR_SET(x)       ((Double2){(x), (x)})
#define K0_ROWS                4
#include "gram/k0_kernel.inc"

typedef struct Variant {
	const char *name;
	void (*compute_f32)(const EntkK0 *k0);
	void (*compute_f64)(const EntkK0 *k0);
	void (*norms_f32)(const float *x, size_t channels, const uint32_t *left, size_t n_left, float *out);
	void (*norms_f64)(const double *x, size_t channels, const uint32_t *left, size_t n_left, double *out);
} Variant;

static Variant variant(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma"))
		return (Variant){"avx512", compute_f32_avx512, compute_f64_avx512, norms_f32_avx512, norms_f64_avx512};
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return (Variant){"avx2", compute_f32_avx2, compute_f64_avx2, norms_f32_avx2, norms_f64_avx2};
#endif
	return (Variant){"generic", compute_f32_generic, compute_f64_generic, norms_f32_generic, norms_f64_generic};
}

const char *entk_k0_variant(void)
{
	return variant().name;
}

size_t entk_k0_workspace(uint32_t precision, size_t n_left, size_t n_right)
{
	return (round_up(n_left, ENTK_K0_ROW_MULTIPLE) + round_up(n_right, ENTK_K0_COLUMN_MULTIPLE)) * K0_BLOCK *
	       (precision / 8);
}

/* Columns between the variant's register block and ENTK_K0_COLUMN_MULTIPLE: nobody computes them, lanes may read them. */
static void clear_padding(const EntkK0 *k0)
{
	const size_t size = k0->precision / 8;
	for (size_t i = 0; i < k0->n_left; i++)
		memset((char *)k0->out + (i * k0->stride + k0->n_right) * size, 0,
		       (round_up(k0->n_right, ENTK_K0_COLUMN_MULTIPLE) - k0->n_right) * size);
}

void entk_k0_compute(const EntkK0 *k0)
{
	if (k0->precision == 32)
		variant().compute_f32(k0);
	else
		variant().compute_f64(k0);
	clear_padding(k0);
}

void entk_k0_norms(uint32_t precision, const void *x, size_t channels, const uint32_t *left, size_t n_left, void *out)
{
	if (precision == 32)
		variant().norms_f32(x, channels, left, n_left, out);
	else
		variant().norms_f64(x, channels, left, n_left, out);
}
