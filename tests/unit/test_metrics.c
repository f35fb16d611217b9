/* Metrics, against values by hand and against their definitions by brute force. */
#include "regress/metrics.h"
#include "numerics/student.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void near(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance))
		fail_msg("got %.17g, want %.17g", got, want);
}

static double uniform(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(*seed >> 11) / 9007199254740992.0;
}

static void test_auc(void **state)
{
	enum { M = 57 };
	double scores[M], auc, won = 0, pairs = 0;
	bool positive[M];
	uint64_t seed = 3;
	EntkError error;
	(void)state;
	for (int i = 0; i < M; i++) {
		scores[i] = floor(10 * uniform(&seed)); /* many ties */
		positive[i] = uniform(&seed) < 0.4;
	}
	for (int i = 0; i < M; i++)
		for (int j = 0; j < M; j++)
			if (positive[i] && !positive[j]) {
				won += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
				pairs++;
			}
	assert_int_equal(entk_metrics_auc(scores, 1, positive, M, &auc, &error), ENTK_OK);
	near(auc, won / pairs, 1e-15);
	for (int i = 0; i < M; i++)
		positive[i] = true;
	assert_int_equal(entk_metrics_auc(scores, 1, positive, M, &auc, &error), ENTK_OK);
	assert_true(isnan(auc));
}

static void test_classes(void **state)
{
	/* Six samples, three classes, one of which never occurs; predictions 0 0 1 1 0 2. */
	const double scores[18] = {0.6, -0.3, -0.3, 0.1, 0,   -0.1, -0.2, 0.4, -0.2,
				   0,   0.1,  -0.1, 0.2, 0.1, -0.3, -0.1, 0,   0.1};
	const size_t truth[6] = {0, 0, 0, 1, 1, 1};
	size_t confusion[9];
	EntkMetrics metrics;
	EntkError error;
	(void)state;
	assert_int_equal(entk_metrics_classes(scores, NULL, truth, 6, 3, &metrics, &error), ENTK_OK);
	near(metrics.accuracy, 3.0 / 6, 1e-15);
	near(metrics.balanced_accuracy, 0.5 * (2.0 / 3 + 1.0 / 3), 1e-15);
	/* Class 0: positives .6 .1 -.2, negatives 0 .2 -.1: (3 + 2 + 0) / 9. Class 1: positives .1 .1 0, negatives -.3 0 .4: (2 + 2 + 1.5) / 9. */
	near(metrics.auc, 0.5 * (5.0 / 9 + 5.5 / 9), 1e-15);
	double squares = 0;
	for (int i = 0; i < 18; i++)
		squares += pow(scores[i] - ((truth[i / 3] == (size_t)(i % 3)) - 1.0 / 3), 2);
	near(metrics.mse, squares / 18, 1e-15);
	assert_true(isnan(metrics.nll) && isnan(metrics.calibration_error) && isnan(metrics.r2));
	entk_metrics_confusion(scores, truth, 6, 3, confusion);
	const size_t want[9] = {2, 1, 0, 1, 1, 1, 0, 0, 0};
	for (int i = 0; i < 9; i++)
		assert_int_equal(confusion[i], want[i]);
}

static void test_calibration(void **state)
{
	/* Confidence 0.9 four times, right three times; 0.6 twice, right once. */
	const double p[12] = {0.9, 0.1, 0.9, 0.1, 0.1, 0.9, 0.9, 0.1, 0.6, 0.4, 0.4, 0.6};
	const size_t truth[6] = {0, 0, 1, 1, 0, 0};
	EntkMetrics metrics;
	EntkError error;
	(void)state;
	assert_int_equal(entk_metrics_classes(p, p, truth, 6, 2, &metrics, &error), ENTK_OK);
	near(metrics.calibration_error, (fabs(3.6 - 3) + fabs(1.2 - 1)) / 6, 1e-14);
	near(metrics.nll, -(3 * log(0.9) + log(0.1) + log(0.6) + log(0.4)) / 6, 1e-14);
}

