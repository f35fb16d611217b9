/* The input kernel of vectors: right, and with the same bits wherever an entry stands. Includes the source, to reach the
 * variants that this CPU would not choose. */
#include "gram/k0.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROWS = 90, MAX_CHANNELS = 1000 };

static double x64[ROWS * MAX_CHANNELS];
static float x32[ROWS * MAX_CHANNELS];
static double wanted[ROWS * ROWS];

/* Row 7 is a copy of row 3. */
static void fill(size_t channels)
{
	uint64_t state = 12345;
	for (size_t i = 0; i < ROWS * channels; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		x32[i] = (float)((double)(state >> 40) * 0x1p-24 - 0.3);
		x64[i] = x32[i];
	}
	memcpy(x32 + 7 * channels, x32 + 3 * channels, channels * sizeof *x32);
	memcpy(x64 + 7 * channels, x64 + 3 * channels, channels * sizeof *x64);
	for (size_t i = 0; i < ROWS; i++)
		for (size_t j = 0; j < ROWS; j++) {
			long double sum = 0;
			for (size_t c = 0; c < channels; c++)
				sum += (long double)x64[i * channels + c] * x64[j * channels + c];
			wanted[i * ROWS + j] = (double)(sum / (long double)channels);
		}
}

static size_t variants(Variant *list)
{
	size_t count = 0;
	list[count++] =
		(Variant){"generic", compute_f32_generic, compute_f64_generic, norms_f32_generic, norms_f64_generic};
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		list[count++] = (Variant){"avx2", compute_f32_avx2, compute_f64_avx2, norms_f32_avx2, norms_f64_avx2};
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma"))
		list[count++] =
			(Variant){"avx512", compute_f32_avx512, compute_f64_avx512, norms_f32_avx512, norms_f64_avx512};
#endif
	return count;
}

/* Compares tile [row, row + n) x [column, column + m) with `whole` (a ROWS x ROWS result, filled at the first call). */
static void check_tile(const Variant *v, unsigned precision, size_t channels, size_t row, size_t n, size_t column,
		       size_t m, bool upper, char *whole, bool first)
{
	uint32_t index[ROWS];
	const size_t size = precision / 8, stride = round_up(m, ENTK_K0_COLUMN_MULTIPLE) + 32;
	void *out = NULL, *workspace = NULL;
	for (uint32_t i = 0; i < ROWS; i++)
		index[i] = i;
	assert_int_equal(posix_memalign(&out, 64, round_up(n, ENTK_K0_ROW_MULTIPLE) * stride * size), 0);
	assert_int_equal(posix_memalign(&workspace, 64, entk_k0_workspace(precision, n, m)), 0);
	const void *x = precision == 32 ? (const void *)x32 : (const void *)x64;
	EntkK0 k0 = {precision, x, x, channels, index + row, index + column, n, m, upper, out, stride, workspace};
	if (precision == 32)
		v->compute_f32(&k0);
	else
		v->compute_f64(&k0);
	clear_padding(&k0);
	for (size_t i = 0; i < n; i++)
		for (size_t j = upper ? i : 0; j < round_up(m, ENTK_K0_COLUMN_MULTIPLE); j++) {
			const char *got = (char *)out + (i * stride + j) * size;
			if (j >= m) {
				assert_memory_equal(got, "\0\0\0\0\0\0\0\0", size);
				continue;
			}
			char *place = whole + ((row + i) * ROWS + column + j) * size;
			double value = precision == 32 ? (double)*(const float *)(const void *)got
						       : *(const double *)(const void *)got;
			if (first)
				memcpy(place, got, size);
			assert_memory_equal(got, place, size);
			/* 1e-15 and 2e-6 of the sum of |products|: blocks of 256 terms, rounded each time. */
			assert_true(fabs(value - wanted[(row + i) * ROWS + column + j]) <=
				    (precision == 32 ? 2e-6 : 4e-15));
		}
	free(out);
	free(workspace);
}

static void check_variant(const Variant *v, unsigned precision, size_t channels)
{
	static double whole[ROWS * ROWS];
	const size_t size = precision / 8;
	char *entries = (char *)whole;
	check_tile(v, precision, channels, 0, ROWS, 0, ROWS, false, entries, true);
	check_tile(v, precision, channels, 0, ROWS, 0, ROWS, true, entries, false);
	check_tile(v, precision, channels, 13, 1, 57, 1, false, entries, false);
	check_tile(v, precision, channels, 1, 17, 40, 33, false, entries, false);
	check_tile(v, precision, channels, 5, 70, 5, 70, true, entries, false);
	/* (i, j) and (j, i); a copy of a sample; the norm and the diagonal: the same bits. */
	double norms[ROWS];
	uint32_t index[ROWS];
	for (uint32_t i = 0; i < ROWS; i++)
		index[i] = i;
	if (precision == 32)
		v->norms_f32(x32, channels, index, ROWS, (float *)(void *)norms);
	else
		v->norms_f64(x64, channels, index, ROWS, norms);
	for (size_t i = 0; i < ROWS; i++) {
		assert_memory_equal(entries + (i * ROWS + i) * size, (char *)norms + i * size, size);
		for (size_t j = 0; j < i; j++)
			assert_memory_equal(entries + (i * ROWS + j) * size, entries + (j * ROWS + i) * size, size);
	}
	assert_memory_equal(entries + (3 * ROWS + 7) * size, (char *)norms + 3 * size, size);
}

static void test_all(void **state)
{
	(void)state;
	static const size_t channels[] = {1, 2, 7, 8, 100, 263, 264, 265, 530, 784, 1000};
	Variant list[3];
	size_t count = variants(list);
	for (size_t c = 0; c < sizeof channels / sizeof channels[0]; c++) {
		fill(channels[c]);
		for (size_t i = 0; i < count; i++) {
			check_variant(&list[i], 32, channels[c]);
			check_variant(&list[i], 64, channels[c]);
		}
	}
}

static void test_chosen(void **state)
{
	(void)state;
	Variant list[3];
	assert_string_equal(entk_k0_variant(), list[variants(list) - 1].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_chosen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
