/* The inline duals, compiled for every level of instructions that this machine has, against long double.
 *
 * Reasons for the tolerances. h is half an ulp of 1. The correlation c carries a relative error of up to 6 h (two
 * factors of 2 h, two products), and is taken as 1 above 1 - 6 h: Tdot, whose slope in c is infinite at 1, may be off
 * by what that much of c makes. T is stationary in the c from which D and theta are computed together, so there only
 * roundings and the polynomial's error remain. */
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
#include "load_object.h"

#define PI_L 3.14159265358979323846264338327950288L

static const char *const cpus[] = {NULL,        "x86-64",    "x86-64-v2",      "ivybridge",
				   "x86-64-v3", "x86-64-v4", "generic-aarch64"};

/* ---- the module under test ---- */

/* void(const real *k, *a, *b, *coef, real *out_k, real *out_tdot, int64_t n) */
typedef enum Shape { SHAPE_LANE, SHAPE_SCALAR, SHAPE_DOUBLE_LANE } Shape;

static LLVMValueRef load_as(Cg *cg, Shape shape, unsigned param, LLVMValueRef v_i)
{
	if (shape == SHAPE_SCALAR)
		return cg_load_real(cg, cg_param(cg, param), v_i);
	LLVMValueRef v = cg_load_lane(cg, cg_param(cg, param), v_i);
	return shape == SHAPE_DOUBLE_LANE ? cg_lane_to_f64(cg, v) : v;
}

static void store_as(Cg *cg, Shape shape, unsigned param, LLVMValueRef v_i, LLVMValueRef v)
{
	if (shape == SHAPE_SCALAR)
		cg_store_real(cg, cg_param(cg, param), v_i, v);
	else
		cg_store_lane(cg, cg_param(cg, param), v_i, shape == SHAPE_DOUBLE_LANE ? cg_f64_to_lane(cg, v) : v);
}

static LLVMValueRef coefficient(Cg *cg, Shape shape, int i)
{
	LLVMValueRef v = cg_load_real(cg, cg_param(cg, 3), cg_i64(cg, i));
	if (shape == SHAPE_SCALAR)
		return v;
	return shape == SHAPE_DOUBLE_LANE ? cg_lane_to_f64(cg, cg_splat(cg, v)) : cg_splat(cg, v);
}

static void emit_dual(Cg *cg, const char *name, Shape shape, NonlinearityId id)
{
	LLVMTypeRef t_params[] = {cg->t_ptr, cg->t_ptr, cg->t_ptr, cg->t_ptr, cg->t_ptr, cg->t_ptr, cg->t_i64};
	cg_function_begin(cg, name, cg->t_void, t_params, 7, false);
	CgLoop loop = cg_loop_begin(cg, cg_i64(cg, 0), cg_param(cg, 6), 1, "i");
	LLVMValueRef k = load_as(cg, shape, 0, loop.v_i);
	LLVMValueRef a = load_as(cg, shape, 1, loop.v_i);
	LLVMValueRef b = load_as(cg, shape, 2, loop.v_i);
	LLVMValueRef coef[4], left[2], right[2];
	for (int c = 0; c < 4; c++)
		coef[c] = coefficient(cg, shape, c);
	CgArgs args = {.coef = coef};
	cg_faces[id]->factors(cg, &args, a, left);
	cg_faces[id]->factors(cg, &args, b, right);
	CgDual dual = cg_faces[id]->dual(cg, &args, k, left, right);
	store_as(cg, shape, 4, loop.v_i, dual.v_k);
	store_as(cg, shape, 5, loop.v_i, dual.v_tdot);
	cg_loop_end(cg, &loop);
	cg_function_end(cg);
}

typedef void Dual(const void *k, const void *a, const void *b, const void *coef, void *out_k, void *out_tdot,
		  int64_t n);

typedef struct Code {
	const char *cpu;
	bool f32;
	int64_t lanes;
	void *library;
	Dual *abrelu, *abrelu_scalar, *abrelu_double, *erf, *erf_scalar, *erf_double;
} Code;

static Dual *find_dual(void *library, const char *name)
{
	void *symbol = load_symbol(library, name);
	Dual *function;
	memcpy(&function, &symbol, sizeof function);
	return function;
}

