/* The duals of every row of nonlinearities.def against their definition, E[phi(u) phi(u')] and E[phi'(u) phi'(u')] with the
 * phi and phi' of finite networks: the emitted ones in both precisions, compiled for this machine's lanes, and the reference
 * evaluator's. `--table` prints the largest errors as Markdown, for docs/nonlinearities.md (`make duals`).
 *
 * Errors of K are measured in sqrt(T(a, a) T(b, b)), those of the slope in the same of Tdot, and what rounding of the inputs
 * does is taken off: next to correlation one a unit in the last place of k moves the slope of relu by more than any
 * formula could lose. A correlation that is made of the inputs carries six half units in the last place (angle.h), so each input is
 * moved by three: three of k, and half of three of each variance. Above 1 - 6 halves a correlation counts as one, which moves
 * those that lie within 12 by six more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <float.h>
#include <math.h>

#include <cmocka.h>

#include "emit/duals/dual.h"
#include "finite/activations/activation.h"
#include "load_object.h"
#include "reference/duals/dual.h"

#define PI_L 3.14159265358979323846L

/* What is promised, in units of the diagonal: ten thousand roundings of a double, of which the largest error takes a tenth
 * (that of the definition's own phi'(u) where a cosine almost vanishes), and eight of a float, as many as a formula has
 * one after the other. */
#define BOUND_F64 1e-12
#define BOUND_F32 (8 * FLT_EPSILON)

/* ---- what is drawn ---- */

enum { PAIRS = 200, MAX_SETS = 6, MAX_ARGS = 8 };

typedef struct Set {
	double args[MAX_ARGS];
	uint32_t count;
} Set;

typedef struct Row {
	Set sets[MAX_SETS]; /* arguments; the pairs are shared out among them */
} Row;

#define SET(...) {{__VA_ARGS__}, sizeof((double[]){__VA_ARGS__}) / sizeof(double)}

static const Row rows[] = {
	[NONLINEARITY_abrelu] = {{SET(0, 1), SET(-1, 1), SET(0.01, 1), SET(0.7, -1.3), SET(0.9, 0.9)}},
	[NONLINEARITY_erf] = {{SET(1, 1, 0), SET(0.5, 1 / 2.4020563531719796, 0.5), SET(-1.3, 2.5, 0.2)}},
	[NONLINEARITY_gelu] = {{{{0}, 0}}},
	[NONLINEARITY_sin] = {{SET(1, 1, 0), SET(1, 0.7, 0.4), SET(1.41421356237309504880, 1.2, 0.785398163397448309616),
			       SET(0.8, -0.1, 1.6), SET(2, 1, 1.5707)}},
	[NONLINEARITY_sign] = {{{{0}, 0}}},
	[NONLINEARITY_exp] = {{SET(1, 1), SET(0.3, -0.5), SET(2, 0.05)}},
	[NONLINEARITY_gaussian] = {{SET(1, -1), SET(0.7, -0.02), SET(-1.5, -3), SET(1, 0.1)}},
	[NONLINEARITY_exp_normalized] = {{SET(1, -1), SET(3, -1), SET(0.2, 0.5)}},
	[NONLINEARITY_gabor] = {{{{0}, 0}}},
	[NONLINEARITY_hermite] = {{SET(0), SET(1), SET(2), SET(3), SET(6), SET(11)}},
	[NONLINEARITY_polynomial] = {{SET(0, 0, 0, 1), SET(0.5, -1, 0.3), SET(0, 1, 0, -0.4), SET(1, 0.3, -2, 0, 0.7),
				      SET(0, 0, 1, 0, 0, 0, -0.1), SET(1)}},
	[NONLINEARITY_rectified_monomial] = {{SET(0), SET(1), SET(2), SET(3), SET(5), SET(8)}},
};
_Static_assert(sizeof rows / sizeof *rows == NONLINEARITY_COUNT, "every nonlinearity has arguments to be tested with");

/* A row without arguments has one set, and so has a row whose arguments were forgotten: that shows in its face. */
static uint32_t set_count(const Row *row)
{
	uint32_t n = 1;
	while (n < MAX_SETS && row->sets[n].count > 0)
		n++;
	return n;
}

