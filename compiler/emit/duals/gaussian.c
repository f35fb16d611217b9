#include "emit/duals/angle.h"
#include "emit/duals/dual.h"

#include <math.h>

static void factors(Cg *cg, const CgArgs *a, LLVMValueRef v_variance, LLVMValueRef *factor)
{
	/* 1/sqrt(1 - 2 B a); where 4 B a >= 1 the function has no second moment. */
	LLVMValueRef v_2ba = cg_fmul(cg, a->coef[0], v_variance);
	LLVMValueRef v_exists = cg_flt(cg, v_2ba, cg_const_like(cg, v_variance, 0.5));
	LLVMValueRef v_factor = cg_widened_factor(cg, v_variance, cg_fneg(cg, a->coef[0]));
	factor[0] = cg_select(cg, v_exists, v_factor, cg_const_like(cg, v_variance, NAN));
}

/* [KR-54] Coefficients: 2 B, A^2, 4 A^2 B^2. 1/sqrt(Delta) = m/S, as for the error function. */
static CgDual dual(Cg *cg, const CgArgs *a, LLVMValueRef k, const LLVMValueRef *left, const LLVMValueRef *right)
{
	CgWidened w = cg_widened(cg, k, left[0], right[0], a->coef[0]);
	LLVMValueRef v_g = cg_fdiv(cg, w.v_m, w.v_sine);
	LLVMValueRef v_cube = cg_fmul(cg, cg_fmul(cg, v_g, k), cg_fmul(cg, v_g, v_g));
	return (CgDual){.v_k = cg_fmul(cg, a->coef[1], v_g), .v_tdot = cg_fmul(cg, a->coef[2], v_cube)};
}

const CgFace cg_dual_gaussian = {factors, dual};