static Code compile(const char *cpu, bool f32)
{
	Arena *arena = arena_create();
	char *error = NULL;
	CgOptions options = {.cpu = cpu, .f32 = f32, .module_name = "test"};
	Cg *cg = cg_create(arena, &options, &error);
	assert_non_null(cg);
	emit_dual(cg, "abrelu", SHAPE_LANE, NONLINEARITY_abrelu);
	emit_dual(cg, "abrelu_scalar", SHAPE_SCALAR, NONLINEARITY_abrelu);
	emit_dual(cg, "abrelu_double", SHAPE_DOUBLE_LANE, NONLINEARITY_abrelu);
	emit_dual(cg, "erf_lane", SHAPE_LANE, NONLINEARITY_erf);
	emit_dual(cg, "erf_scalar", SHAPE_SCALAR, NONLINEARITY_erf);
	emit_dual(cg, "erf_double", SHAPE_DOUBLE_LANE, NONLINEARITY_erf);
	cg_optimize(cg);
	char path[4096];
	snprintf(path, sizeof path, "%s", temporary_path(".o"));
	if (!cg_write(cg, CG_FORM_OBJECT, path, &error))
		fail_msg("%s", error);
	void *library = load_object(path);
	Code code = {.cpu = cpu != NULL ? cpu : "host",
		     .f32 = f32,
		     .lanes = cg->lanes,
		     .library = library,
		     .abrelu = find_dual(library, "abrelu"),
		     .abrelu_scalar = find_dual(library, "abrelu_scalar"),
		     .abrelu_double = find_dual(library, "abrelu_double"),
		     .erf = find_dual(library, "erf_lane"),
		     .erf_scalar = find_dual(library, "erf_scalar"),
		     .erf_double = find_dual(library, "erf_double")};
	cg_destroy(cg);
	arena_destroy(arena);
	return code;
}

static bool has_feature(const char *features, const char *word, size_t length)
{
	for (const char *at = features; *at != '\0';) {
		size_t n = strcspn(at, ",");
		if (n == length && memcmp(at, word, n) == 0)
			return true;
		at += n + (at[n] == ',');
	}
	return false;
}

static bool runs_here(const char *cpu)
{
	Arena *arena = arena_create();
	CgTarget here, wanted;
	assert_true(cg_target_find(arena, NULL, &here));
	assert_true(cg_target_find(arena, cpu, &wanted));
	bool runs = wanted.host_arch;
	if (strcmp(wanted.cpu, "x86-64") != 0) { /* the oldest level is in all others */
		for (const char *at = wanted.proc_features; runs && *at != '\0';) {
			size_t n = strcspn(at, ",");
			runs = has_feature(here.proc_features, at, n);
			at += n + (at[n] == ',');
		}
	}
	arena_destroy(arena);
	return runs;
}

static void each_level(void (*check)(const Code *))
{
	for (size_t i = 0; i < sizeof cpus / sizeof *cpus; i++) {
		if (!runs_here(cpus[i]))
			continue;
		for (int f32 = 0; f32 < 2; f32++) {
			Code code = compile(cpus[i], f32);
			check(&code);
			dlclose(code.library);
		}
	}
}

/* ---- arrays of either precision ---- */

typedef struct Reals {
	bool f32;
	void *data;
} Reals;

static Reals reals(const Code *code, size_t count)
{
	size_t bytes = count * (code->f32 ? sizeof(float) : sizeof(double));
	Reals r = {code->f32, aligned_alloc(64, (bytes + 63) / 64 * 64)};
	assert_non_null(r.data);
	memset(r.data, 0, (bytes + 63) / 64 * 64);
	return r;
}

static void put(Reals r, size_t i, long double value)
{
	if (r.f32)
		((float *)r.data)[i] = (float)value;
	else
		((double *)r.data)[i] = (double)value;
}

static long double get(Reals r, size_t i)
{
	return r.f32 ? (long double)((float *)r.data)[i] : (long double)((double *)r.data)[i];
}

static long double half_ulp(const Code *code)
{
	return code->f32 ? FLT_EPSILON / 2 : DBL_EPSILON / 2;
}

static long double smallest(const Code *code)
{
	return code->f32 ? FLT_MIN : (long double)DBL_MIN;
}

/* ---- a grid of pairs ---- */

typedef struct Pairs {
	size_t count; /* a multiple of the lanes */
	Reals k, a, b, coef, out_k, out_tdot;
} Pairs;

static void free_pairs(Pairs *p)
{
	Reals all[] = {p->k, p->a, p->b, p->coef, p->out_k, p->out_tdot};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i].data);
}

