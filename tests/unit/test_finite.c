/* Finite networks: Jacobian products against finite differences, outputs that must not move with the input, channels
 * behind joins, and one and the same network wherever and whenever it is drawn. */
#include "finite/internal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "build_network.h"
#include "network/sema/sema.h"

typedef struct Fixture {
	Arena *arena;
	SourceSet sources;
	FinitePlan *plan;
	char *refusal;
} Fixture;

static void start(Fixture *f, const char *text)
{
	*f = (Fixture){.arena = arena_create()};
	f->sources.arena = f->arena;
	Diag *diag = diag_create(f->arena, &f->sources);
	uint32_t file = source_add(&f->sources, "test.entk", text, strlen(text));
	Program *program =
		sema_check(f->arena, &f->sources, diag, parse_file(f->arena, &f->sources, diag, file), NULL, 0);
	if (program == NULL)
		diag_print(diag, stderr, DIAG_LINE);
	assert_non_null(program);
	f->plan = finite_plan(f->arena, program->networks[0], &f->refusal);
}

static size_t input_size(const Fixture *f)
{
	const Type *type = &f->plan->network->input->type;
	return type_positions(type) * type->channels;
}

static void end(Fixture *f)
{
	arena_destroy(f->arena);
}

/* v . f of every sample */
static void outputs(FiniteNet *net, const double *x, const double *v, double *out)
{
	size_t last = net->plan->step_count - 1, count = net->channels[last];
	assert_int_equal(finite_net_forward(net, x), FINITE_OK);
	for (size_t i = 0; i < net->samples; i++) {
		out[i] = 0;
		for (size_t c = 0; c < count; c++)
			out[i] += v[c] * net->features[last][i * count + c];
	}
}

/* ---- Jacobian products ---------------------------------------------------------------------------------------- */

enum { SAMPLES = 3, MAX_VALUES = 4096 };

/* The NTK by central differences in every parameter, one after another. */
static void difference_ntk(FiniteNet *net, const double *x, const double *v, double *ntk)
{
	const double step = 1e-6;
	memset(ntk, 0, SAMPLES * SAMPLES * sizeof *ntk);
	for (size_t k = 0; k < net->parameter_count; k++) {
		double kept = net->parameters[k], up[SAMPLES], down[SAMPLES];
		net->parameters[k] = kept + step;
		outputs(net, x, v, up);
		net->parameters[k] = kept - step;
		outputs(net, x, v, down);
		net->parameters[k] = kept;
		for (int i = 0; i < SAMPLES; i++)
			for (int j = 0; j < SAMPLES; j++)
				ntk[i * SAMPLES + j] += (up[i] - down[i]) * (up[j] - down[j]) / (4 * step * step);
	}
}

static void compare_jacobians(const char *text, uint32_t width)
{
	Fixture f;
	FiniteNet net;
	Random random = random_begin(7, width, 0);
	double x[MAX_VALUES], v[MAX_VALUES], got[SAMPLES * SAMPLES], want[SAMPLES * SAMPLES], scale = 0,
											      ignored[SAMPLES];
	start(&f, text);
	assert_non_null(f.plan);
	assert_true(SAMPLES * input_size(&f) <= MAX_VALUES);
	fill_random(x, SAMPLES * input_size(&f), 3);
	assert_int_equal(finite_net_create(f.plan, NULL, width, SAMPLES, true, &net), FINITE_OK);
	assert_true(net.channels[f.plan->step_count - 1] <= MAX_VALUES);
	fill_random(v, net.channels[f.plan->step_count - 1], 5);
	finite_net_draw(&net, &random);
	difference_ntk(&net, x, v, want);
	outputs(&net, x, v, ignored);
	assert_int_equal(finite_net_ntk(&net, v, got), FINITE_OK);
	for (int i = 0; i < SAMPLES * SAMPLES; i++)
		scale = fmax(scale, fabs(want[i]));
	assert_true(scale > 0);
	for (int i = 0; i < SAMPLES * SAMPLES; i++)
		if (!(fabs(got[i] - want[i]) <= 1e-6 * scale))
			fail_msg("%s: NTK[%d] is %.12g, by differences %.12g", text, i, got[i], want[i]);
	finite_net_destroy(&net);
	end(&f);
}

