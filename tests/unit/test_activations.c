/* Nonlinearities of finite networks: the slope is the derivative of the value, and the two belong to the kernel's dual, by
 * Gauss-Hermite quadrature. (test_cg_duals.c has the emitted duals, kinks and extreme variances.) */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "finite/activations/activation.h"
#include "reference/duals/dual.h"

typedef struct Case {
	NonlinearityId id;
	bool smooth; /* at 0: Gauss-Hermite quadrature converges */
	uint32_t count;
	double args[6];
} Case;

static const Case cases[] = {
	{NONLINEARITY_abrelu, false, 2, {0, 1}},
	{NONLINEARITY_abrelu, false, 2, {0.7, -1.3}},
	{NONLINEARITY_abrelu, true, 2, {1.2, 1.2}},
	{NONLINEARITY_erf, true, 3, {1.3, 0.8, 0.2}},
	{NONLINEARITY_gelu, true, 0, {0}},
	{NONLINEARITY_sin, true, 3, {1.4, -0.9, 0.3}},
	{NONLINEARITY_sign, false, 0, {0}},
	{NONLINEARITY_exp, true, 2, {0.7, -0.6}},
	{NONLINEARITY_gaussian, true, 2, {1.1, -0.7}},
	{NONLINEARITY_gaussian, true, 2, {0.9, 0.1}},
	{NONLINEARITY_gabor, true, 0, {0}},
	{NONLINEARITY_hermite, true, 1, {0}},
	{NONLINEARITY_hermite, true, 1, {3}},
	{NONLINEARITY_hermite, true, 1, {8}},
	{NONLINEARITY_polynomial, true, 6, {0.3, -1, 0, 0.5, 0.1, -0.2}},
	{NONLINEARITY_rectified_monomial, false, 1, {0}},
	{NONLINEARITY_rectified_monomial, false, 1, {1}},
	{NONLINEARITY_rectified_monomial, false, 1, {4}},
};
enum { CASES = sizeof cases / sizeof *cases };

static const Activation *face(const Case *c)
{
	return finite_activations[c->id];
}

static double value(const Case *c, double u)
{
	return face(c)->value(c->args, c->count, u);
}

static double slope(const Case *c, double u)
{
	return face(c)->slope(c->args, c->count, u);
}

/* A row has both functions or, as a kernel that no function has, neither. */
static void test_every_row(void **state)
{
	(void)state;
	for (int id = 0; id < NONLINEARITY_COUNT; id++) {
		bool listed = false;
		for (int i = 0; i < CASES; i++)
			listed = listed || (int)cases[i].id == id;
		if (listed != (finite_activations[id]->value != NULL) || listed != (finite_activations[id]->slope != NULL))
			fail_msg("%s: a case here, or no functions there", nonlinearities[id].name);
	}
}

/* Central differences with steps h and h/2, extrapolated, are off by h^4 of a derivative of fifth order, and by rounding over h. */
static void test_slopes(void **state)
{
	(void)state;
	const double h = 1e-3;
	for (int i = 0; i < CASES; i++)
		for (double u = -3.02; u < 3; u += 0.17) {
			const Case *c = &cases[i];
			double wide = (value(c, u + h) - value(c, u - h)) / (2 * h);
			double narrow = (value(c, u + h / 2) - value(c, u - h / 2)) / h;
			double want = (4 * narrow - wide) / 3, scale = 1 + fabs(value(c, u)) + fabs(want);
			if (!(fabs(slope(c, u) - want) <= 1e-9 * scale))
				fail_msg("%s, case %d, at %g: slope %.15g, differences give %.15g", nonlinearities[c->id].name,
					 i, u, slope(c, u), want);
		}
}

/* Nodes and weights of E[f(z)], z standard normal: roots of the normalized Hermite polynomial, by Newton's method between the
 * roots of the one before. */
enum { NODES = 128 };

static double hermite(int n, double x, double *before)
{
	double h = 1, last = 0;
	for (int i = 1; i <= n; i++) {
		double next = (x * h - sqrt(i - 1.0) * last) / sqrt(i);
		last = h;
		h = next;
	}
	*before = last;
	return h;
}

static void gauss_hermite(double *node, double *weight)
{
	double roots[NODES + 1] = {0}, before;
	for (int n = 1; n <= NODES; n++) {
		double next[NODES + 1];
		for (int i = 0; i < n; i++) { /* the roots of two degrees alternate; all lie within 2 sqrt(n) */
			double low = i == 0 ? -2 * sqrt(n) - 1 : roots[i - 1], high = i == n - 1 ? 2 * sqrt(n) + 1 : roots[i];
			bool rises = hermite(n, high, &before) > hermite(n, low, &before);
			for (int step = 0; step < 100; step++) {
				double middle = (low + high) / 2;
				if ((hermite(n, middle, &before) > 0) == rises)
					high = middle;
				else
					low = middle;
			}
			next[i] = (low + high) / 2;
		}
		for (int i = 0; i < n; i++)
			roots[i] = next[i];
	}
	for (int i = 0; i < NODES; i++) {
		hermite(NODES, roots[i], &before);
		node[i] = roots[i];
		weight[i] = 1 / (NODES * before * before);
	}
}

/* With 128 nodes the slowest of these, that of `gabor`, has converged to 1e-11. */
static void test_means(void **state)
{
	(void)state;
	double node[NODES], weight[NODES];
	gauss_hermite(node, weight);
	static const double covariances[][3] = {{1, 1, 0.6}, {1, 1, -0.9}, {0.5, 0.8, 0.3}, {0.4, 0.9, 0.6}};
	for (int i = 0; i < CASES; i++)
		for (size_t k = 0; k < sizeof covariances / sizeof *covariances; k++) {
			const Case *n = &cases[i];
			double a = covariances[k][0], b = covariances[k][1], c = covariances[k][2];
			if (!n->smooth || (n->id == NONLINEARITY_hermite && (a != 1 || b != 1))) /* [KR-57] */
				continue;
			double t = 0, tdot = 0;
			for (int x = 0; x < NODES; x++)
				for (int y = 0; y < NODES; y++) {
					double u = sqrt(a) * node[x], v = c / sqrt(a) * node[x] + sqrt(b - c * c / a) * node[y];
					t += weight[x] * weight[y] * value(n, u) * value(n, v);
					tdot += weight[x] * weight[y] * slope(n, u) * slope(n, v);
				}
			Dual want = reference_duals[n->id](n->args, n->count, a, b, c);
			if (!(fabs(t - want.value) <= 1e-11 * (1 + fabs(want.value)) &&
			      fabs(tdot - want.slope) <= 1e-11 * (1 + fabs(want.slope))))
				fail_msg("%s, case %d: E[phi phi'] = %.15g, E[slopes] = %.15g; the dual has %.15g, %.15g",
					 nonlinearities[n->id].name, i, t, tdot, want.value, want.slope);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_slopes),
		cmocka_unit_test(test_means),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
