/* Gram assembly on the hand-written program: right values, and the same bits for any tiles, threads and subset. */
#include "fake_program.h"
#include "gram/compute.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* More than two of the runtime's tiles for vectors (252 x 256). */
enum { MANY = 530, FEW = 37 };

static double value(const EntkSamples *samples, size_t i)
{
	return samples->precision == 32 ? (double)((const float *)samples->values)[i]
					: ((const double *)samples->values)[i];
}

static void random_samples(const EntkNet *net, unsigned precision, size_t count, EntkSamples *samples)
{
	EntkError error;
	assert_int_equal(entk_samples_random(net, precision, count, count, samples, &error), ENTK_OK);
}

typedef struct Result {
	size_t rows, columns;
	double *nngp, *ntk;
} Result;

static Result run(unsigned precision, const EntkNet *net, const EntkSamples *x, const EntkSamples *z,
		  const EntkGramOptions *options)
{
	Result result = {.rows = x->count, .columns = z ? z->count : x->count};
	EntkError error;
	size_t bytes = result.rows * result.columns * sizeof(double);
	result.nngp = malloc(bytes);
	result.ntk = malloc(bytes);
	assert_true(result.nngp && result.ntk);
	memset(result.nngp, 0xff, bytes);
	memset(result.ntk, 0xff, bytes);
	if (entk_gram(fake_program(precision), net, x, z, options, result.nngp, result.ntk, &error) != ENTK_OK)
		fail_msg("%s", error.what);
	return result;
}

static void release(Result *result)
{
	free(result->nngp);
	free(result->ntk);
}

static void check_values(const EntkNet *net, double w, const EntkSamples *x, const EntkSamples *z, const Result *result)
{
	double left[64], right[64], tolerance = x->precision == 32 ? 1e-5 : 1e-13;
	for (size_t i = 0; i < result->rows; i++)
		for (size_t j = 0; j < result->columns; j++) {
			double nngp, ntk;
			/* Without z the sample of smaller index is the left one, below the diagonal too. */
			size_t a = !z && j < i ? j : i, b = !z && j < i ? i : j;
			for (size_t c = 0; c < x->size; c++) {
				left[c] = value(x, a * x->size + c);
				right[c] = value(z ? z : x, b * x->size + c);
			}
			fake_kernel(net, w, left, right, &nngp, &ntk);
			if (!(fabs(result->nngp[i * result->columns + j] - nngp) <= tolerance) ||
			    !(fabs(result->ntk[i * result->columns + j] - ntk) <= tolerance))
				fail_msg("%s %zu %zu: %.17g %.17g, wanted %.17g %.17g", net->name, i, j,
					 result->nngp[i * result->columns + j], result->ntk[i * result->columns + j],
					 nngp, ntk);
		}
}

static void test_values(void **state)
{
	(void)state;
	for (unsigned precision = 32; precision <= 64; precision += 32)
		for (uint32_t n = 0; n < 3; n++) {
			const EntkNet *net = &fake_program(precision)->nets[n];
			EntkSamples x, z;
			EntkGramOptions options = {.threads = 2};
			EntkGramOptions set = {.threads = 1, .params = (double[]){1.5, 0}};
			random_samples(net, precision, FEW, &x);
			random_samples(net, precision, 2 * FEW, &z);
			Result self = run(precision, net, &x, NULL, &options),
			       cross = run(precision, net, &x, &z, &set);
			check_values(net, 1, &x, NULL, &self);
			check_values(net, 1.5, &x, &z, &cross);
			release(&self);
			release(&cross);
			entk_samples_destroy(&x);
			entk_samples_destroy(&z);
		}
}

static void same(const Result *a, const Result *b)
{
	assert_int_equal(a->rows, b->rows);
	assert_int_equal(a->columns, b->columns);
	assert_memory_equal(a->nngp, b->nngp, a->rows * a->columns * sizeof(double));
	assert_memory_equal(a->ntk, b->ntk, a->rows * a->columns * sizeof(double));
}