/* Every kind of step, every domain, paddings, strides, supports, and weights that are drawn anew in a repeat. */
static void test_jacobians(void **state)
{
	(void)state;
	static const char *const nets[] = {
		"net n = vector(3) -> dense(weight_std = 1.3, bias_std = 0.4) -> erf(a = 1.2, b = 0.7, c = 0.3) -> "
		"dense(bias_std = 0.2)",
		"net n = image(5x4, channels = 2) -> conv(3x3, stride = 2, bias_std = 0.3) -> leaky_relu(0.3)"
		" -> avgpool(2x2, stride = 1, padding = same, normalize_edges = true) -> flatten -> dense",
		"net n = image(5x5) -> avgpool(2x2, stride = 1) -> lift(C4, 3x3, padding = circular, mask = \".xx .x. "
		"...\", bias_std = 0.2)"
		" -> erf -> conv(3x3, elements = [0, 1], stride = 2) -> abs -> pool(over = positions) -> conv(elements "
		"= [0, 3])"
		" -> relu -> sum_pool -> dense",
		"net n = image(4x4) -> lift(D4, 2x2, padding = valid) -> abrelu(0.2, 1.1) -> pool(over = elements)"
		" -> conv(2x2, padding = circular) -> erf -> pool -> dense(bias_std = 0.5)",
		"net n = signal(6) -> conv(3, padding = circular) -> (relu -> conv(3, dilation = 2, bias_std = 0.1) + "
		"identity)^3"
		" -> relu -> sumpool(2) -> flatten -> (dense + dense -> erf -> dense)",
		"net n = augment(C4, image(3x3, channels = 2) -> conv(2x2) -> relu -> flatten -> dense) -> relu -> "
		"dense",
		"net n = augment(D1, augment(C4, image(3x3) -> conv(2x2) -> relu -> flatten -> dense)) -> erf -> dense",
		"net n = volume(2x3x2) -> lift(Oh, 1x1x1) -> relu -> flatten -> dense",
	};
	for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
		for (uint32_t width = 1; width <= 3; width += 2)
			compare_jacobians(nets[i], width);
}

/* ---- invariance ------------------------------------------------------------------------------------------------ */

/* Outputs of one network on x and on all its turned copies agree; those of the plain net do not. */
static double largest_change(const char *text, const char *group_name)
{
	Fixture f;
	FiniteNet net;
	Random random = random_begin(11, 5, 0);
	start(&f, text);
	const Type *type = &f.plan->network->input->type;
	const Group *group = group_builtin(f.arena, group_name, type->dim);
	size_t size = input_size(&f), last = f.plan->step_count - 1;
	double *x = ARENA_ARRAY(f.arena, double, size * group->order), change = 0;
	fill_random(x, size, 13);
	for (uint32_t h = group->order; h-- > 0;) /* the identity, first, last */
		if (h > 0)
			turn_sample(type, group->elements[h], x, x + h * size);
	assert_int_equal(finite_net_create(f.plan, NULL, 5, group->order, false, &net), FINITE_OK);
	finite_net_draw(&net, &random);
	assert_int_equal(finite_net_forward(&net, x), FINITE_OK);
	const double *out = net.features[last];
	size_t count = net.channels[last];
	for (size_t i = 0; i < group->order * count; i++)
		change = fmax(change, fabs(out[i] - out[i % count]) / (1e-30 + fabs(out[i % count])));
	finite_net_destroy(&net);
	end(&f);
	return change;
}

static void test_invariance(void **state)
{
	(void)state;
	const char *c4 = "net n = image(7x7, channels = 2) -> lift(C4, 3x3, padding = valid) -> relu"
			 " -> conv(3x3, padding = valid, bias_std = 0.1) -> erf -> pool -> dense -> relu -> dense";
	const char *d4 = "net n = image(6x6) -> lift(D4, 3x3, mask = \"xx. .x. ...\") -> relu -> conv(3x3, elements = "
			 "[0, 5], padding = "
			 "circular) -> erf -> pool -> dense";
	const char *augmented =
		"net n = augment(C4, image(5x5) -> conv(3x3) -> relu -> flatten -> dense) -> relu -> dense";
	const char *plain = "net n = image(7x7) -> conv(3x3, padding = valid) -> relu -> pool -> dense";
	assert_true(largest_change(c4, "C4") < 1e-11);
	assert_true(largest_change(d4, "D4") < 1e-11);
	assert_true(largest_change(augmented, "C4") < 1e-11);
	assert_true(largest_change(c4, "D4") > 1e-3);
	assert_true(largest_change(plain, "C4") > 1e-3);
}

/* ---- channels --------------------------------------------------------------------------------------------------- */

