/* Floating-point values, one pair of samples per lane (cg.h is the manual). */
#include "emit/cg/internal.h"

/* Four registers of 64 bytes are 64 floats (cg_use_registers), and two of those joined: twice as many. */
enum { MAX_LANES = 128 };

LLVMValueRef cg_splat(Cg *cg, LLVMValueRef v_scalar)
{
	check_open(cg);
	LLVMTypeRef t_scalar = type_of(v_scalar);
	ENTK_ASSERT(t_scalar == cg->t_real || t_scalar == cg->t_f64);
	LLVMTypeRef t_vector = t_scalar == cg->t_real ? cg->t_lane : cg->t_lane_f64;
	LLVMValueRef v_none = LLVMGetPoison(t_vector);
	LLVMValueRef v_first = LLVMBuildInsertElement(cg->builder, v_none, v_scalar, cg_i64(cg, 0), "");
	LLVMValueRef v_zeros = LLVMConstNull(LLVMVectorType(cg->t_i32, cg->lanes));
	return LLVMBuildShuffleVector(cg->builder, v_first, v_none, v_zeros, "");
}

LLVMValueRef cg_lane_to_f64(Cg *cg, LLVMValueRef v)
{
	check_float(cg, v);
	LLVMTypeRef type = type_of(v);
	ENTK_ASSERT(type == cg->t_lane || type == cg->t_real);
	if (!cg->f32)
		return v;
	return LLVMBuildFPExt(cg->builder, v, type == cg->t_lane ? cg->t_lane_f64 : cg->t_f64, "");
}

LLVMValueRef cg_f64_to_lane(Cg *cg, LLVMValueRef v)
{
	check_float(cg, v);
	LLVMTypeRef type = type_of(v);
	ENTK_ASSERT(type == cg->t_lane_f64 || type == cg->t_f64);
	if (!cg->f32)
		return v;
	return LLVMBuildFPTrunc(cg->builder, v, type == cg->t_lane_f64 ? cg->t_lane : cg->t_real, "");
}

LLVMValueRef cg_extract(Cg *cg, LLVMValueRef v, unsigned lane)
{
	check_open(cg);
	ENTK_ASSERT(LLVMGetTypeKind(type_of(v)) == LLVMVectorTypeKind && lane < cg->lanes);
	return LLVMBuildExtractElement(cg->builder, v, cg_i64(cg, lane), "");
}

LLVMValueRef cg_insert(Cg *cg, LLVMValueRef v, LLVMValueRef v_scalar, unsigned lane)
{
	check_open(cg);
	ENTK_ASSERT(LLVMGetTypeKind(type_of(v)) == LLVMVectorTypeKind && lane < cg->lanes);
	ENTK_ASSERT(element_type(type_of(v)) == type_of(v_scalar));
	return LLVMBuildInsertElement(cg->builder, v, v_scalar, cg_i64(cg, lane), "");
}

/* Lanes first .. first + count of the two operands put one after the other. */
static LLVMValueRef pick_lanes(Cg *cg, LLVMValueRef a, LLVMValueRef b, unsigned first, unsigned count)
{
	LLVMValueRef v_indices[MAX_LANES];
	ENTK_ASSERT(count <= MAX_LANES);
	for (unsigned i = 0; i < count; i++)
		v_indices[i] = cg_i32(cg, (int32_t)(first + i));
	return LLVMBuildShuffleVector(cg->builder, a, b, LLVMConstVector(v_indices, count), "");
}

LLVMValueRef cg_join(Cg *cg, LLVMValueRef v_low, LLVMValueRef v_high)
{
	check_float_pair(cg, v_low, v_high);
	ENTK_ASSERT(type_of(v_low) == cg->t_lane || type_of(v_low) == cg->t_lane_f64);
	return pick_lanes(cg, v_low, v_high, 0, 2 * cg->lanes);
}

LLVMValueRef cg_half(Cg *cg, LLVMValueRef v_joined, bool high)
{
	check_float(cg, v_joined);
	LLVMTypeRef type = type_of(v_joined);
	ENTK_ASSERT(element_type(type) != type && LLVMGetVectorSize(type) == 2 * cg->lanes);
	return pick_lanes(cg, v_joined, LLVMGetPoison(type), high ? cg->lanes : 0, cg->lanes);
}

static LLVMValueRef float_constant(LLVMTypeRef type, double value)
{
	LLVMTypeRef element = element_type(type);
	LLVMValueRef v = LLVMConstReal(element, value);
	if (element == type)
		return v;
	LLVMValueRef parts[MAX_LANES];
	unsigned count = LLVMGetVectorSize(type);
	ENTK_ASSERT(count <= MAX_LANES);
	for (unsigned i = 0; i < count; i++)
		parts[i] = v;
	return LLVMConstVector(parts, count);
}

static LLVMValueRef integer_constant(LLVMTypeRef type, unsigned long long value)
{
	LLVMTypeRef element = element_type(type);
	LLVMValueRef v = LLVMConstInt(element, value, false);
	if (element == type)
		return v;
	LLVMValueRef parts[MAX_LANES];
	unsigned count = LLVMGetVectorSize(type);
	ENTK_ASSERT(count <= MAX_LANES);
	for (unsigned i = 0; i < count; i++)
		parts[i] = v;
	return LLVMConstVector(parts, count);
}

LLVMValueRef cg_real_const(Cg *cg, double value)
{
	return float_constant(cg->t_real, value);
}

LLVMValueRef cg_f64_const(Cg *cg, double value)
{
	return float_constant(cg->t_f64, value);
}

LLVMValueRef cg_lane_const(Cg *cg, double value)
{
	return float_constant(cg->t_lane, value);
}

