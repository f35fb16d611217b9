/* Finite networks of layernorm, dropout, products, concatenations and the standard parameterization: Jacobian products against
 * finite differences; means over networks against kernels worked out by hand from the equations of docs/math.md; channels
 * behind joins; masks; and every class of node either has a finite network or is refused by name. */
#include "finite/internal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "network/nonlinearity.h"
#include "network/sema/sema.h"

typedef struct Fixture {
	Arena *arena;
	SourceSet sources;
	Program *program;
	FinitePlan *plan; /* of the first net */
	char *refusal;
} Fixture;

static void start(Fixture *f, const char *text)
{
	*f = (Fixture){.arena = arena_create()};
	f->sources.arena = f->arena;
	Diag *diag = diag_create(f->arena, &f->sources);
	uint32_t file = source_add(&f->sources, "test.entk", text, strlen(text));
	f->program = sema_check(f->arena, &f->sources, diag, parse_file(f->arena, &f->sources, diag, file), NULL, 0);
	if (f->program == NULL)
		diag_print(diag, stderr, DIAG_LINE);
	assert_non_null(f->program);
	f->plan = finite_plan(f->arena, f->program->networks[0], &f->refusal);
}

static void end(Fixture *f)
{
	arena_destroy(f->arena);
}

static size_t input_size(const Fixture *f)
{
	const Type *type = &f->plan->network->input->type;
	return type_positions(type) * type->channels;
}

static void fill(double *x, size_t count, uint64_t seed)
{
	Random random = random_begin(seed, 0, 0);
	for (size_t i = 0; i < count; i++)
		x[i] = random_normal(&random);
}

/* ---- Jacobian products ---------------------------------------------------------------------------------------- */

enum { SAMPLES = 3, MAX_VALUES = 4096 };

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

/* How much the square of a derivative by a standard normal number counts: in the standard parameterization the parameter is
 * that number times w sqrt(s0 / (C |S|)), and the square counts c / C; of a bias, times beta. */
static double parameter_share(const FiniteNet *net, size_t parameter)
{
	uint32_t s = 0;
	for (uint32_t i = 0; i < net->plan->step_count; i++)
		if (net->plan->steps[i].op == STEP_WEIGHTS && net->first[i] <= parameter)
			s = i;
	const Step *step = &net->plan->steps[s];
	const Affine *affine = &step->node->as.weights.affine;
	double taps = step->taps->taps, actual = (double)net->channels[step->inputs[0]];
	double declared = step->node->input->type.width;
	if (!affine->standard)
		return 1;
	if ((double)(parameter - net->first[s]) >= taps * actual * (double)net->channels[s])
		return 1 / pow(scalar_eval(affine->bias_std, NULL), 2);
	double to_weight = scalar_eval(affine->weight_std, NULL) * sqrt(affine->s[0] / (actual * taps));
	return declared / actual / (to_weight * to_weight);
}

/* The NTK by central differences in every parameter, one after another. */
static void difference_ntk(FiniteNet *net, const double *x, const double *v, double *ntk)
{
	const double step = 1e-6;
	memset(ntk, 0, SAMPLES * SAMPLES * sizeof *ntk);
	for (size_t k = 0; k < net->parameter_count; k++) {
		double kept = net->parameters[k], up[SAMPLES], down[SAMPLES], share = parameter_share(net, k);
		net->parameters[k] = kept + step;
		outputs(net, x, v, up);
		net->parameters[k] = kept - step;
		outputs(net, x, v, down);
		net->parameters[k] = kept;
		for (int i = 0; i < SAMPLES; i++)
			for (int j = 0; j < SAMPLES; j++)
				ntk[i * SAMPLES + j] +=
					share * (up[i] - down[i]) * (up[j] - down[j]) / (4 * step * step);
	}
}

