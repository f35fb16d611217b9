#include "emit/duals/dual.h"

/* [KR-57] k^n, whatever the variances. */
static CgDual dual(Cg *cg, const CgArgs *a, LLVMValueRef k, const LLVMValueRef *left, const LLVMValueRef *right)
{
	(void)left, (void)right;
	uint32_t n = nonlinearity_degree(a->args);
	LLVMValueRef v_power = cg_const_like(cg, k, 1); /* k^(n - 1) */
	for (uint32_t i = 1; i < n; i++)
		v_power = cg_fmul(cg, v_power, k);
	return (CgDual){
		.v_k = n == 0 ? v_power : cg_fmul(cg, v_power, k),
		.v_tdot = n == 0 ? cg_const_like(cg, k, 0) : cg_fmul(cg, v_power, cg_const_like(cg, k, n)),
	};
}

const CgFace cg_dual_hermite = {NULL, dual};
