#include "emit/duals/polynomial_of.h"

#include "base/diag.h"

static LLVMValueRef horner(Cg *cg, Poly p, int first, int stride, LLVMValueRef v)
{
	int i = first + (p.count - 1 - first) / stride * stride;
	LLVMValueRef v_sum = cg_const_like(cg, v, p.coefficients[i]);
	for (i -= stride; i >= first; i -= stride)
		v_sum = cg_fma(cg, v_sum, v, cg_const_like(cg, v, p.coefficients[i]));
	return v_sum;
}

LLVMValueRef cg_polynomial(Cg *cg, Poly p, LLVMValueRef v)
{
	ENTK_ASSERT(p.chains == 1 || p.chains == 2);
	if (p.chains == 1)
		return horner(cg, p, 0, 1, v);
	LLVMValueRef v_square = cg_fmul(cg, v, v);
	return cg_fma(cg, horner(cg, p, 1, 2, v_square), v, horner(cg, p, 0, 2, v_square));
}