static void compare_jacobians(const char *text, uint32_t width)
{
	Fixture f;
	FiniteNet net;
	Random random = random_begin(7, width, 0);
	double x[MAX_VALUES], v[MAX_VALUES], ignored[SAMPLES], scale = 0;
	double got[SAMPLES * SAMPLES], want[SAMPLES * SAMPLES];
	start(&f, text);
	if (f.plan == NULL)
		fail_msg("%s: %s", text, f.refusal);
	assert_true(SAMPLES * input_size(&f) <= MAX_VALUES);
	fill(x, SAMPLES * input_size(&f), 3);
	assert_int_equal(finite_net_create(f.plan, NULL, width, SAMPLES, true, &net), FINITE_OK);
	assert_true(net.channels[f.plan->step_count - 1] <= MAX_VALUES);
	fill(v, net.channels[f.plan->step_count - 1], 5);
	finite_net_draw(&net, &random);
	difference_ntk(&net, x, v, want);
	outputs(&net, x, v, ignored);
	assert_int_equal(finite_net_ntk(&net, v, got), FINITE_OK);
	for (int i = 0; i < SAMPLES * SAMPLES; i++)
		scale = fmax(scale, fabs(want[i]));
	assert_true(scale > 0);
	for (int i = 0; i < SAMPLES * SAMPLES; i++)
		if (!(fabs(got[i] - want[i]) <= 1e-6 * scale))
			fail_msg("%s: width %u: NTK[%d] is %.12g, by differences %.12g", text, width, i, got[i],
				 want[i]);
	finite_net_destroy(&net);
	end(&f);
}

static const char *const layer_nets[] = {
	/* layernorm: every choice of axes, on every domain that has them */
	"net n = vector(3) -> dense(bias_std = 0.4) -> layernorm(eps = 0.3) -> erf -> dense -> layernorm -> dense",
	"net n = signal(4) -> conv(2) -> layernorm(over = positions) -> relu -> conv(3) -> layernorm -> erf -> pool -> "
	"dense",
	"net n = image(3x2, channels = 2) -> lift(D1, 2x2) -> layernorm(over = elements) -> erf -> conv(1x1)"
	" -> layernorm(over = positions) -> erf -> conv(2x1) -> layernorm(over = [elements, positions], eps = 0.1) -> "
	"erf"
	" -> pool(over = positions) -> conv(elements = [0, 1]) -> layernorm(over = elements) -> erf -> pool -> dense",
	/* dropout: masks of their own in each repetition and for each copy */
	"net n = vector(3) -> dense -> dropout(0.5) -> (dense -> erf -> dropout(0.7))^3 -> dense",
	"net n = augment(C4, image(2x2) -> conv(2x2) -> relu -> dropout(0.6) -> flatten -> dense) -> dropout(0.8) -> "
	"dense",
	"net n = vector(3) -> dense -> relu -> dropout(0.3, mode = test) -> dense",
	/* products: with means, with 0, of three, of the fork itself */
	"net n = vector(3) -> dense -> (relu * dense -> relu * dense -> erf(c = 0.4)) -> dense",
	"net n = signal(4) -> conv(2) -> (identity * conv(3) * conv(1) -> abs) -> pool -> dense",
	/* concatenations: channels in any ratio, with raw ones, of dependent branches; every axis, unequal lengths */
	"net n = vector(3) -> concat(dense(width = 2) -> erf, dense(width = 3), identity) -> dense -> erf"
	" -> concat(dense(width = 100), dense(width = 7), dense(width = 50) -> relu) -> dense",
	"net n = image(2x3) -> lift(D1, 1x1, width = 4) -> concat(relu, erf -> conv(1x2, width = 6)) -> flatten -> "
	"dense",
	"net n = signal(5) -> conv(2) -> concat(relu -> conv(2), conv(3, stride = 2), conv(1), axis = 0) -> erf -> "
	"flatten -> "
	"dense",
	"net n = image(2x3) -> lift(C2, 1x1) -> relu -> concat(conv(1x1), conv(1x1, stride = 2x1), axis = 0) -> erf"
	" -> concat(conv(1x1), conv(1x2), axis = 1) -> relu -> pool -> dense",
	"net n = volume(1x2x2) -> conv(1x1x1) -> concat(conv(1x1x2), relu -> conv(1x1x1), axis = 2) -> relu -> pool -> "
	"dense",
	/* the standard parameterization, behind all that changes a number of channels */
	"net n = vector(3) -> dense(parameterization = standard, width = 5, s = [2, 3], weight_std = 1.3, bias_std = "
	"0.4) -> erf"
	" -> dense(parameterization = standard, s = [4, 1], bias_std = 0.2)",
	"default(parameterization = standard, width = 4)\n"
	"net n = signal(4, channels = 2) -> lift(D1, 2) -> erf -> conv(2, elements = [1]) -> relu -> flatten -> dense"
	" -> concat(identity, dense(width = 10)) -> dense",
};

