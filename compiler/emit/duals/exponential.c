#include "emit/duals/exponential.h"

#include <math.h>

#include "emit/duals/polynomial_of.h"

/* exp(r) - 1 = r + r^2 P(r) on |r| <= log(2)/2: Taylor's coefficients; the first one left out is below half an ulp. */
static const double taylor_f32[] = {1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040};
static const double taylor_f64[] = {1.0 / 2,     1.0 / 6,      1.0 / 24,      1.0 / 120,      1.0 / 720,       1.0 / 5040,
				    1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};

/* exp(v) = 2^n (1 + rest), n the integer nearest to v / log 2. */
typedef struct Split {
	LLVMValueRef v_scale, v_rest;
} Split;

static Split split(Cg *cg, LLVMValueRef v)
{
	bool f32 = cg_is_f32(cg, v);
	/* log 2 in two parts, the first with so few bits that its product with any n is exact. */
	double high = f32 ? 0x1.63p-1 : 0x1.62e42fee00000p-1;
	double low = f32 ? -0x1.bd0106p-13 : 0x1.a39ef35793c76p-33;
	/* Added to a number of moderate size, this leaves the nearest integer in the lowest bits. */
	LLVMValueRef v_magic = cg_const_like(cg, v, f32 ? 0x1.8p23 : 0x1.8p52);
	LLVMValueRef v_shifted = cg_fma(cg, v, cg_const_like(cg, v, 1.44269504088896340736), v_magic);
	LLVMValueRef v_n = cg_fsub(cg, v_shifted, v_magic);
	LLVMValueRef v_r = cg_fnma(cg, v_n, cg_const_like(cg, v, high), v);
	v_r = cg_fnma(cg, v_n, cg_const_like(cg, v, low), v_r);
	Poly p = f32 ? POLY(taylor_f32, 1) : POLY(taylor_f64, 2);
	LLVMValueRef v_square = cg_fmul(cg, v_r, v_r);
	return (Split){
		.v_scale = cg_power_of_two(cg, v_shifted),
		.v_rest = cg_fma(cg, v_square, cg_polynomial(cg, p, v_r), v_r),
	};
}

static LLVMValueRef lowest(Cg *cg, LLVMValueRef v)
{
	return cg_const_like(cg, v, cg_is_f32(cg, v) ? -87 : -708);
}

LLVMValueRef cg_exp(Cg *cg, LLVMValueRef v)
{
	LLVMValueRef v_highest = cg_const_like(cg, v, cg_is_f32(cg, v) ? 88 : 709);
	Split s = split(cg, v);
	LLVMValueRef v_exp = cg_fma(cg, s.v_scale, s.v_rest, s.v_scale);
	v_exp = cg_select(cg, cg_fgt(cg, v, v_highest), cg_const_like(cg, v, HUGE_VAL), v_exp);
	return cg_select(cg, cg_flt(cg, v, lowest(cg, v)), cg_const_like(cg, v, 0), v_exp);
}

LLVMValueRef cg_expm1_below(Cg *cg, LLVMValueRef v)
{
	Split s = split(cg, cg_fmax(cg, lowest(cg, v), v)); /* far below it is -1 */
	return cg_fma(cg, s.v_scale, s.v_rest, cg_fsub(cg, s.v_scale, cg_const_like(cg, v, 1)));
}
