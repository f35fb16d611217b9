/* Kernels on the sphere: coefficients of kernels that are known in closed form. */
#include "spectrum/zonal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MOST = 700 };

static const double pi = 3.14159265358979323846;

/* Arc-cosine kernels of order 0 and 1 at an angle, and what is made of them. */
static double order0(double angle)
{
	return 1 - angle / pi;
}

static double order1(double angle)
{
	return (sin(angle) + (pi - angle) * cos(angle)) / pi;
}

static double relu_ntk(double angle)
{
	return cos(angle) * order0(angle) + order1(angle);
}

/* The product of two relu layers, read out by a dense one. */
static double product_ntk(double angle)
{
	return order1(angle) * order1(angle) + 2 * cos(angle) * order0(angle) * order1(angle);
}

static void coefficients(double (*kernel)(double), size_t dimension, size_t degrees, double *lambda)
{
	double angles[MOST], weights[MOST], values[MOST];
	size_t count = 2 * degrees + 20;
	assert_true(count <= MOST);
	entk_zonal_nodes(count, angles, weights);
	for (size_t i = 0; i < count; i++)
		values[i] = kernel(angles[i]);
	entk_zonal_eigenvalues(dimension, values, angles, weights, count, degrees, lambda);
}

static void check(double (*kernel)(double), size_t dimension, const double *want, size_t count, double tolerance)
{
	double lambda[MOST];
	coefficients(kernel, dimension, count - 1, lambda);
	for (size_t k = 0; k < count; k++)
		if (!(fabs(lambda[k] - want[k]) <= tolerance))
			fail_msg("dimension %zu, degree %zu: got %.15g, want %.15g", dimension, k, lambda[k], want[k]);
}

static void test_nodes(void **state)
{
	double angles[MOST], weights[MOST];
	(void)state;
	for (size_t count = 1; count <= MOST; count = count * 3 + 1) {
		double length = 0, sine = 0;
		entk_zonal_nodes(count, angles, weights);
		for (size_t i = 0; i < count; i++) {
			assert_true(angles[i] > 0 && angles[i] < pi && weights[i] > 0 &&
				    (i == 0 || angles[i] > angles[i - 1]));
			length += weights[i];
			sine += weights[i] * sin(angles[i]);
		}
		assert_true(fabs(length - pi) < 1e-12);
		if (count >= 10)
			assert_true(fabs(sine - 2) < 1e-12);
	}
}

static void test_closed_forms(void **state)
{
	const double step[] = {1.0 / 2, 1.0 / 8, 0, 1.0 / 128, 0, 1.0 / 512, 0, 25.0 / 32768, 0};
	const double ntk[] = {1.0 / 2, 1.0 / 3, 5.0 / 64, 0, 1.0 / 192, 0, 23.0 / 16384, 0, 19.0 / 32768};
	const double exact[] = {1.0 / 2, 23.0 / 64};
	(void)state;
	/* With n = 2 degrees + 20 nodes: only rounding is left. */
	check(order0, 3, step, 9, 1e-14);
	check(relu_ntk, 3, ntk, 9, 1e-14);
	check(product_ntk, 3, exact, 2, 1e-14);
}

/* Values that are printed with ten digits. */
static void test_printed(void **state)
{
	const double product[] = {1.0 / 2,      23.0 / 64,    0.1697387398, 3.0 / 64,
				  0.0091166090, 57.0 / 16384, 0.0017481670, 167.0 / 163840};
	const double circle[] = {6 / (pi * pi), 1.0 / 2, 0.1576107301, 0, 0.0171120221, 0, 0.0064514713};
	const double circle_product[] = {0.7279726632, 0.6079271019, 0.3354897487, 0.1107778274, 0.0274411539};
	const double ten[] = {0.3680626657, 0.1, 0.0085724588, 0, 9.6540383e-05, 0, 6.2178552e-06};
	(void)state;
	check(product_ntk, 3, product, 8, 1e-10);
	check(relu_ntk, 2, circle, 7, 1e-10);
	check(product_ntk, 2, circle_product, 5, 1e-10);
	check(relu_ntk, 10, ten, 7, 1e-10);
}

static void test_multiplicities(void **state)
{
	const double ten[] = {1, 10, 54, 210, 660};
	(void)state;
	for (size_t k = 0; k < 5; k++)
		assert_true(entk_zonal_multiplicity(10, k) == ten[k]);
	for (size_t k = 0; k <= 300; k++) {
		assert_true(entk_zonal_multiplicity(3, k) == (double)(2 * k + 1));
		assert_true(entk_zonal_multiplicity(2, k) == (k ? 2 : 1));
	}
}

static void test_learning_curve(void **state)
{
	const double n[] = {20, 80, 320}, error[] = {0.850330, 0.069192, 0.002996},
		     kappa[] = {0.241786, 0.123675, 0.088249}, gamma[] = {0.425564, 0.242868, 0.156044};
	double lambda[301];
	(void)state;
	coefficients(relu_ntk, 3, 300, lambda);
	EntkZonal zonal = {3, 300, lambda, 2};
	for (int i = 0; i < 3; i++) {
		EntkZonalPoint p = entk_zonal_learning(&zonal, n[i], 0.05, 4, 0);
		assert_true(fabs(p.error - error[i]) < 1e-6 && fabs(p.kappa - kappa[i]) < 1e-6 &&
			    fabs(p.gamma - gamma[i]) < 1e-6);
		/* Noise alone: a target beyond all degrees is never learnt, and noise of variance v adds v gamma. */
		EntkZonalPoint noisy = entk_zonal_learning(&zonal, n[i], 0.05, 4, 0.5);
		assert_true(fabs(noisy.error - (p.error + 0.5 * p.gamma / (1 - p.gamma))) < 1e-12);
		EntkZonalPoint never = entk_zonal_learning(&zonal, n[i], 0.05, 5, 0);
		assert_true(never.error >= 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes),          cmocka_unit_test(test_closed_forms),
		cmocka_unit_test(test_printed),        cmocka_unit_test(test_multiplicities),
		cmocka_unit_test(test_learning_curve),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
