/* The symmetry proof on networks made by hand: centres through repeats and branches, what counts as broken where, and
 * invariance compared with the kernels themselves. */
#include "analysis/symmetry.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "build_network.h"
#include "reference/reference.h"

static const Filter same3 = {.size = 3, .padding = PADDING_SAME};
static const Filter circular2 = {.size = 2, .padding = PADDING_CIRCULAR};
static const Filter circular3 = {.size = 3, .padding = PADDING_CIRCULAR};
static const Filter plain1 = {.size = 1, .padding = PADDING_SAME};

static Symmetry finish(Build *b, Node *output, SymmetryVerdict verdict, bool invariant)
{
	Symmetry s = symmetry_analyse(b->arena, build_network(b, output));
	assert_string_equal(symmetry_verdict_text(s.verdict), symmetry_verdict_text(verdict));
	assert_int_equal(s.invariant, invariant);
	assert_int_equal(s.stops_at == NULL, verdict == SYMMETRY_IMAGE_AVERAGE || verdict == SYMMETRY_NONE);
	assert_int_equal(s.broken_at == NULL, invariant);
	assert_int_equal(s.remedy == NULL, invariant);
	return s;
}

static Node *pool(Build *b, Node *in)
{
	return build_pool(b, in, POOL_EVERYTHING, true);
}

/* lift, relu, `body`^count, relu, pool with a body that displaces the centre by one at a time. */
static Symmetry displaced(Build *b, uint32_t n, uint32_t count, Filter last)
{
	build_start(b);
	Node *lift = build_filter(b, build_image(b, n, n, 1), "C4", circular3);
	Node *hole = build_hole(b, lift);
	Node *body = build_filter(b, build_relu(b, hole), NULL, circular2);
	Node *at = build_repeat(b, lift, hole, body, count);
	at = build_filter(b, build_relu(b, at), NULL, last);
	bool good = last.padding == PADDING_CIRCULAR || count % n == 0;
	return finish(b, pool(b, build_relu(b, at)), good ? SYMMETRY_IMAGE_AVERAGE : SYMMETRY_RELATIVE_INDEX, good);
}

static void test_repeat_displaces_the_centre(void **state)
{
	(void)state;
	Build b;
	for (uint32_t count = 1; count < 14; count++) {
		Symmetry s = displaced(&b, 6, count, same3); /* back in the middle after 6 and 12 */
		if (count % 6 != 0)
			assert_string_equal(s.reason, "centre displaced by an earlier circular layer");
		build_end(&b);
		displaced(&b, 6, count, circular3);
		build_end(&b);
	}
	displaced(&b, 1000003, 1000000, same3); /* no time spent on a million turns */
	build_end(&b);
}

/* A body that displaces the centre and needs it in the middle fails from its second turn on. */
static void test_repeat_fails_in_its_second_turn(void **state)
{
	(void)state;
	for (uint32_t count = 1; count < 4; count++) {
		Build b;
		build_start(&b);
		Node *lift = build_filter(&b, build_image(&b, 6, 6, 1), "C4", circular3);
		Node *hole = build_hole(&b, lift);
		Node *needs = build_filter(&b, build_relu(&b, hole), NULL, same3);
		Node *body = build_filter(&b, build_relu(&b, needs), NULL, circular2);
		Node *at = pool(&b, build_relu(&b, build_repeat(&b, lift, hole, body, count)));
		Symmetry s = finish(&b, at, count == 1 ? SYMMETRY_IMAGE_AVERAGE : SYMMETRY_RELATIVE_INDEX, count == 1);
		if (count > 1)
			assert_ptr_equal(s.broken_at, needs);
		build_end(&b);
	}
}

static void test_branches(void **state)
{
	(void)state;
	for (int equal = 0; equal < 2; equal++) {
		Build b;
		build_start(&b);
		Node *lift = build_relu(&b, build_filter(&b, build_image(&b, 6, 6, 1), "C4", circular3));
		Node *left = build_filter(&b, lift, NULL, circular2);
		Node *right = build_filter(&b, lift, NULL, equal ? circular2 : circular3);
		Node *sum = build_sum(&b, left, right);
		Symmetry s = finish(&b, pool(&b, build_relu(&b, sum)),
				    equal ? SYMMETRY_IMAGE_AVERAGE : SYMMETRY_RELATIVE_INDEX, equal);
		if (!equal)
			assert_ptr_equal(s.broken_at, sum);
		build_end(&b);
	}
}