static void test_tiles_and_threads(void **state)
{
	(void)state;
	static const uint32_t tiles[][2] = {{0, 0},  {1, 1},  {3, 5},       {16, 24},
					    {5, 24}, {16, 1}, {1000, 1000}, {100, 48}};
	for (unsigned precision = 32; precision <= 64; precision += 32)
		for (uint32_t n = 0; n < 2; n++) {
			const EntkNet *net = &fake_program(precision)->nets[n];
			EntkSamples x, z;
			size_t count = net->dim == 0 ? MANY : 5 * FEW;
			random_samples(net, precision, count, &x);
			random_samples(net, precision, count + 11, &z);
			EntkGramOptions options = {.threads = 1};
			Result self = run(precision, net, &x, NULL, &options),
			       cross = run(precision, net, &x, &z, &options);
			for (size_t t = 0; t < sizeof tiles / sizeof tiles[0]; t++)
				for (unsigned threads = 1; threads <= 5; threads += 2) {
					EntkGramOptions other = {.threads = threads,
								 .tile_left = tiles[t][0],
								 .tile_right = tiles[t][1]};
					Result again = run(precision, net, &x, NULL, &other);
					same(&self, &again);
					release(&again);
					again = run(precision, net, &x, &z, &other);
					same(&cross, &again);
					release(&again);
				}
			release(&self);
			release(&cross);
			entk_samples_destroy(&x);
			entk_samples_destroy(&z);
		}
}

static void test_subset(void **state)
{
	(void)state;
	for (unsigned precision = 32; precision <= 64; precision += 32)
		for (uint32_t n = 0; n < 2; n++) {
			const EntkNet *net = &fake_program(precision)->nets[n];
			EntkSamples x, part;
			EntkError error;
			EntkGramOptions options = {.threads = 2};
			size_t indices[MANY], count = 0;
			random_samples(net, precision, MANY / 2, &x);
			for (size_t i = 1; i < MANY / 2; i += 1 + i % 3)
				indices[count++] = i;
			assert_int_equal(entk_samples_subset(&x, indices, count, &part, &error), ENTK_OK);
			Result whole = run(precision, net, &x, NULL, &options),
			       few = run(precision, net, &part, NULL, &options);
			Result rows = run(precision, net, &part, &x, &options);
			for (size_t i = 0; i < count; i++)
				for (size_t j = 0; j < count; j++) {
					assert_memory_equal(&few.nngp[i * count + j],
							    &whole.nngp[indices[i] * x.count + indices[j]],
							    sizeof(double));
					assert_memory_equal(&few.ntk[i * count + j],
							    &whole.ntk[indices[i] * x.count + indices[j]],
							    sizeof(double));
					if (j >= i)
						assert_memory_equal(&few.ntk[i * count + j],
								    &rows.ntk[i * x.count + indices[j]],
								    sizeof(double));
				}
			release(&whole);
			release(&few);
			release(&rows);
			entk_samples_destroy(&x);
			entk_samples_destroy(&part);
		}
}