typedef struct Pair {
	double a, b, k;
} Pair;

static double uniform(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(*seed >> 11) / 9007199254740992.0;
}

static double rounded(double x, bool f32)
{
	return f32 ? (double)(float)x : x;
}

/* Variances of any size between the row's bounds; correlations of all kinds, those from 2 to 11 in every sixteen special. */
static Pair draw_pair(const Nonlinearity *f, uint32_t i, bool f32, uint64_t *seed)
{
	double cosine = 2 * uniform(seed) - 1, span = log(f->high / f->low);
	double a = f->low * exp(span * uniform(seed)), b = f->low * exp(span * uniform(seed));
	double near = exp(-27.6 * uniform(seed)); /* down to 1e-12 */
	uint32_t what = i % 16;
	if (what == 3 || what == 4) {
		a = f->low * (1 + uniform(seed));
		b = fmin(f->high, 1e8 * a);
	}
	if (f->low == f->high)
		a = b = f->low;
	if (what == 5 || what == 6 || what == 7)
		b = a;
	if (what == 2 || what == 3 || what == 5)
		cosine = 1 - 1e-12;
	else if (what == 4 || what == 6)
		cosine = -1 + 1e-12;
	else if (what == 7 || what == 8)
		cosine = uniform(seed) < 0.5 ? 1 : -1;
	else if (what == 9)
		cosine = 1 - near;
	else if (what == 10)
		cosine = near - 1;
	else if (what == 11)
		cosine = near;
	a = rounded(a, f32);
	b = rounded(b, f32);
	if (f->low < f->high && what == 1)
		a = 0;
	if (f->low < f->high && i == 17)
		b = a = 0;
	double k = fabs(cosine) == 1 && a == b ? a * cosine : rounded(cosine * sqrt(a) * sqrt(b), f32);
	return (Pair){a, b, k};
}

/* ---- the definition ---- */

typedef struct Means {
	long double value, slope;
} Means;

typedef struct Phi {
	const Activation *f;
	const Set *set;
} Phi;

static double phi(const Phi *p, double u)
{
	return p->f->value(p->set->args, p->set->count, u);
}

static double phi_slope(const Phi *p, double u)
{
	return p->f->slope(p->set->args, p->set->count, u);
}

/* The angle whose cosine is the correlation. ab - c^2 from products of which nothing is rounded away: that is where the digits of
 * a small angle are. */
static long double angle(const Pair *p)
{
	long double square = (long double)p->k * p->k, rest = fmal(p->k, p->k, -square);
	long double determinant = fmal(p->a, p->b, -square) - rest;
	if (p->a == 0 || p->b == 0)
		return PI_L / 2;
	return atan2l(determinant > 0 ? sqrtl(determinant) : 0, p->k);
}

/* Functions with a kink at 0, or whose scale is not that of the Gaussian: u = sa r cos t, u' = sb r cos(t - theta). One of the two
 * changes its sign at four angles. Between two of these, for distances p and q from them, the integral over t is that over x in p =
 * L / (1 + exp -x): whatever happens near the ends, on whatever scale, is smooth in x, and so is what happens near r = 0 in log r.
 * Sums over equidistant points then converge like exp(-2 pi d / h), d being the width of the strip in which the integrand is
 * analytic and bounded. In log r that is pi/4, where exp(-r^2) ends to decay: a step of 0.1 leaves 4e-22, and more
 * of functions that grow. In x it is pi/2, where u^2 + u'^2 vanishes: a step of 0.25 leaves 7e-18. */
typedef struct Steps {
	double log_radius, angle;
} Steps;
static const Steps steps_f64 = {0.1, 0.25}, steps_f32 = {0.14, 0.5};

