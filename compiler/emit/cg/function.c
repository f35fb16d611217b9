/* Functions, their attributes and parameters, calls (cg.h is the manual). */
#include "emit/cg/internal.h"

#include <llvm-c/Analysis.h>

static LLVMAttributeRef enum_attribute(const Cg *cg, const char *name, uint64_t value)
{
	unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
	ENTK_ASSERT(kind != 0);
	return LLVMCreateEnumAttribute(cg->context, kind, value);
}

static void add_text_attribute(const Cg *cg, LLVMValueRef function, const char *name, const char *value)
{
	LLVMAttributeRef attribute =
		LLVMCreateStringAttribute(cg->context, name, (unsigned)strlen(name), value, (unsigned)strlen(value));
	LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, attribute);
}

void cg_function_attribute(Cg *cg, LLVMValueRef function, const char *attribute)
{
	LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
				enum_attribute(cg, attribute, 0));
}

/* What clang's -mcpu and -mtune write. The widths make LLVM use whole registers where its tuning tables would prefer
 * half of one: a lane vector is made of whole registers. */
static void add_target_attributes(Cg *cg, LLVMValueRef function)
{
	add_text_attribute(cg, function, "target-cpu", cg->target.cpu);
	add_text_attribute(cg, function, "tune-cpu", cg->target.tune);
	if (cg->target.features[0] != '\0')
		add_text_attribute(cg, function, "target-features", cg->target.features);
	const char *bits = arena_printf(cg->arena, "%u", cg->target.vector_bytes * 8);
	add_text_attribute(cg, function, "prefer-vector-width", bits);
	add_text_attribute(cg, function, "min-legal-vector-width", bits);
	cg_function_attribute(cg, function, "nounwind");
}

LLVMValueRef cg_function_declare(Cg *cg, const char *name, LLVMTypeRef t_return, const LLVMTypeRef *t_params,
				 unsigned n, bool internal)
{
	LLVMTypeRef t_function = LLVMFunctionType(t_return, (LLVMTypeRef *)t_params, n, 0);
	LLVMValueRef function = LLVMGetNamedFunction(cg->module, name);
	if (function != NULL) {
		ENTK_ASSERT(LLVMGlobalGetValueType(function) == t_function);
		return function;
	}
	function = LLVMAddFunction(cg->module, name, t_function);
	LLVMSetLinkage(function, internal ? LLVMInternalLinkage : LLVMExternalLinkage);
	return function;
}

LLVMValueRef cg_function_begin(Cg *cg, const char *name, LLVMTypeRef t_return, const LLVMTypeRef *t_params, unsigned n,
			       bool internal)
{
	ENTK_ASSERT(cg->function == NULL);
	LLVMValueRef function = cg_function_declare(cg, name, t_return, t_params, n, internal);
	ENTK_ASSERT(LLVMCountBasicBlocks(function) == 0);
	LLVMSetLinkage(function, internal ? LLVMInternalLinkage : LLVMExternalLinkage);
	add_target_attributes(cg, function);
	cg->function = function;
	cg->b_entry = LLVMAppendBasicBlockInContext(cg->context, function, "entry");
	cg->b_first = LLVMAppendBasicBlockInContext(cg->context, function, "body");
	LLVMPositionBuilderAtEnd(cg->builder, cg->b_first);
	cg->terminated = false;
	return function;
}

LLVMValueRef cg_param(Cg *cg, unsigned index)
{
	ENTK_ASSERT(cg->function != NULL && index < LLVMCountParams(cg->function));
	return LLVMGetParam(cg->function, index);
}

void cg_return(Cg *cg, LLVMValueRef v)
{
	check_open(cg);
	LLVMTypeRef t_return = LLVMGetReturnType(LLVMGlobalGetValueType(cg->function));
	if (v == NULL) {
		ENTK_ASSERT(t_return == cg->t_void);
		LLVMBuildRetVoid(cg->builder);
	} else {
		ENTK_ASSERT(t_return == type_of(v));
		LLVMBuildRet(cg->builder, v);
	}
	cg->terminated = true;
}

