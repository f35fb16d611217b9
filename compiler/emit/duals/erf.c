#include "emit/duals/angle.h"
#include "emit/duals/dual.h"

static void factors(Cg *cg, const CgArgs *a, LLVMValueRef v_variance, LLVMValueRef *factor)
{
	factor[0] = cg_widened_factor(cg, v_variance, a->coef[0]);
}

/* [KR-12] Coefficients: 2 B^2, A^2 (2/pi), A^2 B^2 (4/pi), C^2. */
static CgDual dual(Cg *cg, const CgArgs *a, LLVMValueRef k, const LLVMValueRef *left, const LLVMValueRef *right)
{
	CgWidened w = cg_widened(cg, k, left[0], right[0], a->coef[0]);
	LLVMValueRef v_asin = cg_widened_asin(cg, &w);
	return (CgDual){
		.v_k = cg_fma(cg, a->coef[1], v_asin, a->coef[3]),
		.v_tdot = cg_fdiv(cg, cg_fmul(cg, a->coef[2], w.v_m), w.v_sine),
	};
}

const CgFace cg_dual_erf = {factors, dual};