enum { HEAD_POOL, HEAD_FLATTEN, HEAD_BARE_FLATTEN, HEAD_BARE_POOL, HEAD_MERGED_1X1, HEAD_MERGED_3X3, HEAD_COUNT };

static Node *head(Build *b, Node *in, int kind)
{
	Node *bare = kind == HEAD_BARE_FLATTEN || kind == HEAD_BARE_POOL ? build_pool(b, in, POOL_POSITIONS, true) : in;
	if (kind == HEAD_MERGED_1X1 || kind == HEAD_MERGED_3X3) {
		Node *merged = build_pool(b, in, POOL_ELEMENTS, true);
		bare = build_relu(b, build_filter(b, merged, NULL, kind == HEAD_MERGED_1X1 ? plain1 : same3));
	}
	return kind == HEAD_FLATTEN || kind == HEAD_BARE_FLATTEN ? build_flatten(b, bare) : pool(b, bare);
}

static void test_heads(void **state)
{
	(void)state;
	const Filter bad = {.size = 3, .stride = 2, .padding = PADDING_SAME};
	for (int broken = 0; broken < 2; broken++) {
		for (int kind = 0; kind < HEAD_COUNT; kind++) {
			bool flat = kind == HEAD_FLATTEN ||
				    kind == HEAD_BARE_FLATTEN; /* not invariant by design: no warning */
			bool average = !broken && (kind == HEAD_POOL || kind == HEAD_MERGED_1X1);
			Build b;
			build_start(&b);
			Node *net =
				build_relu(&b, build_filter(&b, build_image(&b, 8, 8, 1), "C4", broken ? bad : same3));
			finish(&b, head(&b, net, kind), average ? SYMMETRY_IMAGE_AVERAGE : SYMMETRY_RELATIVE_INDEX,
			       flat || (!broken && kind != HEAD_MERGED_3X3));
			build_end(&b);
		}
	}
}

