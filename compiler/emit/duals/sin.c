#include "emit/duals/dual.h"
#include "emit/duals/exponential.h"

static void factors(Cg *cg, const CgArgs *a, LLVMValueRef v_variance, LLVMValueRef *factor)
{
	factor[0] = cg_fmul(cg, cg_fmul(cg, a->coef[0], v_variance), cg_const_like(cg, v_variance, 0.5));
}

/* [KR-51] Coefficients: B^2, A^2 sin^2 C, A^2 cos^2 C, and these two times B^2. With y = B^2 k and h = B^2 (a + b)/2,
 *
 *   E- + E+ = 2 exp(-h) cosh y = most (2 + m1),    E- - E+ = 2 exp(-h) sinh y = -most m1 sign y,
 *
 * most = exp(|y| - h), m1 = exp(-2 |y|) - 1: relative accuracy where y is small, no overflow where it is large. */
static CgDual dual(Cg *cg, const CgArgs *a, LLVMValueRef k, const LLVMValueRef *left, const LLVMValueRef *right)
{
	LLVMValueRef v_half = cg_const_like(cg, k, 0.5);
	LLVMValueRef v_y = cg_fmul(cg, a->coef[0], k), v_abs = cg_fabs(cg, v_y);
	LLVMValueRef v_most = cg_fmul(cg, cg_exp(cg, cg_fsub(cg, v_abs, cg_fadd(cg, left[0], right[0]))), v_half);
	LLVMValueRef v_m1 = cg_expm1_below(cg, cg_fmul(cg, v_abs, cg_const_like(cg, k, -2)));
	LLVMValueRef v_even = cg_fmul(cg, v_most, cg_fadd(cg, v_m1, cg_const_like(cg, k, 2)));
	LLVMValueRef v_odd = cg_flip_sign(cg, cg_fneg(cg, cg_fmul(cg, v_most, v_m1)), v_y);
	return (CgDual){
		.v_k = cg_fma(cg, a->coef[1], v_even, cg_fmul(cg, a->coef[2], v_odd)),
		.v_tdot = cg_fma(cg, a->coef[3], v_odd, cg_fmul(cg, a->coef[4], v_even)),
	};
}

const CgFace cg_dual_sin = {factors, dual};
