/* The duals of ABRelu and Erf in line: the inner loop of every kernel with these nonlinearities.
 *
 * One square root and one short polynomial each. Let x = cos and S = sin of an angle phi in [0, pi/2] (S from 1 -
 * x^2). An angle in [0, pi/4] is its sine times R(its cosine), R(y) = acos(y)/sqrt(1 - y^2), which is smooth on
 * [1/sqrt 2, 1]: its nearest singularity is y = -1, so 5 coefficients reach float and 11 double. (In powers of 1 - x
 * or of a squared sine, the usual choices, it takes 7 and 18, or a second square root.) Two ways lead into [0, pi/4]:
 *
 *   turn  phi - pi/4 has cosine (S + x)/sqrt 2 and sine (S - x)/sqrt 2: two additions, absolute accuracy    (ABRelu)
 *   fold  phi or pi/2 - phi has sine min(x, S) and cosine max(x, S): relative accuracy near x = 0           (Erf)
 *
 * The polynomials are scripts/fit_dual.py's. */
#include "emit/cg.h"

#include <float.h>

#include "base/diag.h"
#include "emit/cg_dual_coef.h"

#define PI 3.14159265358979323846

typedef struct Poly {
	const double *coefficients; /* lowest first */
	int count;
	int chains; /* independent sums: 1 has the fewest operations, 2 half the latency */
} Poly;

#define POLY(table, n_chains) ((Poly){table, sizeof table / sizeof *table, n_chains})

static LLVMValueRef horner(Cg *cg, Poly p, int first, int stride, LLVMValueRef v)
{
	int i = first + (p.count - 1 - first) / stride * stride;
	LLVMValueRef v_sum = cg_const_like(cg, v, p.coefficients[i]);
	for (i -= stride; i >= first; i -= stride)
		v_sum = cg_fma(cg, v_sum, v, cg_const_like(cg, v, p.coefficients[i]));
	return v_sum;
}

static LLVMValueRef polynomial(Cg *cg, Poly p, LLVMValueRef v)
{
	ENTK_ASSERT(p.chains == 1 || p.chains == 2);
	if (p.chains == 1)
		return horner(cg, p, 0, 1, v);
	LLVMValueRef v_square = cg_fmul(cg, v, v);
	return cg_fma(cg, horner(cg, p, 1, 2, v_square), v, horner(cg, p, 0, 2, v_square));
}

/* 1 - x^2 for x in [0, 1] without cancellation: one rounding, or the product of two exact factors. */
static LLVMValueRef one_minus_square(Cg *cg, LLVMValueRef x)
{
	LLVMValueRef v_one = cg_const_like(cg, x, 1.0);
	if (cg->target.has_fma)
		return cg_fnma(cg, x, x, v_one);
	return cg_fmul(cg, cg_fsub(cg, v_one, x), cg_fadd(cg, v_one, x));
}

/* ---- ABRelu ---- */

CgFactors cg_variance_factors(Cg *cg, LLVMValueRef v)
{
	/* Below the smallest normal number a variance is 0: 1/sqrt(v) squared must stay finite, and such values have lost
	 * their precision anyway. NaN goes the same way; it comes back through k. */
	LLVMValueRef v_normal = cg_fge(cg, v, cg_const_like(cg, v, cg_is_f32(cg, v) ? FLT_MIN : DBL_MIN));
	LLVMValueRef v_zero = cg_const_like(cg, v, 0.0);
	LLVMValueRef v_sd = cg_sqrt(cg, v);
	return (CgFactors){
		.v_inv = cg_select(cg, v_normal, cg_fdiv(cg, cg_const_like(cg, v, 1.0), v_sd), v_zero),
		.v_sd = cg_select(cg, v_normal, v_sd, v_zero),
	};
}

/* Correlation c = k (1/sqrt a)(1/sqrt b), x = |c|, theta = acos c:
 *
 *   Tdot = coef_0 - coef_d theta = (coef_0 - coef_d pi/2) + coef_d asin c
 *   asin |c| = pi/4 - t B(v),    t = S - x,    v = S + x
 *   T = coef_d D + Tdot k,       D = sqrt(a b) S
 *
 * x = 1 is pinned where x >= 1 - 3 eps. theta has slope infinity there, and a sample that meets itself must give
 * theta = 0: with h = eps/2 its c is 1 up to 6 h (square root and division make 2 h in each 1/sqrt a, the two
 * products h each), and just below 1 numbers are h apart, so 1 - c <= 3 eps for certain. Other pairs lose nothing by
 * it: within 3 eps of 1 their c carries no information either, k being rounded. The polynomial is fitted so that x =
 * 1 gives asin = pi/2 to the last bit, and x = 0 gives 0: then Tdot is coef_0 on the diagonal, and coef_0 - coef_d
 * pi/2 where a variance vanishes. */