static void test_jacobians(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof layer_nets / sizeof *layer_nets; i++)
		for (uint32_t width = 3; width <= 5; width += 2)
			compare_jacobians(layer_nets[i], width);
}

/* A layernorm of channels with a single one is 0, as that is its own mean: no NaN, forward or back. */
static void test_one_channel(void **state)
{
	(void)state;
	Fixture f;
	double x[6], nngp[4], ntk[4];
	fill(x, 6, 1);
	start(&f, "net n = vector(3) -> dense -> layernorm(eps = 0) -> dense(bias_std = 2)");
	FiniteSamples samples = {x, 2};
	assert_int_equal(finite_kernels(f.plan, NULL, 1, 1, 0, &samples, nngp, ntk), FINITE_OK);
	for (int i = 0; i < 4; i++)
		assert_true(nngp[i] == nngp[0] && fabs(ntk[i] - 4) < 1e-14);
	end(&f);
}

/* ---- means over networks -------------------------------------------------------------------------------------- */

/* Kernels of one net for the pairs (0, 0), (0, 1), (1, 1). */
typedef struct Kernels {
	double nngp[3], ntk[3];
} Kernels;

enum { NETWORKS = 8000 };

static void add_networks(const Fixture *f, uint32_t width, const double *x, double weight, Kernels *mean,
			 Kernels *variance)
{
	static const int at[3] = {0, 1, 3};
	FiniteSamples samples = {x, 2};
	double *found = (double *)calloc(NETWORKS, sizeof(Kernels)), nngp[4], ntk[4];
	assert_non_null(found);
	for (int m = 0; m < NETWORKS; m++) {
		assert_int_equal(finite_kernels(f->plan, NULL, width, 1, (uint64_t)m, &samples, nngp, ntk), FINITE_OK);
		for (int p = 0; p < 3; p++) {
			found[6 * m + p] = nngp[at[p]];
			found[6 * m + 3 + p] = ntk[at[p]];
		}
	}
	for (int k = 0; k < 6; k++) {
		double sum = 0, squares = 0;
		for (int m = 0; m < NETWORKS; m++)
			sum += found[6 * m + k] / NETWORKS;
		for (int m = 0; m < NETWORKS; m++)
			squares += pow(found[6 * m + k] - sum, 2) / (NETWORKS - 1.0);
		(k < 3 ? mean->nngp : mean->ntk)[k % 3] += weight * sum;
		(k < 3 ? variance->nngp : variance->ntk)[k % 3] += weight * weight * squares / NETWORKS;
	}
	free(found);
}

static void expect_near(const char *text, const char *what, int pair, double mean, double variance, double want)
{
	double error = sqrt(variance);
	if (!(error < 0.1 * fabs(want)))
		fail_msg("%s: %s[%d] has a standard error of %g, which tests little of %g", text, what, pair, error,
			 want);
	if (!(fabs(mean - want) < 4.5 * error))
		fail_msg("%s: %s[%d] is %g +- %g, by hand %g", text, what, pair, mean, error, want);
}

/* Mean over networks of width 8 where it does not depend on the width; else the limit from widths 24 and 48. */
static void expect_mean(const char *text, const double *x, bool exact, const Kernels *want)
{
	Fixture f;
	Kernels mean = {0}, variance = {0};
	start(&f, text);
	if (exact) {
		add_networks(&f, 8, x, 1, &mean, &variance);
	} else {
		add_networks(&f, 24, x, -1, &mean, &variance);
		add_networks(&f, 48, x, 2, &mean, &variance);
	}
	for (int p = 0; p < 3; p++) {
		expect_near(text, "nngp", p, mean.nngp[p], variance.nngp[p], want->nngp[p]);
		expect_near(text, "ntk", p, mean.ntk[p], variance.ntk[p], want->ntk[p]);
	}
	end(&f);
}

/* Two samples of 3 channels, and the products of their features. */
static const double vectors[6] = {1.2, -0.3, 0.8, 0.5, 0.9, 1.4};

static void products(double k[3])
{
	static const int left[3] = {0, 0, 3}, right[3] = {0, 3, 3};
	for (int p = 0; p < 3; p++) {
		k[p] = 0;
		for (int c = 0; c < 3; c++)
			k[p] += vectors[left[p] + c] * vectors[right[p] + c] / 3;
	}
}

