#include "emit/duals/angle.h"
#include "emit/duals/dual.h"

#define PI 3.14159265358979323846

static void factors(Cg *cg, const CgArgs *a, LLVMValueRef v_variance, LLVMValueRef *factor)
{
	(void)a;
	cg_roots(cg, v_variance, &factor[0], &factor[1]);
}

/* [KR-59] j_n = J_n / (2n - 1)!!, with J_0 = pi - theta, J_1 = sin + (pi - theta) cos and
 * J_(n+1) = (2n + 1) cos J_n + n^2 sin^2 J_(n-1). T = (ab)^(n/2) (2n - 1)!! j_n / (2 pi), Tdot = n^2 T of degree n - 1. */
static CgDual dual(Cg *cg, const CgArgs *a, LLVMValueRef k, const LLVMValueRef *left, const LLVMValueRef *right)
{
	uint32_t n = nonlinearity_degree(a->args);
	CgCorrelation c = cg_correlation(cg, k, left[0], right[0]);
	LLVMValueRef v_c = cg_flip_sign(cg, c.v_x, c.v_c), v_sine2 = cg_fmul(cg, c.v_sine, c.v_sine);
	LLVMValueRef v_before = NULL;
	LLVMValueRef v_j = cg_fadd(cg, cg_flip_sign(cg, c.v_asin, c.v_c), cg_const_like(cg, k, PI / 2));
	LLVMValueRef v_root = cg_fmul(cg, left[1], right[1]), v_power = cg_const_like(cg, k, 1);
	double factorial = 1, before = 1; /* (2i - 1)!! and (2i - 3)!! */
	for (uint32_t i = 0; i < n; i++) {
		double weight = i == 0 ? 1 : (double)i * i / ((2.0 * i + 1) * (2.0 * i - 1));
		LLVMValueRef v_rest = i == 0 ? c.v_sine
					     : cg_fmul(cg, cg_fmul(cg, v_sine2, cg_const_like(cg, k, weight)), v_before);
		LLVMValueRef v_next = cg_fma(cg, v_c, v_j, v_rest);
		v_before = v_j;
		v_j = v_next;
		before = factorial;
		factorial *= 2.0 * i + 1;
		if (i > 0)
			v_power = cg_fmul(cg, v_power, v_root);
	}
	if (n == 0)
		return (CgDual){cg_fmul(cg, v_j, cg_const_like(cg, k, 1 / (2 * PI))), cg_const_like(cg, k, 0)};
	LLVMValueRef v_scale = cg_fmul(cg, v_power, cg_const_like(cg, k, (double)n * n * before / (2 * PI)));
	LLVMValueRef v_high = cg_fmul(cg, v_power, cg_const_like(cg, k, factorial / (2 * PI)));
	return (CgDual){
		.v_k = cg_fmul(cg, cg_fmul(cg, v_high, v_root), v_j),
		.v_tdot = cg_fmul(cg, v_scale, v_before),
	};
}

const CgFace cg_dual_rectified_monomial = {factors, dual};
