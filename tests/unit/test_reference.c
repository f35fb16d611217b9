/* The reference evaluator on small networks whose kernels are known otherwise: by hand, from golden feature maps, or
 * from what must hold. */
#include "reference/reference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "build_network.h"
#include "arrays/npz.h"

#define PI 3.14159265358979323846

static void near(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance * (fabs(want) > 1e-300 ? fabs(want) : 1)))
		fail_msg("got %.17g, want %.17g", got, want);
}

static void pair(const Network *network, const double *x, const double *z, double *nngp, double *ntk)
{
	assert_int_equal(reference_pair(network, NULL, x, z, x == z, nngp, ntk), REFERENCE_OK);
}

/* ---- by hand -------------------------------------------------------------------------------------------------- */

static void test_two_dense_layers(void **state)
{
	(void)state;
	Build b;
	build_start(&b);
	Node *first = build_dense(&b, build_vector(&b, 2), 1.3, 0.2);
	Network *network = build_network(&b, build_dense(&b, build_relu(&b, first), 1.1, 0.3));
	const double x[2] = {1, 2}, z[2] = {-2, 0.5};
	double a = 1.69 * 2.5 + 0.04, d = 1.69 * 2.125 + 0.04, c = 1.69 * -0.5 + 0.04;
	double angle = acos(c / sqrt(a * d));
	double value = sqrt(a * d) * (sin(angle) + (PI - angle) * cos(angle)) / (2 * PI),
	       slope = (PI - angle) / (2 * PI);
	double nngp, ntk;
	pair(network, x, z, &nngp, &ntk);
	near(nngp, 1.21 * value + 0.09, 1e-14);
	near(ntk, nngp + 1.21 * slope * c, 1e-14);
	pair(network, x, x, &nngp, &ntk); /* correlation one: half of everything */
	near(nngp, 1.21 * a / 2 + 0.09, 1e-15);
	near(ntk, nngp + 1.21 * a / 2, 1e-15);
	build_end(&b);
}

static void test_erf(void **state)
{
	(void)state;
	Build b;
	build_start(&b);
	Network *network = build_network(
		&b, build_dense(&b, build_erf(&b, build_dense(&b, build_vector(&b, 1), 1, 0), 1.2, 0.8, 0.3), 1, 0));
	const double x[1] = {2}, z[1] = {-1};
	double s = 2 * 0.64, a = 4, d = 1, c = -2;
	double value = 1.44 * 2 / PI * asin(s * c / sqrt((1 + s * a) * (1 + s * d))) + 0.09;
	double slope = 1.44 * 0.64 * 4 / PI / sqrt((1 + s * a) * (1 + s * d) - s * s * c * c);
	double nngp, ntk;
	pair(network, x, z, &nngp, &ntk);
	near(nngp, value, 1e-14);
	near(ntk, value + slope * c, 1e-14);
	build_end(&b);
}

/* A signal of 3, filter of 2: valid reads pairs of neighbours, same pads at the end, circular wraps there. */
static void test_paddings(void **state)
{
	(void)state;
	const double x[3] = {1, 2, 4}, z[3] = {3, 5, -1};
	const double valid = (1 * 3 + 2 * 5) / 2.0 + (2 * 5 + 4 * -1) / 2.0, last = 4 * -1 / 2.0;
	const struct {
		Padding padding;
		double want;
	} cases[] = {{PADDING_VALID, valid / 2},
		     {PADDING_SAME, (valid + last) / 3},
		     {PADDING_CIRCULAR, (valid + last + 1 * 3 / 2.0) / 3}};
	for (size_t i = 0; i < 3; i++) {
		Build b;
		build_start(&b);
		Node *in = build_grid(&b, 1, (uint32_t[]){3}, 1);
		Network *network = build_network(
			&b, build_flatten(
				    &b, build_filter(&b, in, NULL, (Filter){.size = 2, .padding = cases[i].padding})));
		double nngp, ntk;
		pair(network, x, z, &nngp, &ntk);
		near(nngp, cases[i].want, 1e-15);
		near(ntk, cases[i].want, 1e-15);
		build_end(&b);
	}
}