/* [KR-61] A sample and itself see one mask, two samples see two. */
static void test_dropout_mean(void **state)
{
	(void)state;
	double k[3];
	Kernels want;
	products(k);
	for (int p = 0; p < 3; p++) {
		double own = p == 1 ? 1 : 1 / 0.6;
		want.nngp[p] = own * k[p];
		want.ntk[p] = want.nngp[p] + own * k[p];
	}
	expect_mean("net n = vector(3) -> dense -> dropout(0.6) -> dense", vectors, true, &want);
	want = (Kernels){{k[0], k[1], k[2]}, {2 * k[0], 2 * k[1], 2 * k[2]}};
	expect_mean("net n = vector(3) -> dense -> dropout(0.6, mode = test) -> dense", vectors, true, &want);
}

/* Equal samples are two samples all the same; at different positions of one sample the masks differ, too. */
static void test_dropout_positions(void **state)
{
	(void)state;
	const double x[4] = {1, 2, 1, 2}, keep = 0.5;
	/* The mean of two positions: (K00 + 2 K01 + K11) / 4 with K01 = 2, K00 = 1 and K11 = 4. */
	double apart = (1 + 2 * 2 + 4) / 4.0, own = (1 / keep + 2 * 2 + 4 / keep) / 4;
	Kernels want = {{own, apart, own}, {2 * own, 2 * apart, 2 * own}};
	expect_mean("net n = signal(2) -> conv(1) -> dropout(0.5) -> pool -> dense", x, true, &want);
}

/* [KR-62] K1 K2 K3, and Theta1 K2 K3 + K1 Theta2 K3 + K1 K2 Theta3 */
static void test_product_mean(void **state)
{
	(void)state;
	double k[3];
	Kernels want;
	products(k);
	for (int p = 0; p < 3; p++) {
		double f = k[p], g = 1.5 * 1.5 * k[p], h = k[p] + 0.25;
		want.nngp[p] = f * g * h;
		want.ntk[p] = want.nngp[p] + 3 * f * g * h;
	}
	expect_mean("net n = vector(3) -> (dense * dense(weight_std = 1.5) * dense(bias_std = 0.5)) -> dense", vectors,
		    true, &want);
}

/* [KR-63] Channels count by the widths in the source; raw ones have no parameters. */
static void concat_mean(const char *text, double first, double second, double raw)
{
	double k[3], total = first + second + raw;
	Kernels want;
	products(k);
	for (int p = 0; p < 3; p++) {
		want.nngp[p] = (first * k[p] + second * 4 * k[p] + raw * k[p]) / total;
		want.ntk[p] = want.nngp[p] + (first * k[p] + second * 4 * k[p]) / total;
	}
	expect_mean(text, vectors, true, &want);
}

static void test_concat_mean(void **state)
{
	(void)state;
	concat_mean("net n = vector(3) -> concat(dense(width = 6), dense(width = 2, weight_std = 2)) -> dense", 6, 2,
		    0);
	concat_mean("net n = vector(3) -> concat(dense(width = 100), dense(width = 7, weight_std = 2)) -> dense", 100,
		    7, 0);
	concat_mean(
		"net n = vector(3) -> concat(dense(width = 6), dense(width = 5, weight_std = 2), identity) -> dense", 6,
		5, 3);
}

/* Along an axis: entries between branches are 0. */
static void test_axis_mean(void **state)
{
	(void)state;
	const double x[4] = {1, 2, 0.5, 1.5}; /* two samples of two positions */
	Kernels pooled, flat;
	for (int p = 0; p < 3; p++) {
		const double *a = x + (p == 2 ? 2 : 0), *b = x + (p == 0 ? 0 : 2);
		/* branches: both positions; the first one, times 2 */
		double sum = (a[0] + a[1]) * (b[0] + b[1]) + 4 * a[0] * b[0];
		double trace = a[0] * b[0] + a[1] * b[1] + 4 * a[0] * b[0];
		pooled.nngp[p] = sum / 9;
		pooled.ntk[p] = 2 * pooled.nngp[p];
		flat.nngp[p] = trace / 3;
		flat.ntk[p] = 2 * flat.nngp[p];
	}
#define BESIDE "signal(2) -> concat(conv(1), conv(1, stride = 2, weight_std = 2), axis = 0)"
	expect_mean("net n = " BESIDE " -> pool -> dense", x, true, &pooled);
	expect_mean("net n = " BESIDE " -> flatten -> dense", x, true, &flat);
}