static Pairs make_pairs(const Code *code, const long double *variances, size_t n)
{
	long double correlations[200];
	size_t m = 0;
	for (int j = -30; j <= 30; j++)
		correlations[m++] = j / 30.0L;
	for (int j = 2; j <= 60; j++) {
		correlations[m++] = 1 - ldexpl(1, -j);
		correlations[m++] = -1 + ldexpl(1, -j);
	}
	for (int j = 1; j <= 16; j++)
		correlations[m++] = (j % 2 != 0 ? 1 : -1) * powl(10, -j);
	assert_true(m <= sizeof correlations / sizeof *correlations);
	size_t lanes = (size_t)code->lanes, count = (n * n * m + lanes - 1) / lanes * lanes;
	Pairs p = {.count = count,
		   .k = reals(code, count),
		   .a = reals(code, count),
		   .b = reals(code, count),
		   .coef = reals(code, 4),
		   .out_k = reals(code, count),
		   .out_tdot = reals(code, count)};
	size_t at = 0;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			for (size_t l = 0; l < m; l++, at++) {
				put(p.a, at, variances[i]);
				put(p.b, at, variances[j]);
				put(p.k, at, correlations[l] * sqrtl(get(p.a, at)) * sqrtl(get(p.b, at)));
			}
		}
	}
	return p;
}

/* The scalar function and the lanes agree to the last bit. */
static void check_scalar(const Code *code, Pairs *p, Dual *scalar)
{
	Reals k = reals(code, p->count), tdot = reals(code, p->count);
	scalar(p->k.data, p->a.data, p->b.data, p->coef.data, k.data, tdot.data, (int64_t)p->count);
	size_t bytes = p->count * (code->f32 ? sizeof(float) : sizeof(double));
	assert_memory_equal(k.data, p->out_k.data, bytes);
	assert_memory_equal(tdot.data, p->out_tdot.data, bytes);
	free(k.data);
	free(tdot.data);
}

static void check_near(const Code *code, const Pairs *p, size_t i, const char *what, long double got, long double want,
		       long double tolerance)
{
	if (!(fabsl(got - want) <= tolerance))
		fail_msg("%s %s: k = %.17Lg, a = %.17Lg, b = %.17Lg: %s = %.17Lg, should be %.17Lg up to %.3Lg",
			 code->cpu, code->f32 ? "f32" : "f64", get(p->k, i), get(p->a, i), get(p->b, i), what, got,
			 want, tolerance);
}

/* ---- abrelu ---- */

static void check_abrelu_pair(const Code *code, const Pairs *p, size_t i, bool through_double)
{
	long double h = half_ulp(code), c0 = get(p->coef, 1), cd = get(p->coef, 0);
	long double k = get(p->k, i), a = get(p->a, i), b = get(p->b, i);
	/* in double a subnormal float is an ordinary number */
	if (!through_double) {
		a = a < smallest(code) ? 0 : a;
		b = b < smallest(code) ? 0 : b;
	}
	long double sab = sqrtl(a) * sqrtl(b);
	long double d = sqrtl(fmaxl(sab - fabsl(k), 0)) * sqrtl(sab + fabsl(k));
	long double theta = sab == 0 ? PI_L / 2 : atan2l(d, k);
	long double tdot = c0 - cd * theta;

	long double c = sab == 0 ? 0 : fmaxl(-1, fminl(1, k / sab));
	long double blur = 6 * h * fabsl(c) + (1 - fabsl(c) <= 12 * h ? 6 * h : 0);
	long double theta_c = acosl(c);
	long double theta_blur = fmaxl(acosl(fmaxl(c - blur, -1)) - theta_c, theta_c - acosl(fminl(c + blur, 1)));
	theta_blur *= 1.01L; /* acosl itself near 1 */
	long double rounding = 6 * h * (cd + c0);
	check_near(code, p, i, "tdot", get(p->out_tdot, i), tdot, cd * theta_blur + rounding);
	check_near(code, p, i, "k", get(p->out_k, i), cd * d + tdot * k,
		   rounding * fmaxl(sab, fabsl(k)) + cd * sab * powl(12 * h, 1.5L) + smallest(code));
}

