#include "emit/duals/angle.h"
#include "emit/duals/dual.h"
#include "emit/duals/exponential.h"
#include "emit/duals/polynomial_of.h"

/* sinh(x)/x and cosh(x) in powers of x^2, for |x| <= 1/4: the first term left out is below half an ulp of a double. */
static const double sinh_over[] = {1, 1.0 / 6, 1.0 / 120, 1.0 / 5040, 1.0 / 362880, 1.0 / 39916800, 1.0 / 6227020800};
static const double cosh_of[] = {1, 1.0 / 2, 1.0 / 24, 1.0 / 720, 1.0 / 40320, 1.0 / 3628800, 1.0 / 479001600, 1.0 / 87178291200};

static void factors(Cg *cg, const CgArgs *a, LLVMValueRef v_variance, LLVMValueRef *factor)
{
	(void)a;
	factor[0] = cg_widened_factor(cg, v_variance, cg_const_like(cg, v_variance, 2));
	factor[1] = v_variance;
}

/* [KR-56] With g = 1/sqrt(Delta) = m/S and e = k/Delta, |e| <= 1/4:
 *
 *   T = exp(-s/2) g sinh e,                s = 1 - (1 + a + b) g^2
 *   Tdot = exp(-s/2) g (e' cosh e + (4 e - s'/2) sinh e),    e' = g^2 + 8 e^2,    s' = -8 e (1 + a + b) g^2 */
static CgDual dual(Cg *cg, const CgArgs *a, LLVMValueRef k, const LLVMValueRef *left, const LLVMValueRef *right)
{
	(void)a;
	LLVMValueRef v_one = cg_const_like(cg, k, 1);
	CgWidened w = cg_widened(cg, k, left[0], right[0], cg_const_like(cg, k, 2));
	LLVMValueRef v_g = cg_fdiv(cg, w.v_m, w.v_sine), v_g2 = cg_fmul(cg, v_g, v_g);
	LLVMValueRef v_e = cg_fmul(cg, k, v_g2), v_e2 = cg_fmul(cg, v_e, v_e);
	LLVMValueRef v_share = cg_fmul(cg, cg_fadd(cg, v_one, cg_fadd(cg, left[1], right[1])), v_g2); /* 1 - s */
	LLVMValueRef v_exp = cg_exp(cg, cg_fmul(cg, cg_fsub(cg, v_share, v_one), cg_const_like(cg, k, 0.5)));
	LLVMValueRef v_scale = cg_fmul(cg, v_exp, v_g);
	LLVMValueRef v_sinh = cg_fmul(cg, v_e, cg_polynomial(cg, POLY(sinh_over, 1), v_e2));
	LLVMValueRef v_cosh = cg_polynomial(cg, POLY(cosh_of, 1), v_e2);
	LLVMValueRef v_de = cg_fma(cg, cg_const_like(cg, k, 8), v_e2, v_g2);
	LLVMValueRef v_weight = cg_fmul(cg, cg_fmul(cg, cg_const_like(cg, k, 4), v_e), cg_fadd(cg, v_one, v_share));
	return (CgDual){
		.v_k = cg_fmul(cg, v_scale, v_sinh),
		.v_tdot = cg_fmul(cg, v_scale, cg_fma(cg, v_de, v_cosh, cg_fmul(cg, v_weight, v_sinh))),
	};
}

const CgFace cg_dual_gabor = {factors, dual};