static void add_arc(const Phi *f, long double length, double sa, double sb, double sign, Steps steps, Means *sum)
{
	enum { MAX_RADII = 400 };
	static double radius[MAX_RADII], weight[MAX_RADII];
	int radii = 0;
	for (double y = log(38); y > log(1e-10); y -= steps.log_radius, radii++) {
		assert_true(radii < MAX_RADII);
		radius[radii] = exp(y);
		weight[radii] = steps.log_radius * radius[radii] * radius[radii] * exp(-radius[radii] * radius[radii] / 2);
	}
	if (length == 0)
		return;
	for (double x = -38; x <= 38; x += steps.angle) {
		double share = 1 / (1 + exp(-x)), other = 1 / (1 + exp(x));
		double p = sa * sin((double)length * share), q = sign * sb * sin((double)length * other);
		double value = 0, slope = 0;
		for (int i = 0; i < radii; i++) {
			double u = radius[i] * p, v = radius[i] * q;
			value += weight[i] * (phi(f, u) * phi(f, v) + phi(f, -u) * phi(f, -v));
			slope += weight[i] * (phi_slope(f, u) * phi_slope(f, v) + phi_slope(f, -u) * phi_slope(f, -v));
		}
		long double w = length * share * other * steps.angle / (2 * PI_L);
		sum->value += w * value;
		sum->slope += w * slope;
	}
}

/* A variance that vanishes stands for the limit of small ones that are not correlated with anything [KR-29]. */
static double deviation(double variance)
{
	return variance > 0 ? sqrt(variance) : 1e-200;
}

static Means polar(const Phi *f, const Pair *p, Steps steps)
{
	Means sum = {0, 0};
	long double theta = angle(p);
	if (fabs(phi(f, 10)) > 20) { /* faster than a line */
		steps.log_radius *= 0.7;
		steps.angle *= 0.4;
	}
	double sa = deviation(p->a), sb = deviation(p->b);
	add_arc(f, theta, sa, sb, -1, steps, &sum);
	add_arc(f, PI_L - theta, sb, sa, 1, steps, &sum);
	return sum;
}

/* Entire functions: equidistant points on both axes of (u, u') = (sa x, sb (cos x + sin y)). The error is the integrand's Fourier
 * transform at 2 pi / step: exp(-9.5^2 / 2) if the function's own frequencies are that far off. It ends 9.5 deviations
 * behind where `growth` moves its largest value. */
static Means lines(const Phi *f, const Pair *p, double frequency, double growth)
{
	Means sum = {0, 0};
	long double theta = angle(p);
	double sa = sqrt(p->a), sb = sqrt(p->b), c = (double)cosl(theta), s = (double)sinl(theta);
	double step = fmin(0.4, 2 * PI / (frequency + 9.5)), reach = 9.5 + growth;
	int n = (int)ceil(reach / step);
	for (int i = -n; i <= n; i++) {
		double x = i * step, value = 0, slope = 0;
		for (int j = -n; j <= n; j++) {
			double y = j * step, v = sb * (c * x + s * y), w = exp(-y * y / 2);
			value += w * phi(f, v);
			slope += w * phi_slope(f, v);
		}
		long double w = step * step * expl(-(long double)x * x / 2) / (2 * PI_L);
		sum.value += w * value * phi(f, sa * x);
		sum.slope += w * slope * phi_slope(f, sa * x);
	}
	return sum;
}

static Means by_definition(NonlinearityId id, const Set *set, const Pair *p, Steps steps)
{
	const double *args = set->args, both = sqrt(p->a) + sqrt(p->b);
	Phi f = {finite_activations[id], set};
	switch (id) {
	case NONLINEARITY_sin:
		return lines(&f, p, fabs(args[1]) * both, 0);
	case NONLINEARITY_exp:
		return lines(&f, p, 0, fabs(args[1]) * both);
	case NONLINEARITY_polynomial: /* x^20 exp(-x^2 / 2) is largest at 4.5 */
	case NONLINEARITY_hermite:
		return lines(&f, p, 0, 5);
	case NONLINEARITY_exp_normalized: {
		Dual d = reference_duals[id](args, set->count, p->a, p->b, p->k);
		return (Means){d.value, d.slope};
	}
	case NONLINEARITY_abrelu:
	case NONLINEARITY_erf:
	case NONLINEARITY_gelu:
	case NONLINEARITY_sign:
	case NONLINEARITY_gaussian:
	case NONLINEARITY_gabor:
	case NONLINEARITY_rectified_monomial:
		return polar(&f, p, steps);
	case NONLINEARITY_COUNT:
		break;
	}
	fail_msg("no rule");
	return (Means){0, 0};
}