static void check_abrelu(const Code *code)
{
	long double variances[] = {0, 0.0L, 0.0L, 0.0L, 1e-30L, 1e-6L, 0.3L, 1, 3, 7.7L, 1234.5L, 1e30L, 0.0L};
	size_t n = sizeof variances / sizeof *variances;
	variances[1] = code->f32 ? FLT_TRUE_MIN : DBL_TRUE_MIN;
	variances[2] = smallest(code);
	variances[3] = smallest(code) / 256; /* 1/v overflows */
	variances[n - 1] = code->f32 ? 8e37L : 4e307L;
	static const long double slopes[][2] = {{0, 1}, {-1, 1}, {0.7L, -1.3L}};
	Pairs p = make_pairs(code, variances, n);
	for (size_t s = 0; s < sizeof slopes / sizeof *slopes; s++) {
		long double al = slopes[s][0], be = slopes[s][1];
		put(p.coef, 0, (al - be) * (al - be) / (2 * PI_L));
		put(p.coef, 1, (al * al + be * be) / 2);
		code->abrelu(p.k.data, p.a.data, p.b.data, p.coef.data, p.out_k.data, p.out_tdot.data,
			     (int64_t)p.count / code->lanes);
		for (size_t i = 0; i < p.count; i++)
			check_abrelu_pair(code, &p, i, false);
		check_scalar(code, &p, code->abrelu_scalar);
		code->abrelu_double(p.k.data, p.a.data, p.b.data, p.coef.data, p.out_k.data, p.out_tdot.data,
				    (int64_t)p.count / code->lanes);
		for (size_t i = 0; i < p.count; i++)
			check_abrelu_pair(code, &p, i, code->f32);
	}
	free_pairs(&p);
}

static void test_abrelu(void **state)
{
	(void)state;
	each_level(check_abrelu);
}

/* A sample that meets itself: exactly half of the variance and of the NTK, for every mantissa (float), for many
 * (double). */
static void check_diagonal(const Code *code)
{
	enum { CHUNK = 1 << 16 };
	Pairs p = {.count = CHUNK,
		   .k = reals(code, CHUNK),
		   .coef = reals(code, 4),
		   .out_k = reals(code, CHUNK),
		   .out_tdot = reals(code, CHUNK)};
	put(p.coef, 0, 1 / (2 * PI_L));
	put(p.coef, 1, 0.5L);
	uint64_t seed = 20240601;
	for (uint32_t chunk = 0; chunk < 256; chunk++) {
		for (uint32_t i = 0; i < CHUNK; i++) {
			uint32_t number = chunk * CHUNK + i; /* 24 bits: all floats in [1, 4) */
			if (code->f32) {
				uint32_t bits = 0x3f800000u + number;
				memcpy((float *)p.k.data + i, &bits, sizeof bits);
			} else {
				seed = seed * 6364136223846793005u + 1442695040888963407u;
				uint64_t bits = 0x3ff0000000000000u + (seed >> 11);
				bits = bits < 0x7fd0000000000000u ? bits
								  : 0x4000000000000000u + (bits & 0xfffffffffffffu);
				memcpy((double *)p.k.data + i, &bits, sizeof bits);
			}
		}
		code->abrelu(p.k.data, p.k.data, p.k.data, p.coef.data, p.out_k.data, p.out_tdot.data,
			     CHUNK / code->lanes);
		for (uint32_t i = 0; i < CHUNK; i++) {
			if (get(p.out_tdot, i) != 0.5L || get(p.out_k, i) != get(p.k, i) / 2)
				fail_msg("%s: variance %.17Lg gives %.17Lg and Tdot %.17Lg", code->cpu, get(p.k, i),
					 get(p.out_k, i), get(p.out_tdot, i));
		}
	}
	free_pairs(&p);
}

static void test_diagonal(void **state)
{
	(void)state;
	each_level(check_diagonal);
}

/* ---- erf ---- */

static void check_erf_pair(const Code *code, const Pairs *p, size_t i)
{
	long double h = half_ulp(code), two_b2 = get(p->coef, 0);
	long double k = get(p->k, i), a = get(p->a, i), b = get(p->b, i);
	long double ra = 1 + two_b2 * a, rb = 1 + two_b2 * b;
	long double det = ra * rb - two_b2 * two_b2 * k * k; /* 64 bits: no loss at the sizes of these variances */
	long double root = sqrtl(det), z = two_b2 * k / sqrtl(ra * rb);
	long double s2 = det / (ra * rb);
	/* z: two factors of 3 h, three products, and the step of 10 ulps to the value on the diagonal in 1 - z^2. asin has
	 * slope 1/sqrt(1 - z^2). */
	long double blur = 20 * h * fabsl(z);
	long double slope = 1 / sqrtl(s2);
	long double t = get(p->coef, 1) * atan2l(two_b2 * k, root) + get(p->coef, 3);
	long double t_tolerance =
		get(p->coef, 1) * (blur * slope + 4 * h * fabsl(asinl(z / hypotl(z, sqrtl(s2))))) + 2 * h * fabsl(t);
	check_near(code, p, i, "k", get(p->out_k, i), t, t_tolerance);
	long double tdot = get(p->coef, 2) / root;
	check_near(code, p, i, "tdot", get(p->out_tdot, i), tdot, tdot * (8 * h + 1.5L * fabsl(z) * blur / s2));
}

