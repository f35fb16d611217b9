#include "emit/duals/angle.h"
#include "emit/duals/dual.h"

#define ONE_OVER_2PI 0.15915494309189533577

static void factors(Cg *cg, const CgArgs *a, LLVMValueRef v_variance, LLVMValueRef *factor)
{
	(void)a;
	factor[0] = cg_widened_factor(cg, v_variance, cg_const_like(cg, v_variance, 1));
	factor[1] = v_variance;
}

/* [KR-50] with p = (1 + a)(1 + b) = 1/m^2 and d = sqrt(p - k^2) = S/m: nothing is subtracted. */
static CgDual dual(Cg *cg, const CgArgs *a, LLVMValueRef k, const LLVMValueRef *left, const LLVMValueRef *right)
{
	(void)a;
	LLVMValueRef v_2pi = cg_const_like(cg, k, ONE_OVER_2PI), v_quarter = cg_const_like(cg, k, 0.25);
	CgWidened w = cg_widened(cg, k, left[0], right[0], cg_const_like(cg, k, 1));
	LLVMValueRef v_asin = cg_widened_asin(cg, &w);
	LLVMValueRef v_inverse = cg_fdiv(cg, cg_const_like(cg, k, 1), w.v_sine);
	LLVMValueRef v_g = cg_fmul(cg, w.v_m, v_inverse); /* 1/d */
	/* (k^2 + a b d^2) / (p d), with the a b of large variances beside m, so that nothing overflows */
	LLVMValueRef v_am = cg_fmul(cg, cg_fmul(cg, left[1], w.v_m), right[1]);
	LLVMValueRef v_rest = cg_fma(cg, cg_fmul(cg, w.v_z, w.v_z), v_g, cg_fmul(cg, v_am, w.v_sine));
	LLVMValueRef v_turned = cg_fmul(cg, v_2pi, cg_fma(cg, k, v_asin, v_rest));
	LLVMValueRef v_sum = cg_fma(cg, left[0], left[0], cg_fmul(cg, right[0], right[0]));
	v_sum = cg_fma(cg, v_g, v_g, v_sum);
	LLVMValueRef v_slope = cg_fma(cg, cg_fmul(cg, w.v_z, v_inverse), v_sum, v_asin);
	return (CgDual){
		.v_k = cg_fma(cg, k, v_quarter, v_turned),
		.v_tdot = cg_fma(cg, v_slope, v_2pi, v_quarter),
	};
}

const CgFace cg_dual_gelu = {factors, dual};