/* A dilated filter is a longer one with holes. */
static void test_dilation(void **state)
{
	(void)state;
	static const Padding paddings[] = {PADDING_VALID, PADDING_SAME, PADDING_CIRCULAR};
	double x[49], z[49];
	fill_random(x, 49, 1);
	fill_random(z, 49, 2);
	for (size_t i = 0; i < 3; i++) {
		double nngp[2], ntk[2];
		for (int masked = 0; masked < 2; masked++) {
			Filter dilated = {.size = 2, .dilation = 3, .stride = 2, .padding = paddings[i]};
			Filter holes = {.size = 4, .stride = 2, .padding = paddings[i], .mask = "x..x........x..x"};
			Build b;
			build_start(&b);
			Node *lifted = build_filter(&b, build_image(&b, 7, 7, 1), "C4", masked ? holes : dilated);
			Network *network = build_network(&b, build_flatten(&b, build_relu(&b, lifted)));
			pair(network, x, z, &nngp[masked], &ntk[masked]);
			build_end(&b);
		}
		near(nngp[0], nngp[1], 1e-15);
		near(ntk[0], ntk[1], 1e-15);
	}
}

static void test_pools(void **state)
{
	(void)state;
	const double x[4] = {1, 2, 3, 4}, z[4] = {1, -1, 2, 5};
	const struct {
		bool mean, normalize;
		Padding padding;
		double want; /* (P x) . (P z) with windows of 3 and stride 2, over the number of outputs */
	} cases[] = {
		{true, false, PADDING_VALID, 2 * (2.0 / 3)},
		{false, false, PADDING_VALID, 6 * 2},
		{true, false, PADDING_SAME, (2 * (2.0 / 3) + 7.0 / 3 * (7.0 / 3)) / 2},
		{true, true, PADDING_SAME, (2 * (2.0 / 3) + 7.0 / 2 * (7.0 / 2)) / 2},
		{false, false, PADDING_CIRCULAR, (6 * 2.0 + 8 * 8.0) / 2},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		Build b;
		build_start(&b);
		Node *in = build_grid(&b, 1, (uint32_t[]){4}, 1);
		Node *pooled = build_window_pool(&b, in, 3, 2, cases[i].padding, cases[i].mean, cases[i].normalize);
		Network *network = build_network(&b, build_flatten(&b, pooled));
		double nngp, ntk;
		pair(network, x, z, &nngp, &ntk);
		near(nngp, cases[i].want, 1e-15);
		near(ntk, 0, 0);
		build_end(&b);
	}
}

static void test_sum_and_repeat(void **state)
{
	(void)state;
	double x[25], z[25], nngp[2], ntk[2];
	fill_random(x, 25, 3);
	fill_random(z, 25, 4);
	for (int unrolled = 0; unrolled < 2; unrolled++) {
		const Filter filter = {.size = 3, .padding = PADDING_SAME, .weight_std = 1.4, .bias_std = 0.1};
		Build b;
		build_start(&b);
		Node *at = build_filter(&b, build_image(&b, 5, 5, 1), NULL, filter);
		Node *hole = unrolled ? NULL : build_hole(&b, at);
		Node *from = unrolled ? at : hole;
		for (int i = 0; i < (unrolled ? 3 : 1); i++)
			from = build_sum(&b, build_filter(&b, build_relu(&b, from), NULL, filter), from);
		at = unrolled ? from : build_repeat(&b, at, hole, from, 3);
		Network *network = build_network(&b, build_pool(&b, build_erf(&b, at, 1, 1, 0), POOL_EVERYTHING, true));
		pair(network, x, z, &nngp[unrolled], &ntk[unrolled]);
		build_end(&b);
	}
	assert_memory_equal(&nngp[0], &nngp[1], sizeof nngp[0]);
	assert_memory_equal(&ntk[0], &ntk[1], sizeof ntk[0]);
}

/* ---- symmetry ------------------------------------------------------------------------------------------------- */