/* Along the second axis: a pool over the first one meets positions of one branch only. */
static void test_second_axis_mean(void **state)
{
	(void)state;
	const double x[8] = {1, 2, 0.5, 1.5, 0.8, 0.3, -0.2, 1.1}; /* two samples of 2x2 */
	Kernels want;
	for (int p = 0; p < 3; p++) {
		const double *a = x + (p == 2 ? 4 : 0), *b = x + (p == 0 ? 0 : 4);
		/* columns summed over the rows; one branch has them once, one twice */
		double trace = (a[0] + a[2]) * (b[0] + b[2]) + (a[1] + a[3]) * (b[1] + b[3]);
		want.nngp[p] = (1 + 4) * trace / 4 / 4;
		want.ntk[p] = 2 * want.nngp[p];
	}
	expect_mean("net n = image(2x2) -> concat(conv(1x1), conv(1x1, weight_std = 2), axis = 1) -> avgpool(2x1) -> "
		    "flatten"
		    " -> dense",
		    x, true, &want);
}

/* [KR-60] (c |S| / s0) A[K12] + w^2 A[Theta] + 1 with a bias, be it 0; c is the width in the source, times s1 and times the
 * positions behind a flatten. */
static void test_standard_mean(void **state)
{
	(void)state;
	double k[3];
	Kernels want;
	products(k);
	for (int p = 0; p < 3; p++) {
		double first = 3 * k[p] + 1;
		want.nngp[p] = 2.25 * k[p] + 0.25;
		want.ntk[p] = 12 / 3.0 * k[p] + 2.25 * first + 1;
	}
	expect_mean(
		"default(parameterization = standard)\nnet n = vector(3) -> dense(width = 6, s = [1, 2], bias_std = 0)"
		" -> dense(s = [3, 1], weight_std = 1.5, bias_std = 0.5)",
		vectors, true, &want);
	for (int p = 0; p < 3; p++) {
		/* three positions of one channel, three taps that wrap: A[K] is the mean over the positions */
		double average = k[p], first = 3 * average;
		want.nngp[p] = average;
		want.ntk[p] = 5 * 3 * average + first;
	}
	expect_mean("default(parameterization = standard)\nnet n = signal(3) -> conv(3, padding = circular, width = 5) "
		    "-> flatten"
		    " -> dense",
		    vectors, true, &want);
}

/* The arc-cosine kernel of relu, and its slope, from variances a, b and the covariance c. */
static void relu_dual(double a, double b, double c, double *value, double *slope)
{
	double angle = acos(fmin(1, c / sqrt(a * b))), pi = acos(-1.0);
	*value = sqrt(a * b) * (sin(angle) + (pi - angle) * cos(angle)) / (2 * pi);
	*slope = (pi - angle) / (2 * pi);
}

/* [KR-64] K and Theta over the roots of eps + variance */
static void test_layernorm_mean(void **state)
{
	(void)state;
	static const int left[3] = {0, 0, 2}, right[3] = {0, 2, 2};
	double k[3], value, slope;
	Kernels want;
	products(k);
	for (int p = 0; p < 3; p++) {
		double a = k[left[p]] / (0.5 + k[left[p]]), b = k[right[p]] / (0.5 + k[right[p]]);
		double c = k[p] / sqrt((0.5 + k[left[p]]) * (0.5 + k[right[p]]));
		relu_dual(a, b, c, &value, &slope);
		want.nngp[p] = 2 * value;
		want.ntk[p] = 2 * value + 2 * slope * c;
	}
	expect_mean("net n = vector(3) -> dense -> layernorm(eps = 0.5) -> relu -> dense(weight_std = sqrt(2))",
		    vectors, false, &want);
	for (int p = 0; p < 3; p++) {
		/* positions of a sample share the mean of their variances, which is k; one channel: the covariance is x x' */
		const double *x = vectors + 3 * (left[p] > 0), *z = vectors + 3 * (right[p] > 0);
		want.nngp[p] = want.ntk[p] = 0;
		for (int t = 0; t < 9; t++) {
			double root = sqrt(k[left[p]] * k[right[p]]), g = x[t / 3], h = z[t % 3];
			relu_dual(g * g / k[left[p]], h * h / k[right[p]], g * h / root, &value, &slope);
			want.nngp[p] += value / 9;
			want.ntk[p] += (value + slope * g * h / root) / 9;
		}
	}
	expect_mean("net n = signal(3) -> conv(1) -> layernorm(over = positions) -> relu -> pool -> dense", vectors,
		    false, &want);
}

