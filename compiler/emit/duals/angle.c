#include "emit/duals/angle.h"

#include <float.h>

#include "emit/duals/coefficients.h"
#include "emit/duals/polynomial_of.h"

#define PI 3.14159265358979323846

/* 1 - x^2 for x in [0, 1] without cancellation: one rounding, or the product of two exact factors. */
static LLVMValueRef cg_one_minus_square(Cg *cg, LLVMValueRef x)
{
	LLVMValueRef v_one = cg_const_like(cg, x, 1.0);
	if (cg->target.has_fma)
		return cg_fnma(cg, x, x, v_one);
	return cg_fmul(cg, cg_fsub(cg, v_one, x), cg_fadd(cg, v_one, x));
}

/* ---- correlations ---- */

void cg_roots(Cg *cg, LLVMValueRef v, LLVMValueRef *v_inverse, LLVMValueRef *v_root)
{
	LLVMValueRef v_normal = cg_fge(cg, v, cg_const_like(cg, v, cg_is_f32(cg, v) ? FLT_MIN : DBL_MIN));
	LLVMValueRef v_zero = cg_const_like(cg, v, 0.0);
	LLVMValueRef v_sd = cg_sqrt(cg, v);
	*v_inverse = cg_select(cg, v_normal, cg_fdiv(cg, cg_const_like(cg, v, 1.0), v_sd), v_zero);
	*v_root = cg_select(cg, v_normal, v_sd, v_zero);
}

/* asin |c| = pi/4 - t B(v),    t = S - x,    v = S + x */
CgCorrelation cg_correlation(Cg *cg, LLVMValueRef k, LLVMValueRef inv_a, LLVMValueRef inv_b)
{
	bool f32 = cg_is_f32(cg, k);
	double eps = f32 ? FLT_EPSILON : DBL_EPSILON;
	Poly p = f32 ? POLY(coef_abrelu_f32, 1) : POLY(coef_abrelu_f64, 2);
	CgCorrelation c;
	c.v_c = cg_fmul(cg, k, cg_fmul(cg, inv_a, inv_b));
	LLVMValueRef v_abs = cg_fabs(cg, c.v_c);
	LLVMValueRef v_below = cg_flt(cg, v_abs, cg_const_like(cg, k, 1.0 - 3.0 * eps));
	c.v_x = cg_select(cg, v_below, v_abs, cg_const_like(cg, k, 1.0));
	c.v_sine = cg_sqrt(cg, cg_one_minus_square(cg, c.v_x));
	LLVMValueRef v_b = cg_polynomial(cg, p, cg_fadd(cg, c.v_sine, c.v_x));
	c.v_asin = cg_fnma(cg, cg_fsub(cg, c.v_sine, c.v_x), v_b, cg_const_like(cg, k, PI / 4));
	return c;
}

/* ---- widened variances ---- */

LLVMValueRef cg_widened_factor(Cg *cg, LLVMValueRef v, LLVMValueRef s)
{
	LLVMValueRef v_one = cg_const_like(cg, v, 1.0);
	return cg_fdiv(cg, v_one, cg_sqrt(cg, cg_fma(cg, s, v, v_one)));
}

CgWidened cg_widened(Cg *cg, LLVMValueRef k, LLVMValueRef ia, LLVMValueRef ib, LLVMValueRef s)
{
	double error = 10.0 * (cg_is_f32(cg, k) ? FLT_EPSILON : DBL_EPSILON);
	CgWidened w;
	w.v_m = cg_fmul(cg, ia, ib);
	w.v_z = cg_fmul(cg, s, cg_fmul(cg, k, w.v_m));
	w.v_x = cg_fabs(cg, w.v_z);
	LLVMValueRef v_least = cg_fmul(cg, w.v_m, cg_fsub(cg, cg_const_like(cg, k, 2.0), w.v_m));
	LLVMValueRef v_apart = cg_fsub(cg, ia, ib); /* 0 where a sample meets itself */
	v_least = cg_fma(cg, v_apart, v_apart, v_least);
	LLVMValueRef v_rest2 = cg_one_minus_square(cg, w.v_x);
	LLVMValueRef v_sure = cg_fnma(cg, w.v_x, cg_const_like(cg, k, error), v_rest2);
	w.v_sine = cg_sqrt(cg, cg_select(cg, cg_fgt(cg, v_sure, v_least), v_rest2, v_least));
	return w;
}

LLVMValueRef cg_widened_asin(Cg *cg, const CgWidened *w)
{
	Poly p = cg_is_f32(cg, w->v_z) ? POLY(coef_erf_f32, 1) : POLY(coef_erf_f64, 2);
	LLVMValueRef v_one = cg_const_like(cg, w->v_z, 1.0);
	LLVMValueRef v_small = cg_fmin(cg, w->v_x, w->v_sine);
	LLVMValueRef v_large = cg_fmax(cg, w->v_x, w->v_sine);
	LLVMValueRef v_angle = cg_fmul(cg, v_small, cg_polynomial(cg, p, cg_fsub(cg, v_one, v_large)));
	LLVMValueRef v_folded = cg_fgt(cg, w->v_x, w->v_sine);
	LLVMValueRef v_rest = cg_fsub(cg, cg_const_like(cg, w->v_z, PI / 2), v_angle);
	return cg_flip_sign(cg, cg_select(cg, v_folded, v_rest, v_angle), w->v_z);
}
