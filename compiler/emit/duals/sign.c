#include "emit/duals/angle.h"
#include "emit/duals/dual.h"

#define TWO_OVER_PI 0.63661977236758134308

static void factors(Cg *cg, const CgArgs *a, LLVMValueRef v_variance, LLVMValueRef *factor)
{
	(void)a;
	LLVMValueRef v_unused;
	cg_roots(cg, v_variance, &factor[0], &v_unused);
}

/* [KR-52] (2/pi) asin c; the slope is that of the function almost everywhere. */
static CgDual dual(Cg *cg, const CgArgs *a, LLVMValueRef k, const LLVMValueRef *left, const LLVMValueRef *right)
{
	(void)a;
	CgCorrelation c = cg_correlation(cg, k, left[0], right[0]);
	LLVMValueRef v_asin = cg_flip_sign(cg, c.v_asin, c.v_c);
	return (CgDual){
		.v_k = cg_fmul(cg, v_asin, cg_const_like(cg, k, TWO_OVER_PI)),
		.v_tdot = cg_const_like(cg, k, 0),
	};
}

const CgFace cg_dual_sign = {factors, dual};