LLVMValueRef cg_lane_f64_const(Cg *cg, double value)
{
	return float_constant(cg->t_lane_f64, value);
}

LLVMValueRef cg_lane_zero(Cg *cg)
{
	return LLVMConstNull(cg->t_lane);
}

LLVMValueRef cg_const_like(Cg *cg, LLVMValueRef v, double value)
{
	(void)cg;
	return float_constant(type_of(v), value);
}

bool cg_is_f32(Cg *cg, LLVMValueRef v)
{
	return element_type(type_of(v)) == cg->t_f32;
}

LLVMValueRef cg_fadd(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	check_float_pair(cg, a, b);
	return LLVMBuildFAdd(cg->builder, a, b, "");
}

LLVMValueRef cg_fsub(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	check_float_pair(cg, a, b);
	return LLVMBuildFSub(cg->builder, a, b, "");
}

LLVMValueRef cg_fmul(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	check_float_pair(cg, a, b);
	return LLVMBuildFMul(cg->builder, a, b, "");
}

LLVMValueRef cg_fdiv(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	check_float_pair(cg, a, b);
	return LLVMBuildFDiv(cg->builder, a, b, "");
}

LLVMValueRef cg_fneg(Cg *cg, LLVMValueRef a)
{
	check_float(cg, a);
	return LLVMBuildFNeg(cg->builder, a, "");
}

LLVMValueRef cg_fma(Cg *cg, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
	check_float_pair(cg, a, b);
	check_float_pair(cg, a, c);
	if (!cg->target.has_fma)
		return cg_fadd(cg, cg_fmul(cg, a, b), c);
	LLVMValueRef args[3] = {a, b, c};
	return intrinsic(cg, "llvm.fma", type_of(a), args, 3);
}

LLVMValueRef cg_fnma(Cg *cg, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
	if (!cg->target.has_fma)
		return cg_fsub(cg, c, cg_fmul(cg, a, b));
	return cg_fma(cg, cg_fneg(cg, a), b, c);
}

LLVMValueRef cg_sqrt(Cg *cg, LLVMValueRef a)
{
	check_float(cg, a);
	return intrinsic(cg, "llvm.sqrt", type_of(a), &a, 1);
}

LLVMValueRef cg_fabs(Cg *cg, LLVMValueRef a)
{
	check_float(cg, a);
	return intrinsic(cg, "llvm.fabs", type_of(a), &a, 1);
}

LLVMValueRef cg_fmin(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	return cg_select(cg, cg_flt(cg, a, b), a, b);
}

LLVMValueRef cg_fmax(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	return cg_select(cg, cg_fgt(cg, a, b), a, b);
}

LLVMValueRef cg_copysign(Cg *cg, LLVMValueRef magnitude, LLVMValueRef sign)
{
	check_float_pair(cg, magnitude, sign);
	LLVMValueRef args[2] = {magnitude, sign};
	return intrinsic(cg, "llvm.copysign", type_of(magnitude), args, 2);
}

LLVMValueRef cg_flip_sign(Cg *cg, LLVMValueRef v, LLVMValueRef sign)
{
	check_float_pair(cg, v, sign);
	LLVMTypeRef type = type_of(v);
	LLVMTypeRef t_bits = cg_is_f32(cg, v) ? cg->t_i32 : cg->t_i64;
	if (element_type(type) != type)
		t_bits = LLVMVectorType(t_bits, LLVMGetVectorSize(type));
	LLVMValueRef v_minus_zero = LLVMConstBitCast(float_constant(type, -0.0), t_bits);
	LLVMValueRef v_sign = LLVMBuildBitCast(cg->builder, sign, t_bits, "");
	v_sign = LLVMBuildAnd(cg->builder, v_sign, v_minus_zero, "");
	LLVMValueRef v_bits = LLVMBuildBitCast(cg->builder, v, t_bits, "");
	return LLVMBuildBitCast(cg->builder, LLVMBuildXor(cg->builder, v_bits, v_sign, ""), type, "");
}

LLVMValueRef cg_power_of_two(Cg *cg, LLVMValueRef v)
{
	check_float(cg, v);
	bool f32 = cg_is_f32(cg, v);
	LLVMTypeRef type = type_of(v), t_bits = f32 ? cg->t_i32 : cg->t_i64;
	if (element_type(type) != type)
		t_bits = LLVMVectorType(t_bits, LLVMGetVectorSize(type));
	/* n moves to the exponent of 1, modulo the two's complement: negative ones, too. */
	LLVMValueRef v_one = LLVMConstBitCast(float_constant(type, 1.0), t_bits);
	LLVMValueRef v_places = integer_constant(t_bits, f32 ? 23 : 52);
	LLVMValueRef v_bits = LLVMBuildBitCast(cg->builder, v, t_bits, "");
	v_bits = LLVMBuildAdd(cg->builder, LLVMBuildShl(cg->builder, v_bits, v_places, ""), v_one, "");
	return LLVMBuildBitCast(cg->builder, v_bits, type, "");
}

static LLVMValueRef compare_float(Cg *cg, LLVMRealPredicate predicate, LLVMValueRef a, LLVMValueRef b)
{
	check_float_pair(cg, a, b);
	return LLVMBuildFCmp(cg->builder, predicate, a, b, "");
}

LLVMValueRef cg_flt(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	return compare_float(cg, LLVMRealOLT, a, b);
}

LLVMValueRef cg_fle(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	return compare_float(cg, LLVMRealOLE, a, b);
}

LLVMValueRef cg_fgt(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	return compare_float(cg, LLVMRealOGT, a, b);
}

LLVMValueRef cg_fge(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	return compare_float(cg, LLVMRealOGE, a, b);
}

LLVMValueRef cg_feq(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	return compare_float(cg, LLVMRealOEQ, a, b);
}
