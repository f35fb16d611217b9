/* What the cg_*.c share, each around one kind of value: the checks of the builder helpers and two small constructors. A failed check is an
 * internal error of the compiler, with file and line, never malformed IR. */
#ifndef ENTK_CG_INTERNAL_H
#define ENTK_CG_INTERNAL_H

#include "emit/cg/cg.h"

#include <string.h>

#include "base/diag.h"

static inline LLVMTypeRef type_of(LLVMValueRef v)
{
	ENTK_ASSERT(v != NULL);
	return LLVMTypeOf(v);
}

static inline LLVMTypeRef element_type(LLVMTypeRef type)
{
	return LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetElementType(type) : type;
}

static inline bool is_pointer(LLVMValueRef v)
{
	return LLVMGetTypeKind(type_of(v)) == LLVMPointerTypeKind;
}

static inline void check_open(const Cg *cg)
{
	ENTK_ASSERT(cg->function != NULL);
	ENTK_ASSERT(!cg->terminated);
}

static inline void check_i64(const Cg *cg, LLVMValueRef v)
{
	check_open(cg);
	ENTK_ASSERT(type_of(v) == cg->t_i64);
}

static inline void check_i64_pair(const Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	check_i64(cg, a);
	check_i64(cg, b);
}

static inline void check_float(const Cg *cg, LLVMValueRef v)
{
	check_open(cg);
	LLVMTypeRef type = type_of(v);
	LLVMTypeRef element = element_type(type);
	ENTK_ASSERT(element == cg->t_f32 || element == cg->t_f64);
	ENTK_ASSERT(element == type || LLVMGetVectorSize(type) == cg->lanes ||
		    LLVMGetVectorSize(type) == 2 * cg->lanes);
}

static inline void check_float_pair(const Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	check_float(cg, a);
	ENTK_ASSERT(type_of(a) == type_of(b));
}

static inline void check_memory(const Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index)
{
	check_i64(cg, v_index);
	ENTK_ASSERT(is_pointer(v_ptr));
}

static inline LLVMMetadataRef text_node(Cg *cg, const char *text)
{
	return LLVMMDStringInContext2(cg->context, text, strlen(text));
}

static inline LLVMValueRef intrinsic(Cg *cg, const char *name, LLVMTypeRef type, LLVMValueRef *args, unsigned n)
{
	unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
	ENTK_ASSERT(id != 0);
	LLVMValueRef function = LLVMGetIntrinsicDeclaration(cg->module, id, &type, 1);
	return LLVMBuildCall2(cg->builder, LLVMIntrinsicGetType(cg->context, id, &type, 1), function, args, n, "");
}

#endif
