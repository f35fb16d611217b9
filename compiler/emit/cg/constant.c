/* Constants and global tables (cg.h is the manual). */
#include "emit/cg/internal.h"

LLVMValueRef cg_global_const(Cg *cg, const char *name, LLVMValueRef initializer, bool exported)
{
	ENTK_ASSERT(LLVMIsConstant(initializer));
	LLVMValueRef global = LLVMAddGlobal(cg->module, type_of(initializer), name);
	LLVMSetInitializer(global, initializer);
	LLVMSetGlobalConstant(global, 1);
	LLVMSetLinkage(global, exported ? LLVMExternalLinkage : LLVMPrivateLinkage);
	if (!exported)
		LLVMSetUnnamedAddress(global, LLVMGlobalUnnamedAddr);
	return global;
}

LLVMValueRef cg_global_string(Cg *cg, const char *text)
{
	return cg_global_bytes(cg, text, strlen(text));
}

LLVMValueRef cg_global_bytes(Cg *cg, const char *bytes, size_t length)
{
	return cg_global_const(cg, "text", LLVMConstStringInContext2(cg->context, bytes, length, 0), false);
}

LLVMValueRef cg_const_array(Cg *cg, LLVMTypeRef element, const LLVMValueRef *values, size_t n)
{
	(void)cg;
	for (size_t i = 0; i < n; i++)
		ENTK_ASSERT(type_of(values[i]) == element);
	return LLVMConstArray2(element, (LLVMValueRef *)values, n);
}

LLVMValueRef cg_global_i32_array(Cg *cg, const char *name, const int32_t *values, size_t n)
{
	LLVMValueRef *v_values = ARENA_ARRAY(cg->arena, LLVMValueRef, n);
	for (size_t i = 0; i < n; i++)
		v_values[i] = cg_i32(cg, values[i]);
	return cg_global_const(cg, name, cg_const_array(cg, cg->t_i32, v_values, n), false);
}

LLVMValueRef cg_global_i64_array(Cg *cg, const char *name, const int64_t *values, size_t n)
{
	LLVMValueRef *v_values = ARENA_ARRAY(cg->arena, LLVMValueRef, n);
	for (size_t i = 0; i < n; i++)
		v_values[i] = cg_i64(cg, values[i]);
	return cg_global_const(cg, name, cg_const_array(cg, cg->t_i64, v_values, n), false);
}

LLVMValueRef cg_global_f64_array(Cg *cg, const char *name, const double *values, size_t n)
{
	LLVMValueRef *v_values = ARENA_ARRAY(cg->arena, LLVMValueRef, n);
	for (size_t i = 0; i < n; i++)
		v_values[i] = cg_f64_const(cg, values[i]);
	return cg_global_const(cg, name, cg_const_array(cg, cg->t_f64, v_values, n), false);
}

LLVMValueRef cg_const_struct(Cg *cg, const LLVMValueRef *fields, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ENTK_ASSERT(LLVMIsConstant(fields[i]));
	return LLVMConstStructInContext(cg->context, (LLVMValueRef *)fields, n, 0);
}

LLVMValueRef cg_const_null(Cg *cg)
{
	return LLVMConstNull(cg->t_ptr);
}

size_t cg_sizeof(Cg *cg, LLVMTypeRef type)
{
	return (size_t)LLVMABISizeOfType(cg->layout, type);
}