CgDual cg_abrelu(Cg *cg, LLVMValueRef k, LLVMValueRef inv_a, LLVMValueRef inv_b, LLVMValueRef sd_a, LLVMValueRef sd_b,
		 LLVMValueRef coef_d, LLVMValueRef coef_0)
{
	bool f32 = cg_is_f32(cg, k);
	double eps = f32 ? FLT_EPSILON : DBL_EPSILON;
	Poly p = f32 ? POLY(coef_abrelu_f32, 1) : POLY(coef_abrelu_f64, 2);

	LLVMValueRef v_c = cg_fmul(cg, k, cg_fmul(cg, inv_a, inv_b));
	LLVMValueRef v_abs = cg_fabs(cg, v_c);
	LLVMValueRef v_below = cg_flt(cg, v_abs, cg_const_like(cg, k, 1.0 - 3.0 * eps));
	LLVMValueRef v_x = cg_select(cg, v_below, v_abs, cg_const_like(cg, k, 1.0));
	LLVMValueRef v_sine = cg_sqrt(cg, one_minus_square(cg, v_x));

	LLVMValueRef v_b = polynomial(cg, p, cg_fadd(cg, v_sine, v_x));
	LLVMValueRef v_asin = cg_fnma(cg, cg_fsub(cg, v_sine, v_x), v_b, cg_const_like(cg, k, PI / 4));
	LLVMValueRef v_middle = cg_fnma(cg, coef_d, cg_const_like(cg, k, PI / 2), coef_0);
	LLVMValueRef v_tdot = cg_fma(cg, coef_d, cg_flip_sign(cg, v_asin, v_c), v_middle);

	LLVMValueRef v_d = cg_fmul(cg, v_sine, cg_fmul(cg, sd_a, sd_b));
	return (CgDual){.v_k = cg_fma(cg, v_tdot, k, cg_fmul(cg, coef_d, v_d)), .v_tdot = v_tdot};
}

/* ---- Erf ---- */

LLVMValueRef cg_erf_factor(Cg *cg, LLVMValueRef v, LLVMValueRef two_b2)
{
	LLVMValueRef v_one = cg_const_like(cg, v, 1.0);
	return cg_fdiv(cg, v_one, cg_sqrt(cg, cg_fma(cg, two_b2, v, v_one)));
}

/* With m = ia ib: Cauchy-Schwarz (k^2 <= a b) gives 1 - z^2 >= ia^2 + ib^2 - m^2 >= m (2 - m), with equality where a
 * sample meets itself. 1 - z^2 is taken as that bound unless it is larger by more than its own error, at most 10 eps
 * |z|: z is off by up to 9 eps/2 (twice 3 halves in a factor, three products). So Tdot, which divides by its root, is
 * right to a few ulps on the diagonal, and finite everywhere, even where 2 B^2 a is so large that z rounds to 1. */
CgDual cg_erf(Cg *cg, LLVMValueRef k, LLVMValueRef ia, LLVMValueRef ib, LLVMValueRef two_b2, LLVMValueRef coef_t,
	      LLVMValueRef coef_s, LLVMValueRef coef_c)
{
	bool f32 = cg_is_f32(cg, k);
	Poly p = f32 ? POLY(coef_erf_f32, 1) : POLY(coef_erf_f64, 2);
	LLVMValueRef v_one = cg_const_like(cg, k, 1.0);

	LLVMValueRef v_m = cg_fmul(cg, ia, ib);
	LLVMValueRef v_z = cg_fmul(cg, two_b2, cg_fmul(cg, k, v_m));
	LLVMValueRef v_x = cg_fabs(cg, v_z);
	LLVMValueRef v_least = cg_fmul(cg, v_m, cg_fsub(cg, cg_const_like(cg, k, 2.0), v_m));
	LLVMValueRef v_rest2 = one_minus_square(cg, v_x);
	LLVMValueRef v_sure = cg_fnma(cg, v_x, cg_const_like(cg, k, 10.0 * (f32 ? FLT_EPSILON : DBL_EPSILON)), v_rest2);
	LLVMValueRef v_sine = cg_sqrt(cg, cg_select(cg, cg_fgt(cg, v_sure, v_least), v_rest2, v_least));

	LLVMValueRef v_small = cg_fmin(cg, v_x, v_sine);
	LLVMValueRef v_large = cg_fmax(cg, v_x, v_sine);
	LLVMValueRef v_angle = cg_fmul(cg, v_small, polynomial(cg, p, cg_fsub(cg, v_one, v_large)));
	LLVMValueRef v_folded = cg_fgt(cg, v_x, v_sine);
	LLVMValueRef v_rest = cg_fsub(cg, cg_const_like(cg, k, PI / 2), v_angle);
	LLVMValueRef v_asin = cg_flip_sign(cg, cg_select(cg, v_folded, v_rest, v_angle), v_z);
	return (CgDual){
		.v_k = cg_fma(cg, coef_t, v_asin, coef_c),
		.v_tdot = cg_fdiv(cg, cg_fmul(cg, coef_s, v_m), v_sine),
	};
}