/* ---- what is emitted ---- */

/* void(const real *k, *a, *b, *coef, real *out_k, *out_slope, int64_t lanes) */
typedef void Emitted(const void *k, const void *a, const void *b, const void *coef, void *out_k, void *out_slope,
		     int64_t lanes);

typedef struct Code {
	void *library;
	int64_t lanes;
	Emitted *dual[NONLINEARITY_COUNT][MAX_SETS];
} Code;

enum { MAX_COEFFICIENTS = 64, MAX_FACTORS = MAX_ARGS };

static const Scalar *const *scalars(Arena *arena, const Set *set)
{
	const Scalar **args = ARENA_ARRAY(arena, const Scalar *, set->count + 1);
	for (uint32_t i = 0; i < set->count; i++)
		args[i] = scalar_const(arena, set->args[i]);
	return args;
}

static uint32_t coefficients_of(Arena *arena, NonlinearityId id, const Set *set, double *values)
{
	const Scalar *list[MAX_COEFFICIENTS];
	const Scalar *const *args = scalars(arena, set);
	uint32_t n = nonlinearities[id].coefficients(arena, args, set->count, NULL);
	assert_true(n <= MAX_COEFFICIENTS);
	assert_int_equal(nonlinearities[id].coefficients(arena, args, set->count, list), n);
	for (uint32_t i = 0; i < n; i++)
		values[i] = list[i]->value;
	return n;
}

static void emit(Cg *cg, const char *name, NonlinearityId id, const Set *set)
{
	LLVMTypeRef t_params[] = {cg->t_ptr, cg->t_ptr, cg->t_ptr, cg->t_ptr, cg->t_ptr, cg->t_ptr, cg->t_i64};
	LLVMValueRef coef[MAX_COEFFICIENTS], left[MAX_FACTORS], right[MAX_FACTORS];
	double values[MAX_COEFFICIENTS];
	const CgFace *face = cg_faces[id];
	CgArgs args = {coef, scalars(cg->arena, set), set->count};
	cg_function_begin(cg, name, cg->t_void, t_params, 7, false);
	uint32_t n = coefficients_of(cg->arena, id, set, values);
	for (uint32_t i = 0; i < n; i++)
		coef[i] = cg_load_splat(cg, cg_param(cg, 3), cg_i64(cg, i));
	CgLoop loop = cg_loop_begin(cg, cg_i64(cg, 0), cg_param(cg, 6), 1, "i");
	LLVMValueRef k = cg_load_lane(cg, cg_param(cg, 0), loop.v_i);
	if (face->factors) {
		face->factors(cg, &args, cg_load_lane(cg, cg_param(cg, 1), loop.v_i), left);
		face->factors(cg, &args, cg_load_lane(cg, cg_param(cg, 2), loop.v_i), right);
	}
	CgDual dual = face->dual(cg, &args, k, left, right);
	cg_store_lane(cg, cg_param(cg, 4), loop.v_i, dual.v_k);
	cg_store_lane(cg, cg_param(cg, 5), loop.v_i, dual.v_tdot);
	cg_loop_end(cg, &loop);
	cg_function_end(cg);
}

static Code compile(bool f32)
{
	Arena *arena = arena_create();
	char *error = NULL, name[64];
	CgOptions options = {.f32 = f32, .module_name = "duals"};
	Cg *cg = cg_create(arena, &options, &error);
	assert_non_null(cg);
	for (int id = 0; id < NONLINEARITY_COUNT; id++)
		for (uint32_t s = 0; s < set_count(&rows[id]); s++) {
			snprintf(name, sizeof name, "dual_%d_%u", id, s);
			emit(cg, name, (NonlinearityId)id, &rows[id].sets[s]);
		}
	cg_optimize(cg);
	char path[4096];
	snprintf(path, sizeof path, "%s", temporary_path(".o"));
	if (!cg_write(cg, CG_FORM_OBJECT, path, &error))
		fail_msg("%s", error);
	Code code = {.library = load_object(path), .lanes = cg->lanes};
	for (int id = 0; id < NONLINEARITY_COUNT; id++)
		for (uint32_t s = 0; s < set_count(&rows[id]); s++) {
			snprintf(name, sizeof name, "dual_%d_%u", id, s);
			void *symbol = load_symbol(code.library, name);
			memcpy(&code.dual[id][s], &symbol, sizeof symbol);
		}
	cg_destroy(cg);
	arena_destroy(arena);
	return code;
}