static void test_plain_convolutions(void **state)
{
	(void)state;
	static const struct {
		const char *group, *mask;
		bool invariant;
	} cases[] = {
		{"C4", NULL, false},       {"C4", "....x....", true},  {"C1", NULL, true},
		{"D1", ".x..x..x.", true}, {"D1", "...xxx...", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		Build b;
		build_start(&b);
		Filter first = same3;
		first.mask = cases[i].mask;
		Node *conv = build_filter(&b, build_image(&b, 5, 5, 1), NULL, first);
		Node *lift = build_relu(&b, build_filter(&b, build_relu(&b, conv), cases[i].group, same3));
		Symmetry s = finish(&b, pool(&b, lift),
				    cases[i].invariant ? SYMMETRY_IMAGE_AVERAGE : SYMMETRY_RELATIVE_INDEX,
				    cases[i].invariant);
		if (!cases[i].invariant)
			assert_string_equal(s.reason, "plain convolution before the lift");
		build_end(&b);
	}
	Build b;
	build_start(&b);
	Node *in = build_image(&b, 5, 5, 1);
	finish(&b, pool(&b, build_relu(&b, build_filter(&b, in, NULL, same3))), SYMMETRY_NONE, true);
	build_end(&b);
}

static void test_two_groups(void **state)
{
	(void)state;
	for (int broken = 0; broken < 2; broken++) {
		const Filter bad = {.size = 3, .stride = 2, .padding = PADDING_SAME};
		Build b;
		build_start(&b);
		Node *in = build_image(&b, 8, 8, 1);
		Node *c4 = pool(&b, build_relu(&b, build_filter(&b, in, "C4", same3)));
		Node *lift = build_filter(&b, in, "D1", broken ? bad : same3);
		Node *d1 = pool(&b, build_relu(&b, lift));
		Node *sum = build_sum(&b, build_dense(&b, c4, 1, 0), build_dense(&b, d1, 1, 0));
		Symmetry s = finish(&b, sum, SYMMETRY_RELATIVE_INDEX, !broken);
		if (broken) {
			assert_string_equal(s.group->name, "D1");
			assert_ptr_equal(s.broken_at, lift);
		}
		build_end(&b);
	}
}

static void test_supports(void **state)
{
	(void)state;
	static const struct {
		const char *mask;
		uint32_t elements;
		bool symmetric, left_invariant;
	} cases[] = {
		{NULL, 0, true, true},
		{".x.xxx.x.", 0, true, true},
		{".x.xx....", 0, false, false},
		{"xxxxxxxxx.........", 2, true, false},                   /* e alone */
		{".x............x..........x....x.....", 4, true, true},  /* {(r, rho(r) y)} */
		{".x..........x............x......x...", 4, true, false}, /* the same cells, turned the other way */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char mask[37];
		memset(mask, '.', sizeof mask);
		mask[36] = 0;
		Filter filter = {.size = 3, .padding = PADDING_SAME, .elements = cases[i].elements};
		if (cases[i].mask != NULL)
			memcpy(mask, cases[i].mask, strlen(cases[i].mask) > 36 ? 36 : strlen(cases[i].mask));
		filter.mask = cases[i].mask != NULL ? mask : NULL;
		Build b;
		build_start(&b);
		Node *lift = build_filter(&b, build_image(&b, 5, 5, 1), "C4", same3);
		Node *conv = build_filter(&b, build_relu(&b, lift), NULL, filter);
		assert_true(support_is_symmetric(lift));
		assert_int_equal(support_is_symmetric(conv), cases[i].symmetric);
		assert_int_equal(support_is_left_invariant(conv), cases[i].left_invariant);
		finish(&b, pool(&b, build_relu(&b, conv)),
		       cases[i].symmetric ? SYMMETRY_IMAGE_AVERAGE : SYMMETRY_GENERAL, true);
		build_end(&b);
	}
}

/* ---- against the kernels -------------------------------------------------------------------------------------- */

/* Largest relative change of the kernels when the second image is turned by rot90: out(i, j) = x(n - 1 - j, i). */
static double change(const Network *network, uint32_t n)
{
	double x[81], z[81], turned[81], k[2], theta[2], worst = 0;
	fill_random(x, 81, 1);
	fill_random(z, 81, 2);
	for (int turn = 0; turn < 3; turn++) {
		assert_int_equal(reference_pair(network, NULL, x, z, false, &k[0], &theta[0]), REFERENCE_OK);
		for (uint32_t i = 0; i < n; i++)
			for (uint32_t j = 0; j < n; j++)
				turned[n * i + j] = z[n * (n - 1 - j) + i];
		memcpy(z, turned, sizeof z);
		assert_int_equal(reference_pair(network, NULL, x, z, false, &k[1], &theta[1]), REFERENCE_OK);
		worst = fmax(worst, fabs(k[1] / k[0] - 1));
		worst = fmax(worst, fabs(theta[1] / theta[0] - 1));
	}
	return worst;
}

/* Rounding moves the NTK by more than its own size near correlation one; a broken symmetry by much more. */
#define UNCHANGED 1e-8

/* Every single window layer up to 4 cells, stride 3 and dilation 2 on 5 to 9 positions: proved invariant exactly where
 * the kernels are. */
static void test_proof_against_kernels(void **state)
{
	(void)state;
	uint32_t proved = 0, refuted = 0;
	for (uint32_t code = 0; code < 5 * 4 * 3 * 2 * 3 * 2; code++) {
		uint32_t n = 5 + code % 5, f = 1 + code / 5 % 4, s = 1 + code / 20 % 3, dilation = 1 + code / 60 % 2;
		Padding padding = (Padding)(code / 120 % 3);
		bool window_pool = code / 360 != 0;
		if (dilation * (f - 1) + 1 > n || (window_pool && dilation > 1))
			continue;
		Build b;
		build_start(&b);
		Filter filter = {.size = f, .stride = s, .dilation = dilation, .padding = padding, .bias_std = 0.3};
		Node *at = build_image(&b, n, n, 1);
		at = build_relu(&b, build_filter(&b, at, "C4", window_pool ? plain1 : filter));
		if (window_pool)
			at = build_window_pool(&b, at, f, s, padding, true, false);
		at = build_relu(&b, build_filter(&b, at, NULL, plain1));
		Network *network = build_network(&b, build_pool(&b, at, POOL_EVERYTHING, true));
		Symmetry symmetry = symmetry_analyse(b.arena, network);
		double difference = change(network, n);
		if (symmetry.invariant != (difference < UNCHANGED))
			fail_msg("n=%u f=%u s=%u dilation=%u padding=%d pool=%d: proved %d, change %g", n, f, s,
				 dilation, (int)padding, window_pool, symmetry.invariant, difference);
		proved += symmetry.invariant;
		refuted += !symmetry.invariant;
		build_end(&b);
	}
	print_message("%u proved, %u refuted\n", proved, refuted);
	assert_true(proved > 50 && refuted > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repeat_displaces_the_centre),
		cmocka_unit_test(test_repeat_fails_in_its_second_turn),
		cmocka_unit_test(test_branches),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_plain_convolutions),
		cmocka_unit_test(test_two_groups),
		cmocka_unit_test(test_supports),
		cmocka_unit_test(test_proof_against_kernels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