/* 5x5 image turned by A = rot90, which takes (i, j) to (j, -i): out(i, j) = x(-j, i). */
static void turn(const double *x, double *out)
{
	for (int i = 0; i < 5; i++)
		for (int j = 0; j < 5; j++)
			out[5 * i + j] = x[5 * (4 - j) + i];
}

static Node *lifted_net(Build *b, Node *in)
{
	const Filter cells = {.size = 3, .padding = PADDING_SAME, .mask = ".x..xx...", .bias_std = 0.2};
	Node *lift = build_relu(b, build_filter(b, in, "C4", cells));
	const Filter taps = {
		.size = 3, .padding = PADDING_CIRCULAR, .mask = ".x..x.........x...............x..", .elements = 3};
	return build_relu(b, build_filter(b, lift, NULL, taps));
}

static void test_invariance(void **state)
{
	(void)state;
	double x[25], z[25], turned[25], nngp[2], ntk[2];
	fill_random(x, 25, 5);
	fill_random(z, 25, 6);
	turn(z, turned);
	Build b;
	build_start(&b);
	Node *net = lifted_net(&b, build_image(&b, 5, 5, 1));
	Network *pooled = build_network(&b, build_pool(&b, net, POOL_EVERYTHING, true));
	pair(pooled, x, z, &nngp[0], &ntk[0]);
	pair(pooled, x, turned, &nngp[1], &ntk[1]);
	near(nngp[1], nngp[0], 1e-14);
	near(ntk[1], ntk[0], 1e-14);
	Network *flat = build_network(&b, build_flatten(&b, net));
	pair(flat, x, z, &nngp[0], &ntk[0]);
	pair(flat, x, turned, &nngp[1], &ntk[1]);
	assert_true(fabs(nngp[1] - nngp[0]) > 1e-4); /* the difference is there to be seen */
	build_end(&b);
}

/* Pools over positions and elements, one after the other, in both orders, are the pool over everything. */
static void test_partial_pools(void **state)
{
	(void)state;
	static const PoolOver orders[3][2] = {
		{POOL_EVERYTHING}, {POOL_POSITIONS, POOL_EVERYTHING}, {POOL_ELEMENTS, POOL_EVERYTHING}};
	double x[25], z[25], nngp[3], ntk[3];
	fill_random(x, 25, 7);
	fill_random(z, 25, 8);
	for (int sum = 0; sum < 2; sum++) {
		for (int i = 0; i < 3; i++) {
			Build b;
			build_start(&b);
			Node *at = build_pool(&b, lifted_net(&b, build_image(&b, 5, 5, 1)), orders[i][0], sum == 0);
			if (i > 0)
				at = build_pool(&b, at, orders[i][1], sum == 0);
			pair(build_network(&b, at), x, z, &nngp[i], &ntk[i]);
			build_end(&b);
			near(nngp[i], nngp[0], 1e-14);
			near(ntk[i], ntk[0], 1e-14);
		}
	}
}

static void test_augmentation(void **state)
{
	(void)state;
	double x[4][25], z[4][25], nngp, ntk, nngp_mean = 0, ntk_mean = 0;
	fill_random(x[0], 25, 9);
	fill_random(z[0], 25, 10);
	for (int i = 1; i < 4; i++) {
		turn(x[i - 1], x[i]);
		turn(z[i - 1], z[i]);
	}
	Build b;
	build_start(&b);
	const Filter filter = {.size = 2, .stride = 2, .padding = PADDING_SAME, .bias_std = 0.1};
	Node *net = build_pool(&b, build_relu(&b, build_filter(&b, build_image(&b, 5, 5, 1), NULL, filter)),
			       POOL_EVERYTHING, true);
	Network *inner = build_network(&b, net);
	for (int i = 0; i < 4; i++) {
		for (int j = 0; j < 4; j++) {
			pair(inner, x[i], z[j], &nngp, &ntk);
			nngp_mean += nngp / 16;
			ntk_mean += ntk / 16;
		}
	}
	Network *outer = build_network(&b, build_augment(&b, net, "C4"));
	pair(outer, x[0], z[0], &nngp, &ntk);
	near(nngp, nngp_mean, 1e-14);
	near(ntk, ntk_mean, 1e-14);
	build_end(&b);
}

