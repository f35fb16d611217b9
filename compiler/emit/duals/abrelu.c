#include "emit/duals/angle.h"
#include "emit/duals/dual.h"

#define PI 3.14159265358979323846

static void factors(Cg *cg, const CgArgs *a, LLVMValueRef v_variance, LLVMValueRef *factor)
{
	(void)a;
	cg_roots(cg, v_variance, &factor[0], &factor[1]);
}

/* [KR-11] Coefficients: coef_d = (alpha - beta)^2 / (2 pi), coef_0 = (alpha^2 + beta^2) / 2. With theta = acos c
 *
 *   Tdot = coef_0 - coef_d theta = (coef_0 - coef_d pi/2) + coef_d asin c
 *   T    = coef_d D + Tdot k,      D = sqrt(a b) S
 *
 * On the diagonal Tdot is coef_0, where a variance vanishes coef_0 - coef_d pi/2. Absolute error of Tdot 4e-8 (f32), 1e-16
 * (f64) times coef_d + coef_0, apart from what the rounding of k does. */
static CgDual dual(Cg *cg, const CgArgs *a, LLVMValueRef k, const LLVMValueRef *left, const LLVMValueRef *right)
{
	LLVMValueRef coef_d = a->coef[0], coef_0 = a->coef[1];
	CgCorrelation c = cg_correlation(cg, k, left[0], right[0]);
	LLVMValueRef v_middle = cg_fnma(cg, coef_d, cg_const_like(cg, k, PI / 2), coef_0);
	LLVMValueRef v_tdot = cg_fma(cg, coef_d, cg_flip_sign(cg, c.v_asin, c.v_c), v_middle);
	LLVMValueRef v_d = cg_fmul(cg, c.v_sine, cg_fmul(cg, left[1], right[1]));
	return (CgDual){.v_k = cg_fma(cg, v_tdot, k, cg_fmul(cg, coef_d, v_d)), .v_tdot = v_tdot};
}

const CgFace cg_dual_abrelu = {factors, dual};