static void test_labels(void **state)
{
	const double predictions[8] = {0.9, 0.2, 0.4, 0.7, 0.6, 0.1, 0.3, 0.45}, truth[8] = {1, 0, 1, 1, 0, 0, 0, 1};
	const double variances[4] = {0.04, 0.04, 0.25, 0.01};
	EntkMetrics metrics;
	EntkError error;
	(void)state;
	assert_int_equal(entk_metrics_labels(predictions, variances, truth, 4, 2, &metrics, &error), ENTK_OK);
	/* Label 0: truth 1 1 0 0, found 1 0 1 0. Label 1: truth 0 1 0 1, found 0 1 0 0. */
	near(metrics.accuracy, 5.0 / 8, 1e-15);
	near(metrics.balanced_accuracy, 0.5 * (0.5 * (0.5 + 0.5) + 0.5 * (0.5 + 1)), 1e-15);
	near(metrics.auc, 0.5 * (3.0 / 4 + 1), 1e-15);
	double nll = 0;
	for (int i = 0; i < 8; i++) {
		double z = (predictions[i] - 0.5) / sqrt(variances[i / 2]);
		nll -= log(0.5 * erfc(-(truth[i] > 0 ? z : -z) / sqrt(2)));
	}
	near(metrics.nll, nll / 8, 1e-14);
}

/* R2 compares with the mean of the targets: it says nothing where they are all equal, not even if their mean is rounded. */
static void test_equal_targets(void **state)
{
	const double predictions[3] = {0.1, 0.2, 0.3}, truth[3] = {0.1, 0.1, 0.1}, scale[1] = {1};
	EntkMetrics metrics;
	(void)state;
	entk_metrics_regression(predictions, NULL, scale, truth, 3, 1, &metrics);
	assert_true(isnan(metrics.r2));
	near(metrics.mae, 0.1, 1e-15);
}

static void test_regression(void **state)
{
	const double predictions[6] = {1, 10, 2, 20, 4, 20}, truth[6] = {1, 12, 3, 18, 5, 24},
		     variances[3] = {1, 2, 0.5}, scale[2] = {1, 3};
	EntkMetrics metrics;
	(void)state;
	entk_metrics_regression(predictions, variances, scale, truth, 3, 2, &metrics);
	near(metrics.mse, (0 + 1 + 1 + 4 + 4 + 16) / 6.0, 1e-15);
	near(metrics.mae, (0 + 1 + 1 + 2 + 2 + 4) / 6.0, 1e-15);
	near(metrics.r2, 0.5 * ((1 - 2.0 / 8) + (1 - 24.0 / 72)), 1e-15);
	double nll = 0;
	for (int i = 0; i < 6; i++) {
		double v = variances[i / 2] * scale[i % 2] * scale[i % 2], d = predictions[i] - truth[i];
		nll += 0.5 * (log(2 * acos(-1) * v) + d * d / v);
	}
	near(metrics.nll, nll / 6, 1e-14);
	assert_true(isnan(metrics.accuracy));
}

static void test_probabilities(void **state)
{
	/* Two classes: P = Phi(d / (sqrt(2) s)). */
	double mean[2] = {0.3, -0.2}, p[8];
	(void)state;
	entk_class_probabilities(mean, 2, 0.16, p);
	near(p[0], 0.5 * erfc(-0.5 / (sqrt(2) * 0.4) / sqrt(2)), 1e-12);
	near(p[0] + p[1], 1, 1e-15);
	/* Equal means: equal shares. */
	const double equal[8] = {0};
	entk_class_probabilities(equal, 8, 3, p);
	for (int c = 0; c < 8; c++)
		near(p[c], 0.125, 1e-12);
	/* Three classes by Monte Carlo: 4 standard errors of 400000 draws. */
	const double three[3] = {0.1, 0, -0.4};
	double won[3] = {0};
	uint64_t seed = 8;
	for (int i = 0; i < 400000; i++) {
		double draw[3];
		for (int c = 0; c < 3; c++)
			draw[c] = three[c] +
				  0.5 * sqrt(-2 * log(1 - uniform(&seed))) * cos(2 * acos(-1) * uniform(&seed));
		won[entk_argmax(draw, 3)] += 1.0 / 400000;
	}
	entk_class_probabilities(three, 3, 0.25, p);
	for (int c = 0; c < 3; c++)
		near(p[c], won[c], 0.0032);
	/* Far apart and without spread: certain, never NaN. */
	const double far[2] = {1000, -1000};
	entk_class_probabilities(far, 2, 1e-6, p);
	assert_true(p[0] == 1 && p[1] >= 0 && p[1] < 1e-300);
	entk_class_probabilities(far, 2, 0, p);
	assert_true(p[0] == 1 && p[1] == 0);
}