/* One kernel alone, and the diagonal alone, have the bits of the whole. */
static void test_parts(void **state)
{
	(void)state;
	for (unsigned precision = 32; precision <= 64; precision += 32)
		for (uint32_t n = 0; n < 2; n++) {
			const EntkProgram *program = fake_program(precision);
			const EntkNet *net = &program->nets[n];
			EntkSamples x;
			EntkError error;
			EntkGramOptions options = {.threads = 2};
			random_samples(net, precision, 100, &x);
			Result whole = run(precision, net, &x, NULL, &options);
			double *alone = malloc(100 * 100 * sizeof *alone), nngp[100], ntk[100];
			assert_int_equal(entk_gram(program, net, &x, NULL, &options, alone, NULL, &error), ENTK_OK);
			assert_memory_equal(alone, whole.nngp, 100 * 100 * sizeof *alone);
			assert_int_equal(entk_gram(program, net, &x, NULL, &options, NULL, alone, &error), ENTK_OK);
			assert_memory_equal(alone, whole.ntk, 100 * 100 * sizeof *alone);
			assert_int_equal(entk_gram_diagonal(program, net, &x, &options, nngp, ntk, &error), ENTK_OK);
			for (size_t i = 0; i < 100; i++) {
				assert_memory_equal(&nngp[i], &whole.nngp[101 * i], sizeof *nngp);
				assert_memory_equal(&ntk[i], &whole.ntk[101 * i], sizeof *ntk);
			}
			assert_int_equal(entk_gram_diagonal(program, net, &x, &options, NULL, ntk, &error), ENTK_OK);
			assert_memory_equal(&ntk[99], &whole.ntk[101 * 99], sizeof *ntk);
			free(alone);
			release(&whole);
			entk_samples_destroy(&x);
		}
}

/* A kernel that is not finite is an error that names the kernel and the pair; of several pairs the first tile's counts. */
static void test_not_finite(void **state)
{
	(void)state;
	const EntkProgram *program = fake_program(64);
	EntkSamples x;
	EntkError error;
	double *out = malloc(20 * 20 * sizeof *out);
	EntkGramOptions options = {.threads = 2, .params = (double[]){1e200, 0}};
	random_samples(&program->nets[1], 64, 20, &x);
	assert_int_equal(entk_gram(program, &program->nets[1], &x, NULL, &options, out, NULL, &error), ENTK_NUMERICAL);
	assert_non_null(strstr(error.what, "NNGP of samples 0 and 0 is infinite"));
	options.params = NULL;
	((double *)x.values)[13 * x.size] = NAN;
	assert_int_equal(entk_gram(program, &program->nets[1], &x, NULL, &options, NULL, out, &error), ENTK_NUMERICAL);
	assert_non_null(strstr(error.what, "NTK of samples 0 and 13 is not a number"));
	free(out);
	entk_samples_destroy(&x);
}

static void test_cancelled(void **state)
{
	(void)state;
	const EntkProgram *program = fake_program(64);
	EntkSamples x;
	EntkError error;
	volatile int cancel = 1;
	double *out = malloc(20 * 20 * sizeof *out);
	EntkGramOptions options = {.threads = 2, .cancel = &cancel};
	random_samples(&program->nets[1], 64, 20, &x);
	assert_int_equal(entk_gram(program, &program->nets[1], &x, NULL, &options, out, NULL, &error),
			 ENTK_INTERRUPTED);
	assert_int_equal(entk_exit_status(error.status), 130);
	free(out);
	entk_samples_destroy(&x);
}

static void test_calibration(void **state)
{
	(void)state;
	const EntkProgram *program = fake_program(64);
	for (uint32_t n = 0; n < 2; n++) {
		EntkSamples x;
		EntkError error;
		double seconds = 0;
		EntkGramOptions options = {.threads = 2, .params = (double[]){1, 0.24}};
		random_samples(&program->nets[n], 64, 24, &x);
		assert_int_equal(entk_gram_calibrate(program, &program->nets[n], &x, &options, true, &seconds, &error),
				 ENTK_OK);
		/* A call for 24 pairs sleeps 0.24 seconds. */
		assert_true(seconds >= 0.01 && seconds < 0.1);
		entk_samples_destroy(&x);
	}
	EntkGramOptions options = {.threads = 2};
	assert_true(entk_gram_memory(program, &program->nets[0], 1000, 0, &options) >
		    2 * program->nets[0].workspace_bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),      cmocka_unit_test(test_tiles_and_threads),
		cmocka_unit_test(test_subset),      cmocka_unit_test(test_parts),
		cmocka_unit_test(test_not_finite),  cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_calibration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