/* ---- channels ------------------------------------------------------------------------------------------------- */

static void expect_channels(const char *text, uint32_t width, uint32_t count, const size_t *channels)
{
	Fixture f;
	FiniteNet net;
	start(&f, text);
	if (f.plan == NULL)
		fail_msg("%s: %s", text, f.refusal);
	assert_int_equal(f.plan->step_count, count);
	assert_int_equal(finite_net_create(f.plan, NULL, width, 2, false, &net), FINITE_OK);
	for (uint32_t s = 0; s < count; s++)
		if (net.channels[s] != channels[s])
			fail_msg("%s: step %u has %zu channels, expected %zu", text, s, net.channels[s], channels[s]);
	finite_net_destroy(&net);
	end(&f);
}
#define CHANNELS(text, width, ...)                                                           \
	expect_channels(text, width, sizeof((const size_t[]){__VA_ARGS__}) / sizeof(size_t), \
			(const size_t[]){__VA_ARGS__})

static void test_channels(void **state)
{
	(void)state;
	/* the ratio of the widths, in lowest terms, and what follows from it in a sum */
	CHANNELS("net n = vector(2) -> concat(dense(width = 8), dense(width = 4)) -> dense", 5, 2, 10, 5, 15, 5);
	CHANNELS("net n = vector(2) -> (concat(dense(width = 8), dense(width = 12)) + dense) -> dense", 5, 2, 10, 15,
		 25, 25, 25, 5);
	CHANNELS("net n = vector(2) -> concat(dense(width = 6), dense(width = 4), dense(width = 10)) -> dense", 1, 2, 3,
		 2, 5, 10, 1);
	/* no more than 16 times the width */
	CHANNELS("net n = vector(2) -> concat(dense(width = 100), dense(width = 7)) -> dense", 5, 2, 80, 5, 85, 5);
	CHANNELS("net n = vector(2) -> concat(dense(width = 1), dense(width = 1000)) -> dense", 1, 2, 1, 16, 17, 1);
	/* branches on one layer have its width; a flatten's factor counts */
	CHANNELS("net n = vector(2) -> dense(width = 3) -> concat(relu, erf, identity) -> dense", 4, 2, 4, 4, 4, 12, 4);
	CHANNELS("net n = signal(6) -> concat(conv(1, width = 2) -> flatten, conv(1, width = 3) -> pool) -> dense", 4,
		 1, 8, 48, 12, 12, 60, 4);
	/* raw channels do not grow; a layer that is added can follow, if not by fractions */
	CHANNELS("net n = vector(3) -> concat(identity, dense(width = 8)) -> dense", 5, 3, 5, 8, 5);
	CHANNELS("net n = vector(3) -> (concat(identity, dense(width = 8)) + dense) -> dense", 5, 3, 5, 8, 8, 8, 5);
	CHANNELS("net n = signal(2) -> (concat(identity, conv(1, width = 8)) -> flatten + conv(1) -> flatten) -> dense",
		 5, 1, 5, 6, 12, 6, 12, 12, 5);
	CHANNELS("net n = vector(3) -> concat(identity, identity) -> dense", 5, 3, 6, 5);
	/* products agree as sums do, and so do branches along an axis */
	CHANNELS("net n = signal(2) -> (conv(1) -> flatten * conv(1) -> pool) -> dense", 3, 1, 3, 6, 6, 6, 6, 3);
	CHANNELS("net n = signal(2) -> concat(conv(1), conv(1), axis = 0) -> pool -> dense", 3, 1, 3, 3, 3, 3, 3);
	Fixture f;
	start(&f, "net n = signal(2) -> (concat(identity, conv(1, width = 8)) -> pool + conv(1) -> flatten) -> dense");
	assert_null(f.plan);
	assert_non_null(strstr(f.refusal, "cannot be given the same number of channels"));
	end(&f);
}

/* ---- masks ---------------------------------------------------------------------------------------------------- */