static void test_channels(void **state)
{
	(void)state;
	Fixture f;
	FiniteNet net;
	/* The residual layer gets the 12 x 5 channels that the flatten gives; so does the sum of a wide and a narrow branch. */
	start(&f, "net n = image(4x3) -> conv(1x1) -> relu -> flatten -> skip(dense -> relu -> dense) -> dense");
	assert_non_null(f.plan);
	assert_int_equal(finite_net_create(f.plan, NULL, 5, 2, false, &net), FINITE_OK);
	assert_int_equal(net.channels[0], 1);
	assert_int_equal(net.channels[1], 5);
	assert_int_equal(net.channels[3], 60);
	assert_int_equal(net.channels[4], 5);
	assert_int_equal(net.channels[6], 60);
	assert_int_equal(net.channels[7], 60);
	assert_int_equal(net.channels[8], 5);
	finite_net_destroy(&net);
	end(&f);
	start(&f, "net n = image(2x3) -> (conv(1x1) -> flatten + conv(1x1) -> avgpool(1x3) -> flatten) -> dense");
	assert_non_null(f.plan);
	assert_int_equal(finite_net_create(f.plan, NULL, 4, 2, false, &net), FINITE_OK);
	assert_int_equal(net.channels[1], 4);  /* 6 positions */
	assert_int_equal(net.channels[3], 12); /* 2 positions */
	finite_net_destroy(&net);
	end(&f);
}

static void test_refusals(void **state)
{
	(void)state;
	Fixture f;
	start(&f, "net n = vector(3) -> (dense -> relu)^15000 -> dense");
	assert_null(f.plan);
	assert_non_null(strstr(f.refusal, "20000 layers"));
	end(&f);
	start(&f, "net n = vector(3) -> dense -> exp_normalized -> dense");
	assert_null(f.plan);
	assert_non_null(strstr(f.refusal, "\"exp_normalized\""));
	end(&f);
}

/* ---- reproducibility and cost ----------------------------------------------------------------------------------- */

static void test_streams(void **state)
{
	(void)state;
	Fixture f;
	double x[8], a[4], b[4], c[4], ntk[4];
	fill_random(x, 8, 1);
	start(&f, "net n = vector(4) -> dense -> relu -> dense");
	FiniteSamples samples = {x, 2};
	assert_int_equal(finite_kernels(f.plan, NULL, 16, 1, 0, &samples, a, ntk), FINITE_OK);
	assert_int_equal(finite_kernels(f.plan, NULL, 16, 1, 1, &samples, b, ntk), FINITE_OK);
	assert_int_equal(finite_kernels(f.plan, NULL, 16, 1, 0, &samples, c, NULL), FINITE_OK);
	assert_memory_equal(a, c, sizeof a);
	assert_true(a[0] != b[0]);
	assert_int_equal(finite_kernels(f.plan, NULL, 16, 2, 0, &samples, c, NULL), FINITE_OK);
	assert_true(a[0] != c[0]);
	end(&f);
}

/* Moments of the generator, at five standard errors. */
static void test_normal_numbers(void **state)
{
	(void)state;
	enum { COUNT = 1000000 };
	double sum[4] = {0};
	Random random = random_begin(1, 2, 3);
	for (int i = 0; i < COUNT; i++) {
		double z = random_normal(&random), power = 1;
		for (int k = 0; k < 4; k++)
			sum[k] += power *= z;
	}
	assert_true(fabs(sum[0] / COUNT) < 5 * sqrt(1.0 / COUNT));
	assert_true(fabs(sum[1] / COUNT - 1) < 5 * sqrt(2.0 / COUNT));
	assert_true(fabs(sum[2] / COUNT) < 5 * sqrt(15.0 / COUNT));
	assert_true(fabs(sum[3] / COUNT - 3) < 5 * sqrt(96.0 / COUNT));
}

static void test_cost(void **state)
{
	(void)state;
	Fixture f;
	start(&f, "net n = image(32x32, channels = 3) -> (conv(3x3) -> relu)^20 -> pool -> dense");
	FiniteCost narrow = finite_cost(f.plan, 128, 4, true), wide = finite_cost(f.plan, 256, 4, true);
	/* 19 layers of 2 x 4 x 1024 x 9 x 256^2 operations, three products each */
	double products = 19 * 3 * 2.0 * 4 * 1024 * 9 * 256 * 256;
	assert_true(wide.operations > products && wide.operations < 1.3 * products);
	assert_true(wide.operations > 3.5 * narrow.operations && wide.operations < 4 * narrow.operations);
	assert_true(wide.bytes > 40 * 4 * 1024 * 256 * 8.0 && wide.bytes < 3 * 40 * 4 * 1024 * 256 * 8.0);
	assert_true(wide.parameters == 3 * 9 * 256 + 19 * 9 * 256 * 256 + 256 * 256.0);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jacobians), cmocka_unit_test(test_invariance),
		cmocka_unit_test(test_channels),  cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_streams),   cmocka_unit_test(test_normal_numbers),
		cmocka_unit_test(test_cost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
