#include "emit/duals/dual.h"

/* [KR-58] A factor for each power k of c that occurs: F_k(v) = sum over i of coef v^((i - k)/2), the coefficients being in
 * the order in which they are used. */
static void factors(Cg *cg, const CgArgs *a, LLVMValueRef v_variance, LLVMValueRef *factor)
{
	uint32_t at = 0;
	for (uint32_t k = 0; k < a->count; k++) {
		if (!polynomial_has(a->args, a->count, k))
			continue;
		uint32_t terms = 0;
		for (uint32_t i = k; i < a->count; i += 2)
			terms += !polynomial_lacks(a->args, i);
		LLVMValueRef v_sum = NULL;
		uint32_t last = at + terms;
		for (uint32_t i = a->count - 1 - (a->count - 1 - k) % 2, next = last; ; i -= 2) {
			if (v_sum)
				v_sum = cg_fmul(cg, v_sum, v_variance);
			if (!polynomial_lacks(a->args, i)) {
				next--;
				v_sum = v_sum ? cg_fadd(cg, v_sum, a->coef[next]) : a->coef[next];
			}
			if (i == k)
				break;
		}
		*factor++ = v_sum;
		at = last;
	}
}

/* T = sum F_k(a) F_k(b) c^k, Tdot = sum k F_k(a) F_k(b) c^(k - 1), by Horner's scheme. */
static CgDual dual(Cg *cg, const CgArgs *a, LLVMValueRef k, const LLVMValueRef *left, const LLVMValueRef *right)
{
	LLVMValueRef v_t = cg_const_like(cg, k, 0), v_slope = v_t;
	uint32_t at = 0;
	for (uint32_t i = 0; i < a->count; i++)
		at += polynomial_has(a->args, a->count, i);
	for (uint32_t i = a->count; i-- > 0;) {
		bool present = polynomial_has(a->args, a->count, i);
		LLVMValueRef v_term = present ? cg_fmul(cg, left[at - 1], right[at - 1]) : NULL;
		at -= present;
		if (i > 0) {
			v_slope = cg_fmul(cg, v_slope, k);
			if (present)
				v_slope = cg_fma(cg, v_term, cg_const_like(cg, k, i), v_slope);
		}
		v_t = present ? cg_fma(cg, v_t, k, v_term) : cg_fmul(cg, v_t, k);
	}
	return (CgDual){.v_k = v_t, .v_tdot = v_slope};
}

const CgFace cg_dual_polynomial = {factors, dual};