/* ---- limits --------------------------------------------------------------------------------------------------- */

static void test_black_and_scaled_images(void **state)
{
	(void)state;
	static double black[25];
	double x[25], twice[25], nngp, ntk, self, self_ntk;
	fill_random(x, 25, 11);
	for (int i = 0; i < 25; i++)
		twice[i] = 2 * x[i];
	memset(x, 0, 10 * sizeof *x); /* and a black part */
	memset(twice, 0, 10 * sizeof *twice);
	Build b;
	build_start(&b);
	const Filter filter = {.size = 3, .padding = PADDING_SAME};
	Node *at = build_relu(&b, build_filter(&b, build_image(&b, 5, 5, 1), "C4", filter));
	at = build_relu(&b, build_filter(&b, at, NULL, filter));
	Network *network = build_network(&b, build_dense(&b, build_pool(&b, at, POOL_EVERYTHING, true), 1, 0));
	pair(network, black, black, &nngp, &ntk);
	near(nngp, 0, 0);
	near(ntk, 0, 0);
	pair(network, x, black, &nngp, &ntk);
	near(nngp, 0, 0);
	near(ntk, 0, 0);
	pair(network, x, x, &self, &self_ntk);
	pair(network, x, twice, &nngp, &ntk); /* all layers are homogeneous */
	near(nngp, 2 * self, 1e-12);
	near(ntk, 2 * self_ntk, 1e-7); /* correlation one that is one only up to rounding */
	build_end(&b);
}

/* Halved at each of 900 layers: the variances stay numbers, the products of two of them would not. */
static void test_deep(void **state)
{
	(void)state;
	const double x[2] = {1, 2}, z[2] = {2, -1};
	double correlation = 0, c0 = 0, nngp, ntk, xx, zz;
	Build b;
	build_start(&b);
	Node *at = build_dense(&b, build_vector(&b, 2), 1, 0), *hole = build_hole(&b, at);
	Network *network =
		build_network(&b, build_repeat(&b, at, hole, build_dense(&b, build_relu(&b, hole), 1, 0), 900));
	pair(network, x, z, &nngp, &ntk);
	pair(network, x, x, &xx, &ntk);
	pair(network, z, z, &zz, &ntk);
	for (int i = 0; i < 900; i++) { /* the same in terms of the correlation, which knows no scale */
		double angle = acos(c0);
		c0 = fmin((sin(angle) + (PI - angle) * c0) / PI, 1);
	}
	correlation = nngp / sqrt(xx) / sqrt(zz);
	near(xx, 2.5 * pow(0.5, 900), 1e-12);
	near(correlation, c0, 1e-9);
	assert_true(correlation < 1 - 1e-6);
	build_end(&b);
}

/* ---- golden maps ---------------------------------------------------------------------------------------------- */

static void read_array(EntkNpz *npz, const char *key, EntkArray *array)
{
	EntkError error;
	if (entk_npz_read(npz, key, array, &error) != ENTK_OK || array->type != ENTK_F64)
		fail_msg("cannot read %s", key);
}

static void compare_maps(const Network *network, const Node *node, const EntkArray *x, const EntkArray *z,
			 const double *nngp, const double *ntk)
{
	size_t sample = 4 * 4 * 2;
	double scale[2] = {0}, difference[2] = {0};
	for (size_t i = 0; i < x->shape[0]; i++) {
		for (size_t j = 0; j < z->shape[0]; j++) {
			const double *xi = (const double *)x->data + i * sample,
				     *zj = (const double *)z->data + j * sample;
			double *k, *theta;
			uint64_t rows;
			assert_int_equal(reference_map(network, node, NULL, xi, zj, xi == zj, &k, &theta, &rows),
					 REFERENCE_OK);
			assert_int_equal(rows, 16);
			for (size_t e = 0; e < 256; e++) {
				size_t at = (i * z->shape[0] + j) * 256 + e;
				scale[0] = fmax(scale[0], fabs(nngp[at]));
				scale[1] = fmax(scale[1], fabs(ntk[at]));
				difference[0] = fmax(difference[0], fabs(nngp[at] - k[e]));
				difference[1] = fmax(difference[1], fabs(ntk[at] - theta[e]));
			}
			free(k);
			free(theta);
		}
	}
	assert_true(difference[0] <= 1e-11 * scale[0]);
	assert_true(difference[1] <= 1e-9 * scale[1]);
}

