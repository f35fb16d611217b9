#include "emit/duals/angle.h"
#include "emit/duals/dual.h"
#include "emit/duals/exponential.h"

static void factors(Cg *cg, const CgArgs *a, LLVMValueRef v_variance, LLVMValueRef *factor)
{
	(void)a;
	cg_roots(cg, v_variance, &factor[0], &factor[1]);
}

/* [KR-55] Coefficients: gamma, shift. */
static CgDual dual(Cg *cg, const CgArgs *a, LLVMValueRef k, const LLVMValueRef *left, const LLVMValueRef *right)
{
	LLVMValueRef v_c = cg_fmul(cg, k, cg_fmul(cg, left[0], right[0]));
	LLVMValueRef v_exp = cg_exp(cg, cg_fmul(cg, a->coef[0], cg_fadd(cg, v_c, a->coef[1])));
	return (CgDual){
		.v_k = cg_fmul(cg, cg_fmul(cg, left[1], right[1]), v_exp),
		.v_tdot = cg_fmul(cg, a->coef[0], v_exp),
	};
}

const CgFace cg_dual_exp_normalized = {factors, dual};