typedef union Block {
	double f64[PAIRS + 64];
	float f32[PAIRS + 64];
} Block;

static void put(Block *to, size_t i, double x, bool f32)
{
	if (f32)
		to->f32[i] = (float)x;
	else
		to->f64[i] = x;
}

static double get(const Block *from, size_t i, bool f32)
{
	return f32 ? (double)from->f32[i] : from->f64[i];
}

/* All pairs through one emitted dual. */
static void evaluate(const Code *code, NonlinearityId id, uint32_t s, const Pair *pairs, bool f32, Dual *out)
{
	static _Alignas(64) Block k, a, b, coef, value, slope;
	double values[MAX_COEFFICIENTS];
	Arena *arena = arena_create();
	uint32_t n = coefficients_of(arena, id, &rows[id].sets[s], values);
	arena_destroy(arena);
	for (uint32_t i = 0; i < n; i++)
		put(&coef, i, values[i], f32);
	for (size_t i = 0; i < PAIRS + 64; i++) {
		Pair p = pairs[i < PAIRS ? i : 0];
		put(&k, i, p.k, f32);
		put(&a, i, p.a, f32);
		put(&b, i, p.b, f32);
	}
	code->dual[id][s](&k, &a, &b, &coef, &value, &slope, (PAIRS + code->lanes - 1) / code->lanes);
	for (size_t i = 0; i < PAIRS; i++)
		out[i] = (Dual){get(&value, i, f32), get(&slope, i, f32)};
}

/* ---- errors ---- */

typedef struct Errors {
	double value, slope;
} Errors;

typedef struct Result {
	Errors f64, f32, reference;
} Result;

/* What moving each of the inputs a little does, taken together; NaN counts for nothing. */
static Dual blur(NonlinearityId id, const Set *set, const Pair *p, double h)
{
	Dual d = reference_duals[id](set->args, set->count, p->a, p->b, p->k), sum = {0, 0};
	double root = sqrt(p->a) * sqrt(p->b), most_units = root - fabs(p->k) <= 12 * h * root ? 6 : 3;
	for (int which = 0; which < 3; which++) {
		Dual most = {0, 0};
		for (int sign = -1; sign <= 1; sign += 2) {
			Pair q = *p;
			*(which == 0 ? &q.a : which == 1 ? &q.b : &q.k) *= 1 + most_units * h * sign;
			Dual moved = reference_duals[id](set->args, set->count, q.a, q.b, q.k);
			most.value = fmax(most.value, fabs(moved.value - d.value));
			most.slope = fmax(most.slope, fabs(moved.slope - d.slope));
		}
		sum.value += most.value;
		sum.slope += most.slope;
	}
	return sum;
}

static double beyond(double got, long double want, double blurred, double unit)
{
	double difference = (double)fabsl(got - want);
	if (difference <= blurred || difference == 0)
		return 0;
	return isnan(difference) ? HUGE_VAL : (difference - blurred) / unit;
}

static double unit_of(double left, double right)
{
	return sqrt(fabs(left)) * sqrt(fabs(right));
}

/* What errors are measured in; for a variance that vanishes that of a faint sample. */
static Dual diagonal(NonlinearityId id, const Set *set, double variance)
{
	double v = variance > 0 ? variance : 1e-20 * nonlinearities[id].low;
	return reference_duals[id](set->args, set->count, v, v, v);
}