static void test_masks(void **state)
{
	(void)state;
	Fixture f, g;
	double x[9], two[4], three[9], again[4], ntk[4], plain[4], test[4];
	fill(x, 6, 1);
	memcpy(x + 6, x, 3 * sizeof *x); /* the third sample equals the first */
	start(&f, "net n = vector(3) -> dense -> dropout(0.5) -> dense");
	FiniteSamples few = {x, 2}, many = {x, 3};
	assert_int_equal(finite_kernels(f.plan, NULL, 16, 1, 0, &few, two, ntk), FINITE_OK);
	assert_int_equal(finite_kernels(f.plan, NULL, 16, 1, 0, &few, again, NULL), FINITE_OK);
	assert_int_equal(finite_kernels(f.plan, NULL, 16, 1, 0, &many, three, NULL), FINITE_OK);
	assert_memory_equal(two, again, sizeof two);
	assert_true(fabs(two[0] - three[0]) < 1e-12 * two[0] && fabs(two[1] - three[1]) < 1e-12 * two[0]);
	assert_true(fabs(three[8] - three[0]) > 1e-3 * three[0]);
	end(&f);
	start(&f, "net n = vector(3) -> dense -> dropout(0.5, mode = test) -> dense");
	start(&g, "net n = vector(3) -> dense -> dense");
	assert_int_equal(finite_kernels(f.plan, NULL, 16, 1, 0, &few, test, NULL), FINITE_OK);
	assert_int_equal(finite_kernels(g.plan, NULL, 16, 1, 0, &few, plain, NULL), FINITE_OK);
	assert_memory_equal(test, plain, sizeof test);
	end(&f);
	end(&g);
}

/* ---- every class of node -------------------------------------------------------------------------------------- */

/* What a node is, finer than its class. */
enum { CLASS_SCALING = NODE_KIND_COUNT, CLASS_JOIN = CLASS_SCALING + 4, CLASS_STANDARD = CLASS_JOIN + 4, CLASS_COUNT };

static void see(const Node *node, bool seen[CLASS_COUNT])
{
	seen[node->kind] = true;
	if (node->kind == NODE_SCALING)
		seen[CLASS_SCALING + 2 * (int)node->as.scaling.kind + (int)node->as.scaling.train] = true;
	if (node->kind == NODE_JOIN)
		seen[CLASS_JOIN + (int)node->as.join.kind +
		     (node->as.join.kind == JOIN_CONCAT && node->as.join.axis == CONCAT_CHANNELS)] = true;
	if (node->kind == NODE_WEIGHTS && node->as.weights.affine.standard)
		seen[CLASS_STANDARD] = true;
}

static void test_every_class(void **state)
{
	(void)state;
	bool seen[CLASS_COUNT] = {[CLASS_SCALING + 2 * SCALING_LAYERNORM + 1] = true}; /* which does not train */
	for (size_t i = 0; i < sizeof layer_nets / sizeof *layer_nets; i++) {
		Fixture f;
		start(&f, layer_nets[i]);
		for (uint32_t id = 0; id < f.program->networks[0]->node_count; id++)
			see(f.program->networks[0]->nodes[id], seen);
		end(&f);
	}
	seen[CLASS_JOIN + JOIN_SUM] = true; /* test_finite.c */
	for (int class = 0; class < CLASS_COUNT; class ++)
		if (!seen[class])
			fail_msg("no net has a node of class %d", class);
}

static void test_refusal(void **state)
{
	(void)state;
	Fixture f;
	for (int id = 0; id < NONLINEARITY_COUNT; id++) {
		Node node = {.kind = NODE_POINTWISE, .label = "f", .as.pointwise.f = &nonlinearities[id]};
		assert_true((finite_refusal(&node) != NULL) == (id == NONLINEARITY_exp_normalized));
	}
	start(&f, "net n = vector(3) -> dense -> exp_normalized -> dense");
	assert_null(f.plan);
	assert_non_null(strstr(f.refusal, "\"exp_normalized\""));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jacobians),     cmocka_unit_test(test_one_channel),
		cmocka_unit_test(test_dropout_mean),  cmocka_unit_test(test_dropout_positions),
		cmocka_unit_test(test_product_mean),  cmocka_unit_test(test_concat_mean),
		cmocka_unit_test(test_axis_mean),     cmocka_unit_test(test_second_axis_mean),
		cmocka_unit_test(test_standard_mean), cmocka_unit_test(test_layernorm_mean),
		cmocka_unit_test(test_channels),      cmocka_unit_test(test_masks),
		cmocka_unit_test(test_every_class),   cmocka_unit_test(test_refusal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