static void test_spread(void **state)
{
	const double values[5] = {0.5, 0.6, 0.55, 0.65, 0.7};
	double many[200];
	(void)state;
	EntkSpread s = entk_spread(values, 5);
	near(s.mean, 0.6, 1e-15);
	near(s.deviation, sqrt(0.025 / 4), 1e-15);
	near(s.half, 2.7764451 * s.deviation / sqrt(5), 1e-5);
	s = entk_spread(values, 1);
	assert_true(s.mean == 0.5 && isnan(s.deviation) && isnan(s.half));
	for (int i = 0; i < 200; i++)
		many[i] = i % 2;
	s = entk_spread(many, 200);
	near(s.half / s.error, 1.9719565, 1e-4); /* t with 199 degrees of freedom */
	s = entk_spread(many, 32);
	near(s.half / s.error, 2.0395134, 1e-6);
	/* Differences: no difference, a certain one, and one by a table of Student's t. */
	const double none[3] = {0, 0, 0}, equal[3] = {0.5, 0.5, 0.5}, pairs[4] = {1, 2, 3, 2};
	near(entk_spread(none, 3).p, 1, 0);
	near(entk_spread(equal, 3).p, 0, 0);
	s = entk_spread(pairs, 4);
	near(s.p, entk_student_tail(2 / s.error, 3), 1e-15);
	near(s.p, 0.0163, 5e-5); /* t = 4.899 with 3 degrees of freedom */
	assert_true(isnan(entk_spread(pairs, 1).p));
	/* Test samples are a draw too. 97 of 100 right with every training set: the binomial's interval. */
	const double right[3] = {0.97, 0.97, 0.97};
	s = entk_spread_tested(right, 3, sqrt(0.97 * 0.03 / 99), 100);
	near(s.half, 1.98421695 * sqrt(0.97 * 0.03 / 99), 1e-8);
	near(s.half, 0.034, 5e-4);
	near(entk_spread_tested(right, 1, 0.017, 100).half, 1.98421695 * 0.017, 1e-8);
	assert_true(isnan(entk_spread_tested(right, 1, 0.017, 1).half));
	/* Equal shares of 3 and 12 degrees of freedom: 4 / (1/3 + 1/12) = 9.6 degrees. */
	s = entk_spread_tested(pairs, 4, entk_spread(pairs, 4).error, 13);
	near(s.error, sqrt(2) * entk_spread(pairs, 4).error, 1e-15);
	near(s.half / s.error, entk_student_quantile(0.95, 9.6), 1e-12);
}

static void test_student(void **state)
{
	/* Two-sided 5 % points of the printed tables, and closed forms: 1 - 2 atan(t) / pi for one degree, and
	 * 1 - t / sqrt(2 + t^2) for two. */
	const struct {
		size_t degrees;
		double t;
	} table[] = {{1, 12.7062}, {2, 4.3027},  {3, 3.1824},  {4, 2.7764},
		     {9, 2.2622},  {10, 2.2281}, {30, 2.0423}, {100, 1.9840}};
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		near(entk_student_quantile(0.95, (double)table[i].degrees), table[i].t, 5e-5);
		near(entk_student_tail(table[i].t, (double)table[i].degrees), 0.05, 1e-5);
	}
	for (double t = 0; t < 5; t += 0.37) {
		near(entk_student_tail(t, 1), 1 - 2 / acos(-1) * atan(t), 1e-14);
		near(entk_student_tail(-t, 2), 1 - t / sqrt(2 + t * t), 1e-14);
	}
}

/* Half of the samples inside their intervals; widths in the targets' units. */
static void test_intervals(void **state)
{
	const double predictions[4] = {0, 0, 0, 0}, truth[4] = {1.9, -1.9, 2.1, -40}, variances[4] = {1, 1, 1, 1},
		     scale[1] = {1};
	const double wide[1] = {2};
	EntkMetrics metrics;
	(void)state;
	entk_metrics_regression(predictions, variances, scale, truth, 4, 1, &metrics);
	near(metrics.coverage, 0.5, 0);
	near(metrics.interval_width, 2 * 1.959964, 1e-6);
	entk_metrics_regression(predictions, variances, wide, truth, 4, 1, &metrics);
	near(metrics.coverage, 0.75, 0);
	near(metrics.interval_width, 4 * 1.959964, 1e-6);
	entk_metrics_regression(predictions, NULL, scale, truth, 4, 1, &metrics);
	assert_true(isnan(metrics.coverage) && isnan(metrics.interval_width));
	near(entk_label_probability(0.5, 4), 0.5, 1e-15);
	near(entk_label_probability(0.5 + 1.644854 * 3, 9), 0.95, 1e-6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_auc),           cmocka_unit_test(test_classes),
		cmocka_unit_test(test_calibration),   cmocka_unit_test(test_labels),
		cmocka_unit_test(test_regression),    cmocka_unit_test(test_equal_targets),
		cmocka_unit_test(test_probabilities), cmocka_unit_test(test_spread),
		cmocka_unit_test(test_student),       cmocka_unit_test(test_intervals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