static void check_erf(const Code *code)
{
	/* 1 - z^2 is about 1/(2 B^2 a) at correlation one: beyond 1e3 a float's z says little about it */
	long double variances[] = {0, 1e-12L, 1e-6L, 0.01L, 0.3L, 1, 2, 7.7L, 60, 600};
	Pairs p = make_pairs(code, variances, sizeof variances / sizeof *variances);
	static const long double shapes[][3] = {{1, 1, 0}, {1.3L, 0.7L, 0.2L}, {0.5L, 0.41631L, 0.5L}};
	for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
		long double scale = shapes[s][0], slope = shapes[s][1], shift = shapes[s][2];
		put(p.coef, 0, 2 * slope * slope);
		put(p.coef, 1, scale * scale * 2 / PI_L);
		put(p.coef, 2, scale * scale * slope * slope * 4 / PI_L);
		put(p.coef, 3, shift * shift);
		code->erf(p.k.data, p.a.data, p.b.data, p.coef.data, p.out_k.data, p.out_tdot.data,
			  (int64_t)p.count / code->lanes);
		for (size_t i = 0; i < p.count; i++)
			check_erf_pair(code, &p, i);
		check_scalar(code, &p, code->erf_scalar);
		code->erf_double(p.k.data, p.a.data, p.b.data, p.coef.data, p.out_k.data, p.out_tdot.data,
				 (int64_t)p.count / code->lanes);
		for (size_t i = 0; i < p.count; i++)
			check_erf_pair(code, &p, i);
	}
	free_pairs(&p);
}

static void test_erf(void **state)
{
	(void)state;
	each_level(check_erf);
}

/* On the diagonal Tdot stays right to a few ulps however large the variance, and nothing is NaN off it. */
static void check_erf_large(const Code *code)
{
	enum { COUNT = 1024 };
	Pairs p = {.count = COUNT,
		   .k = reals(code, COUNT),
		   .a = reals(code, COUNT),
		   .b = reals(code, COUNT),
		   .coef = reals(code, 4),
		   .out_k = reals(code, COUNT),
		   .out_tdot = reals(code, COUNT)};
	long double coefficients[] = {2, 2 / PI_L, 4 / PI_L, 0}, h = half_ulp(code);
	for (size_t i = 0; i < 4; i++)
		put(p.coef, i, coefficients[i]);
	for (size_t i = 0; i < COUNT; i++) {
		put(p.k, i, powl(10, -8 + 36.0L * (long double)i / COUNT));
		put(p.a, i, get(p.k, i));
		put(p.b, i, get(p.k, i));
	}
	code->erf(p.k.data, p.a.data, p.b.data, p.coef.data, p.out_k.data, p.out_tdot.data, COUNT / code->lanes);
	for (size_t i = 0; i < COUNT; i++) {
		long double v = get(p.k, i), tdot = get(p.coef, 2) / sqrtl(1 + 4 * v);
		check_near(code, &p, i, "tdot", get(p.out_tdot, i), tdot, 12 * h * tdot);
		long double t = get(p.coef, 1) * atan2l(2 * v, sqrtl(1 + 4 * v));
		check_near(code, &p, i, "k", get(p.out_k, i), t, 12 * h * t);
	}
	for (size_t i = 0; i < COUNT; i++)
		put(p.k, i, -get(p.a, i) * (1 + 2 * h));
	code->erf(p.k.data, p.a.data, p.b.data, p.coef.data, p.out_k.data, p.out_tdot.data, COUNT / code->lanes);
	for (size_t i = 0; i < COUNT; i++) {
		assert_true(isfinite(get(p.out_k, i)) && isfinite(get(p.out_tdot, i)));
		assert_true(get(p.out_k, i) <= 0 && get(p.out_tdot, i) > 0);
	}
	free_pairs(&p);
}

static void test_erf_large(void **state)
{
	(void)state;
	each_level(check_erf_large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_abrelu),
		cmocka_unit_test(test_diagonal),
		cmocka_unit_test(test_erf),
		cmocka_unit_test(test_erf_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