/* ENTK_SHARED/golden/c4_maps_before_pooling.npz: lift C4 3x3 same, relu, group conv 3x3 valid, erf on 4x4x2. */
static void test_golden_maps(void **state)
{
	(void)state;
	const char *shared = getenv("ENTK_SHARED");
	char path[4096];
	EntkNpz *npz;
	EntkError error;
	snprintf(path, sizeof path, "%s/golden/c4_maps_before_pooling.npz", shared != NULL ? shared : "../shared");
	if (entk_npz_open(path, &npz, &error) != ENTK_OK) {
		print_message("skipped: no golden values at %s (ENTK_SHARED)\n", path);
		skip();
	}
	Build b;
	build_start(&b);
	Filter lift = {.size = 3, .padding = PADDING_SAME, .weight_std = 1.3, .bias_std = 0.2};
	Filter conv = {.size = 3, .padding = PADDING_VALID, .weight_std = 1.2, .bias_std = 0.15};
	Node *at = build_relu(&b, build_filter(&b, build_image(&b, 4, 4, 2), "C4", lift));
	at = build_erf(&b, build_filter(&b, at, NULL, conv), 1, 1, 0);
	Network *network = build_network(&b, at);
	EntkArray x1, x2, arrays[4];
	static const char *const keys[4] = {"nngp", "ntk", "nngp11", "ntk11"};
	read_array(npz, "x1", &x1);
	read_array(npz, "x2", &x2);
	for (int i = 0; i < 4; i++)
		read_array(npz, keys[i], &arrays[i]);
	compare_maps(network, at, &x1, &x2, arrays[0].data, arrays[1].data);
	compare_maps(network, at, &x1, &x1, arrays[2].data, arrays[3].data);
	for (int i = 0; i < 4; i++)
		entk_array_destroy(&arrays[i]);
	entk_array_destroy(&x1);
	entk_array_destroy(&x2);
	entk_npz_close(npz);
	build_end(&b);
}

/* ---- failures ------------------------------------------------------------------------------------------------- */

static void test_no_memory(void **state)
{
	(void)state;
	static double x[1];
	Build b;
	build_start(&b);
	Network *network = build_network(
		&b, build_pool(&b, build_grid(&b, 2, (uint32_t[]){40000, 50000}, 1), POOL_EVERYTHING, true));
	double nngp, ntk;
	assert_int_equal(reference_pair(network, NULL, x, x, true, &nngp, &ntk), REFERENCE_NO_MEMORY);
	build_end(&b);
}

/* A map inside a repeat's body belongs to no single iteration. */
static void test_map_in_body(void **state)
{
	(void)state;
	static double x[2];
	double *k, *theta;
	uint64_t rows;
	Build b;
	build_start(&b);
	Node *at = build_dense(&b, build_vector(&b, 2), 1, 0), *hole = build_hole(&b, at),
	     *inside = build_relu(&b, hole);
	Network *network = build_network(&b, build_repeat(&b, at, hole, build_dense(&b, inside, 1, 0), 3));
	assert_int_equal(reference_map(network, inside, NULL, x, x, true, &k, &theta, &rows), REFERENCE_UNSUPPORTED);
	assert_null(k);
	build_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_dense_layers),
		cmocka_unit_test(test_erf),
		cmocka_unit_test(test_paddings),
		cmocka_unit_test(test_dilation),
		cmocka_unit_test(test_pools),
		cmocka_unit_test(test_sum_and_repeat),
		cmocka_unit_test(test_invariance),
		cmocka_unit_test(test_partial_pools),
		cmocka_unit_test(test_augmentation),
		cmocka_unit_test(test_black_and_scaled_images),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_golden_maps),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_map_in_body),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
