#include "emit/duals/dual.h"
#include "emit/duals/exponential.h"

static void factors(Cg *cg, const CgArgs *a, LLVMValueRef v_variance, LLVMValueRef *factor)
{
	factor[0] = cg_fmul(cg, a->coef[0], v_variance);
}

/* [KR-53] Coefficients: B^2/2, A^2, A^2 B^2, B^2. */
static CgDual dual(Cg *cg, const CgArgs *a, LLVMValueRef k, const LLVMValueRef *left, const LLVMValueRef *right)
{
	LLVMValueRef v_exp = cg_exp(cg, cg_fma(cg, a->coef[3], k, cg_fadd(cg, left[0], right[0])));
	return (CgDual){.v_k = cg_fmul(cg, a->coef[1], v_exp), .v_tdot = cg_fmul(cg, a->coef[2], v_exp)};
}

const CgFace cg_dual_exp = {factors, dual};
