/* The statistics of `check` on made-up estimates whose law is known. */
#include "check/statistics.h"
#include "numerics/student.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "finite/internal.h"

enum { WIDTHS = 4, NETS = 40, PAIRS = 6 };

static const uint32_t widths[WIDTHS] = {16, 32, 64, 128};
static const double kernel[PAIRS] = {1, 0.5, -0.2, 2, 0.7, 1.5};
static const double resolution[PAIRS] = {1e-9, 1e-9, 1e-9, 1e-9, 1e-9, 1e-9};

/* Each network is off by a common and an own error of order width^-1/2, all by bias / width, and the kernel is
 * `wrong` times too large. */
static void draw(Random *random, double bias, double wrong, double *estimates)
{
	for (int w = 0; w < WIDTHS; w++)
		for (int m = 0; m < NETS; m++) {
			double common = random_normal(random);
			for (int p = 0; p < PAIRS; p++) {
				double noise = (common + 0.5 * random_normal(random)) / sqrt(widths[w]);
				estimates[(w * NETS + m) * PAIRS + p] =
					kernel[p] / wrong * (1 + noise + bias / widths[w]);
			}
		}
}

static EntkCheckResult evaluate(const double *estimates)
{
	EntkError error;
	EntkCheckResult result;
	EntkCheckData data = {WIDTHS, NETS, PAIRS, widths, estimates, kernel, resolution};
	assert_int_equal(entk_check_evaluate(&data, PAIRS, &result, &error), ENTK_OK);
	return result;
}

/* z-scores are standard normal, bias or not; false alarms are no more frequent than promised. */
static void test_right_kernels(void **state)
{
	(void)state;
	enum { RUNS = 1500 };
	static double estimates[WIDTHS * NETS * PAIRS];
	Random random = random_begin(1, 0, 0);
	double squares = 0, slopes = 0, slope_squares = 0, slope_errors = 0;
	int alarms = 0, at_five_percent = 0;
	for (int run = 0; run < RUNS; run++) {
		draw(&random, 2, 1, estimates);
		EntkCheckResult r = evaluate(estimates);
		for (int p = 0; p < PAIRS; p++)
			squares += r.z[p] * r.z[p] / (RUNS * PAIRS);
		slopes += r.slope / RUNS;
		slope_squares += r.slope * r.slope / RUNS;
		slope_errors += r.slope_error * r.slope_error / RUNS;
		alarms += !entk_check_means_good(&r) || !entk_check_slope_good(&r);
		at_five_percent += r.p < 0.05;
		entk_check_result_destroy(&r);
	}
	assert_true(fabs(squares - 1) < 0.12); /* correlated within a run; a little above one, as Student's t */
	assert_true(fabs(slopes + 0.5) < 0.05);
	assert_true(fabs(sqrt(slope_errors / (slope_squares - slopes * slopes)) - 1) < 0.25);
	assert_true(alarms <= 5); /* 1.5 expected at most */
	assert_true(at_five_percent > 5 &&
		    at_five_percent < 0.06 * RUNS); /* Bonferroni: fewer, as the pairs go together */
}

static void test_wrong_kernels(void **state)
{
	(void)state;
	static double estimates[WIDTHS * NETS * PAIRS];
	Random random = random_begin(2, 0, 0);
	draw(&random, 2, 1.25, estimates);
	EntkCheckResult r = evaluate(estimates);
	assert_false(entk_check_means_good(&r));
	assert_false(entk_check_slope_good(&r));
	entk_check_result_destroy(&r);
	draw(&random, 2, 1.1, estimates); /* hidden from the slope, not from the means */
	r = evaluate(estimates);
	assert_false(entk_check_means_good(&r));
	assert_true(r.slope > -0.5 && r.slope < -0.3);
	entk_check_result_destroy(&r);
}

/* Kernels that finite networks have exactly: rounding is no contradiction, anything above it is. */
static void test_exact_estimates(void **state)
{
	(void)state;
	static double estimates[WIDTHS * NETS * PAIRS];
	for (int i = 0; i < WIDTHS * NETS * PAIRS; i++)
		estimates[i] = kernel[i % PAIRS] * (1 + 1e-15);
	EntkCheckResult r = evaluate(estimates);
	assert_false(r.has_slope);
	assert_true(entk_check_means_good(&r) && entk_check_slope_good(&r));
	entk_check_result_destroy(&r);
	for (int i = 0; i < WIDTHS * NETS * PAIRS; i++)
		estimates[i] = kernel[i % PAIRS] * (1 + 1e-6);
	r = evaluate(estimates);
	assert_false(entk_check_means_good(&r));
	entk_check_result_destroy(&r);
}

static void test_student(void **state)
{
	(void)state;
	/* quantiles of Abramowitz and Stegun's table 26.10 */
	assert_true(fabs(entk_student_tail(2.228, 10) - 0.05) < 2e-5);
	assert_true(fabs(entk_student_tail(12.706, 1) - 0.05) < 2e-6);
	assert_true(fabs(entk_student_tail(3.460, 60) - 1e-3) < 2e-6);
	assert_true(fabs(entk_student_tail(0, 5) - 1) < 1e-12);
	assert_true(fabs(entk_student_tail(5, 1e8) / 5.733031e-7 - 1) < 1e-5); /* the normal distribution's */
	assert_true(entk_student_tail(INFINITY, 10) == 0);
	for (double t = 0.01; t < 30; t *= 1.3) /* one degree of freedom: Cauchy */
		assert_true(fabs(entk_student_tail(t, 1) - (1 - 2 * atan(t) / acos(-1))) < 1e-12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right_kernels),
		cmocka_unit_test(test_wrong_kernels),
		cmocka_unit_test(test_exact_estimates),
		cmocka_unit_test(test_student),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
