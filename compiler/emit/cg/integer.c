/* Arithmetic and comparison of 64-bit integers (cg.h is the manual). */
#include "emit/cg/internal.h"

LLVMValueRef cg_i64(Cg *cg, int64_t value)
{
	return LLVMConstInt(cg->t_i64, (unsigned long long)value, 1);
}

LLVMValueRef cg_i32(Cg *cg, int32_t value)
{
	return LLVMConstInt(cg->t_i32, (unsigned long long)(int64_t)value, 1);
}

LLVMValueRef cg_i1(Cg *cg, bool value)
{
	return LLVMConstInt(cg->t_i1, value, 0);
}

LLVMValueRef cg_iadd(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	check_i64_pair(cg, a, b);
	return LLVMBuildNSWAdd(cg->builder, a, b, "");
}

LLVMValueRef cg_isub(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	check_i64_pair(cg, a, b);
	return LLVMBuildNSWSub(cg->builder, a, b, "");
}

LLVMValueRef cg_imul(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	check_i64_pair(cg, a, b);
	return LLVMBuildNSWMul(cg->builder, a, b, "");
}

LLVMValueRef cg_isdiv(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	check_i64_pair(cg, a, b);
	return LLVMBuildSDiv(cg->builder, a, b, "");
}

LLVMValueRef cg_isrem(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	check_i64_pair(cg, a, b);
	return LLVMBuildSRem(cg->builder, a, b, "");
}

LLVMValueRef cg_ifloordiv(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	LLVMValueRef v_quotient = cg_isdiv(cg, a, b);
	LLVMValueRef v_below = cg_ilt(cg, cg_isrem(cg, a, b), cg_i64(cg, 0));
	return cg_select(cg, v_below, cg_isub(cg, v_quotient, cg_i64(cg, 1)), v_quotient);
}

LLVMValueRef cg_ifloormod(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	LLVMValueRef v_rest = cg_isrem(cg, a, b);
	return cg_select(cg, cg_ilt(cg, v_rest, cg_i64(cg, 0)), cg_iadd(cg, v_rest, b), v_rest);
}

LLVMValueRef cg_imin(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	return cg_select(cg, cg_ilt(cg, a, b), a, b);
}

LLVMValueRef cg_imax(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	return cg_select(cg, cg_igt(cg, a, b), a, b);
}

static LLVMValueRef compare_any(Cg *cg, LLVMIntPredicate predicate, LLVMValueRef a, LLVMValueRef b)
{
	check_open(cg);
	ENTK_ASSERT(type_of(a) == type_of(b) && (type_of(a) == cg->t_i64 || is_pointer(a)));
	return LLVMBuildICmp(cg->builder, predicate, a, b, "");
}

static LLVMValueRef compare_i64(Cg *cg, LLVMIntPredicate predicate, LLVMValueRef a, LLVMValueRef b)
{
	check_i64_pair(cg, a, b);
	return LLVMBuildICmp(cg->builder, predicate, a, b, "");
}

LLVMValueRef cg_ieq(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	return compare_any(cg, LLVMIntEQ, a, b);
}

LLVMValueRef cg_ine(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	return compare_any(cg, LLVMIntNE, a, b);
}

LLVMValueRef cg_ilt(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	return compare_i64(cg, LLVMIntSLT, a, b);
}

LLVMValueRef cg_ile(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	return compare_i64(cg, LLVMIntSLE, a, b);
}

LLVMValueRef cg_igt(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	return compare_i64(cg, LLVMIntSGT, a, b);
}

LLVMValueRef cg_ige(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	return compare_i64(cg, LLVMIntSGE, a, b);
}

static void check_bits(const Cg *cg, LLVMValueRef a)
{
	check_open(cg);
	LLVMTypeRef element = element_type(type_of(a));
	ENTK_ASSERT(element == cg->t_i1 || type_of(a) == cg->t_i64);
}

LLVMValueRef cg_and(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	check_bits(cg, a);
	ENTK_ASSERT(type_of(a) == type_of(b));
	return LLVMBuildAnd(cg->builder, a, b, "");
}

LLVMValueRef cg_or(Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	check_bits(cg, a);
	ENTK_ASSERT(type_of(a) == type_of(b));
	return LLVMBuildOr(cg->builder, a, b, "");
}

LLVMValueRef cg_not(Cg *cg, LLVMValueRef a)
{
	check_bits(cg, a);
	return LLVMBuildNot(cg->builder, a, "");
}

LLVMValueRef cg_itrunc_i32(Cg *cg, LLVMValueRef v)
{
	check_i64(cg, v);
	return LLVMBuildTrunc(cg->builder, v, cg->t_i32, "");
}

LLVMValueRef cg_isext_i64(Cg *cg, LLVMValueRef v)
{
	check_open(cg);
	ENTK_ASSERT(type_of(v) == cg->t_i32);
	return LLVMBuildSExt(cg->builder, v, cg->t_i64, "");
}

LLVMValueRef cg_izext_i64(Cg *cg, LLVMValueRef v)
{
	check_open(cg);
	ENTK_ASSERT(type_of(v) == cg->t_i32 || type_of(v) == cg->t_i1);
	return LLVMBuildZExt(cg->builder, v, cg->t_i64, "");
}

LLVMValueRef cg_i64_to_f64(Cg *cg, LLVMValueRef v)
{
	check_i64(cg, v);
	return LLVMBuildSIToFP(cg->builder, v, cg->t_f64, "");
}

LLVMValueRef cg_select(Cg *cg, LLVMValueRef v_condition, LLVMValueRef a, LLVMValueRef b)
{
	check_open(cg);
	LLVMTypeRef t_condition = type_of(v_condition);
	ENTK_ASSERT(type_of(a) == type_of(b));
	ENTK_ASSERT(element_type(t_condition) == cg->t_i1);
	if (t_condition != cg->t_i1) {
		ENTK_ASSERT(LLVMGetTypeKind(type_of(a)) == LLVMVectorTypeKind);
		ENTK_ASSERT(LLVMGetVectorSize(type_of(a)) == LLVMGetVectorSize(t_condition));
	}
	return LLVMBuildSelect(cg->builder, v_condition, a, b, "");
}