void cg_function_end(Cg *cg)
{
	ENTK_ASSERT(cg->function != NULL);
	if (!cg->terminated)
		cg_return(cg, NULL);
	LLVMPositionBuilderAtEnd(cg->builder, cg->b_entry);
	LLVMBuildBr(cg->builder, cg->b_first);
	LLVMValueRef function = cg->function;
	cg->function = NULL;
	if (LLVMVerifyFunction(function, LLVMReturnStatusAction))
		cg_module_broken(cg, LLVMGetValueName(function));
}

CgOpen cg_function_set_aside(Cg *cg)
{
	check_open(cg);
	CgOpen open = {cg->function, cg->b_entry, cg->b_first, LLVMGetInsertBlock(cg->builder)};
	cg->function = NULL;
	return open;
}

void cg_function_take_up(Cg *cg, CgOpen open)
{
	ENTK_ASSERT(cg->function == NULL);
	cg->function = open.function;
	cg->b_entry = open.b_entry;
	cg->b_first = open.b_first;
	cg->terminated = false;
	LLVMPositionBuilderAtEnd(cg->builder, open.b_current);
}

LLVMValueRef cg_call(Cg *cg, LLVMValueRef function, const LLVMValueRef *args, unsigned n)
{
	check_open(cg);
	LLVMTypeRef t_function = LLVMGlobalGetValueType(function);
	ENTK_ASSERT(LLVMGetTypeKind(t_function) == LLVMFunctionTypeKind && LLVMCountParams(function) == n);
	for (unsigned i = 0; i < n; i++)
		ENTK_ASSERT(type_of(args[i]) == type_of(LLVMGetParam(function, i)));
	return LLVMBuildCall2(cg->builder, t_function, function, (LLVMValueRef *)args, n, "");
}

void cg_param_pointer(Cg *cg, unsigned index, unsigned flags, unsigned align)
{
	ENTK_ASSERT(is_pointer(cg_param(cg, index)));
	static const struct {
		unsigned flag;
		const char *name;
	} names[] = {{CG_NOALIAS, "noalias"},
		     {CG_READONLY, "readonly"},
		     {CG_NOCAPTURE, "nocapture"},
		     {CG_WRITEONLY, "writeonly"}};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (flags & names[i].flag)
			LLVMAddAttributeAtIndex(cg->function, index + 1, enum_attribute(cg, names[i].name, 0));
	}
	if (align != 0)
		LLVMAddAttributeAtIndex(cg->function, index + 1, enum_attribute(cg, "align", align));
}

LLVMValueRef cg_math(Cg *cg, const char *name, const LLVMValueRef *args, unsigned n)
{
	static const char *const known[] = {"sqrt", "exp",  "log",  "sin",  "cos", "tan",
					    "tanh", "sinh", "cosh", "atan", "erf", "pow"};
	bool found = false;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		found = found || strcmp(known[i], name) == 0;
	ENTK_ASSERT(found && n == (strcmp(name, "pow") == 0 ? 2u : 1u));
	for (unsigned i = 0; i < n; i++)
		ENTK_ASSERT(type_of(args[i]) == cg->t_f64);
	check_open(cg);
	if (strcmp(name, "sqrt") == 0)
		return cg_sqrt(cg, args[0]);
	LLVMTypeRef t_params[2] = {cg->t_f64, cg->t_f64};
	LLVMValueRef function = cg_function_declare(cg, name, cg->t_f64, t_params, n, false);
	/* Nobody reads errno: the calls may be moved and dropped like arithmetic. */
	cg_function_attribute(cg, function, "nounwind");
	cg_function_attribute(cg, function, "willreturn");
	cg_function_attribute(cg, function, "memory");
	return cg_call(cg, function, args, n);
}