/* Compares one dual, says where it is off by more than `bound`, keeps the largest error. */
static bool compare(const char *who, NonlinearityId id, const Set *set, const Pair *p, const Means *want, Dual got, double h,
		    double bound, Errors *worst)
{
	Dual left = diagonal(id, set, p->a), right = diagonal(id, set, p->b);
	Dual blurred = blur(id, set, p, h);
	double value = beyond(got.value, want->value, blurred.value, unit_of(left.value, right.value));
	double slope = beyond(got.slope, want->slope, blurred.slope, unit_of(left.slope, right.slope));
	worst->value = fmax(worst->value, value);
	worst->slope = fmax(worst->slope, slope);
	if (value <= bound && slope <= bound)
		return true;
	fprintf(stderr, "%s %s(%g, %g, %g): a = %.17g, b = %.17g, k = %.17g: T = %.17g, should be %.17Lg (%.2g); slope = %.17g, should be %.17Lg (%.2g)\n",
		who, nonlinearities[id].name, set->args[0], set->args[1], set->args[2], p->a, p->b, p->k, got.value,
		want->value, value, got.slope, want->slope, slope);
	return false;
}

/* Is the expectation there at all, and within what numbers of this precision hold? */
static bool representable(NonlinearityId id, const Set *set, const Pair *p, bool f32)
{
	double most = f32 ? FLT_MAX / 4 : DBL_MAX / 4;
	const double variances[] = {p->a, p->b};
	for (int i = 0; i < 2; i++) {
		Dual d = reference_duals[id](set->args, set->count, variances[i], variances[i], variances[i]);
		if (!(d.value <= most && d.slope <= most)) /* NaN: no second moment */
			return false;
	}
	return true;
}

static uint32_t check_precision(const Code *code, NonlinearityId id, bool f32, Result *result)
{
	static Dual got[MAX_SETS][PAIRS];
	static Pair pairs[PAIRS];
	uint64_t seed = 20240607u + (uint64_t)id;
	uint32_t sets = set_count(&rows[id]), failures = 0;
	for (uint32_t i = 0; i < PAIRS; i++) {
		const Set *set = &rows[id].sets[i / 16 % sets];
		do {
			pairs[i] = draw_pair(&nonlinearities[id], i, f32, &seed);
		} while (!representable(id, set, &pairs[i], f32));
	}
	for (uint32_t s = 0; s < sets; s++)
		evaluate(code, id, s, pairs, f32, got[s]);
	for (uint32_t i = 0; i < PAIRS; i++) {
		uint32_t s = i / 16 % sets;
		const Set *set = &rows[id].sets[s];
		const Pair *p = &pairs[i];
		Means want = by_definition(id, set, p, f32 ? steps_f32 : steps_f64);
		if (f32) {
			failures += !compare("f32", id, set, p, &want, got[s][i], FLT_EPSILON / 2, BOUND_F32, &result->f32);
			continue;
		}
		Dual reference = reference_duals[id](set->args, set->count, p->a, p->b, p->k);
		failures += !compare("f64", id, set, p, &want, got[s][i], DBL_EPSILON / 2, BOUND_F64, &result->f64);
		failures += !compare("reference", id, set, p, &want, reference, DBL_EPSILON / 2, BOUND_F64, &result->reference);
	}
	return failures;
}

static uint32_t check_all(Result *results)
{
	uint32_t failures = 0;
	for (int f32 = 0; f32 < 2; f32++) {
		Code code = compile(f32);
		for (int id = 0; id < NONLINEARITY_COUNT; id++)
			failures += check_precision(&code, (NonlinearityId)id, f32, &results[id]);
		dlclose(code.library);
	}
	return failures;
}

static void print_table(const Result *results)
{
	printf("| function | K, f64 | slope, f64 | K, f32 | slope, f32 | K, reference | slope, reference |\n"
	       "| --- | --- | --- | --- | --- | --- | --- |\n");
	for (int id = 0; id < NONLINEARITY_COUNT; id++) {
		const Result *r = &results[id];
		printf("| `%s` | %.1e | %.1e | %.1e | %.1e | %.1e | %.1e |\n", nonlinearities[id].name, r->f64.value, r->f64.slope,
		       r->f32.value, r->f32.slope, r->reference.value, r->reference.slope);
	}
}

/* ---- the tests ---- */

static void test_duals(void **state)
{
	(void)state;
	Result results[NONLINEARITY_COUNT] = {{{0, 0}, {0, 0}, {0, 0}}};
	assert_int_equal(check_all(results), 0);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--table") == 0) {
		Result results[NONLINEARITY_COUNT] = {{{0, 0}, {0, 0}, {0, 0}}};
		uint32_t failures = check_all(results);
		print_table(results);
		return failures > 0;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
