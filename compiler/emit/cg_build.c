/* The builder helpers: everything that calls LLVMBuild* stands here (cg.h is the manual). */
#include "emit/cg.h"

#include <stdio.h>
#include <string.h>

#include <llvm-c/Analysis.h>
#include <llvm-c/DebugInfo.h>

#include "base/diag.h"

enum { MAX_LANES = 64 }; /* two vectors of 64 bytes are 32 floats */

/* ---- checks ---- */

static LLVMTypeRef type_of(LLVMValueRef v)
{
	ENTK_ASSERT(v != NULL);
	return LLVMTypeOf(v);
}

static LLVMTypeRef element_type(LLVMTypeRef type)
{
	return LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetElementType(type) : type;
}

static bool is_pointer(LLVMValueRef v)
{
	return LLVMGetTypeKind(type_of(v)) == LLVMPointerTypeKind;
}

static void check_open(const Cg *cg)
{
	ENTK_ASSERT(cg->function != NULL);
	ENTK_ASSERT(!cg->terminated);
}

static void check_i64(const Cg *cg, LLVMValueRef v)
{
	check_open(cg);
	ENTK_ASSERT(type_of(v) == cg->t_i64);
}

static void check_i64_pair(const Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	check_i64(cg, a);
	check_i64(cg, b);
}

static void check_float(const Cg *cg, LLVMValueRef v)
{
	check_open(cg);
	LLVMTypeRef type = type_of(v);
	LLVMTypeRef element = element_type(type);
	ENTK_ASSERT(element == cg->t_f32 || element == cg->t_f64);
	ENTK_ASSERT(element == type || LLVMGetVectorSize(type) == cg->lanes ||
		    LLVMGetVectorSize(type) == 2 * cg->lanes);
}

static void check_float_pair(const Cg *cg, LLVMValueRef a, LLVMValueRef b)
{
	check_float(cg, a);
	ENTK_ASSERT(type_of(a) == type_of(b));
}

static void check_memory(const Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index)
{
	check_i64(cg, v_index);
	ENTK_ASSERT(is_pointer(v_ptr));
}

/* ---- functions ---- */

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
 * half of one: a lane vector is one register by construction. */
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

static LLVMValueRef intrinsic(Cg *cg, const char *name, LLVMTypeRef type, LLVMValueRef *args, unsigned n)
{
	unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
	ENTK_ASSERT(id != 0);
	LLVMValueRef function = LLVMGetIntrinsicDeclaration(cg->module, id, &type, 1);
	return LLVMBuildCall2(cg->builder, LLVMIntrinsicGetType(cg->context, id, &type, 1), function, args, n, "");
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

/* ---- integers ---- */

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

/* ---- variables ---- */

/* All in the entry block: only there the optimizer turns them into registers, and a loop does not grow the stack. */
static LLVMValueRef entry_alloca(Cg *cg, LLVMTypeRef type, LLVMValueRef v_count, const char *name)
{
	check_open(cg);
	LLVMBasicBlockRef b_current = LLVMGetInsertBlock(cg->builder);
	LLVMPositionBuilderAtEnd(cg->builder, cg->b_entry);
	LLVMValueRef v = v_count == NULL ? LLVMBuildAlloca(cg->builder, type, name)
					 : LLVMBuildArrayAlloca(cg->builder, type, v_count, name);
	LLVMPositionBuilderAtEnd(cg->builder, b_current);
	return v;
}

LLVMValueRef cg_var(Cg *cg, LLVMTypeRef type, const char *name)
{
	return entry_alloca(cg, type, NULL, name);
}

LLVMValueRef cg_stack_array(Cg *cg, LLVMTypeRef element, unsigned count, const char *name)
{
	LLVMValueRef v = entry_alloca(cg, element, cg_i64(cg, count), name);
	LLVMSetAlignment(v, cg->target.vector_bytes);
	return v;
}

LLVMValueRef cg_get(Cg *cg, LLVMValueRef var)
{
	check_open(cg);
	ENTK_ASSERT(LLVMIsAAllocaInst(var));
	return LLVMBuildLoad2(cg->builder, LLVMGetAllocatedType(var), var, "");
}

void cg_set(Cg *cg, LLVMValueRef var, LLVMValueRef v)
{
	check_open(cg);
	ENTK_ASSERT(LLVMIsAAllocaInst(var) && LLVMGetAllocatedType(var) == type_of(v));
	LLVMBuildStore(cg->builder, v, var);
}

/* ---- control ---- */

static LLVMBasicBlockRef append_block(Cg *cg, const char *name, const char *suffix)
{
	return LLVMAppendBasicBlockInContext(cg->context, cg->function, arena_printf(cg->arena, "%s.%s", name, suffix));
}

static void continue_at(Cg *cg, LLVMBasicBlockRef block)
{
	LLVMPositionBuilderAtEnd(cg->builder, block);
	cg->terminated = false;
}

static CgLoop loop_begin(Cg *cg, LLVMValueRef v_start, LLVMValueRef v_limit, int64_t step, LLVMIntPredicate goes_on,
			 const char *name)
{
	check_i64_pair(cg, v_start, v_limit);
	CgLoop loop = {.step = step};
	loop.v_slot = cg_var(cg, cg->t_i64, name);
	cg_set(cg, loop.v_slot, v_start);
	loop.b_head = append_block(cg, name, "head");
	LLVMBasicBlockRef b_body = append_block(cg, name, "body");
	loop.b_exit = append_block(cg, name, "exit");
	LLVMBuildBr(cg->builder, loop.b_head);
	continue_at(cg, loop.b_head);
	LLVMValueRef v_i = cg_get(cg, loop.v_slot);
	LLVMBuildCondBr(cg->builder, LLVMBuildICmp(cg->builder, goes_on, v_i, v_limit, ""), b_body, loop.b_exit);
	continue_at(cg, b_body);
	loop.v_i = v_i;
	return loop;
}

CgLoop cg_loop_begin(Cg *cg, LLVMValueRef v_from, LLVMValueRef v_to, int64_t step, const char *name)
{
	ENTK_ASSERT(step > 0);
	return loop_begin(cg, v_from, v_to, step, LLVMIntSLT, name);
}

CgLoop cg_loop_down_begin(Cg *cg, LLVMValueRef v_from, LLVMValueRef v_to, const char *name)
{
	return loop_begin(cg, cg_isub(cg, v_to, cg_i64(cg, 1)), v_from, -1, LLVMIntSGE, name);
}

void cg_loop_unroll(CgLoop *loop, unsigned count)
{
	loop->unroll = count;
}

static LLVMMetadataRef text_node(Cg *cg, const char *text)
{
	return LLVMMDStringInContext2(cg->context, text, strlen(text));
}

static LLVMMetadataRef property(Cg *cg, const char *name, LLVMValueRef value)
{
	LLVMMetadataRef parts[2] = {text_node(cg, name), value != NULL ? LLVMValueAsMetadata(value) : NULL};
	return LLVMMDNodeInContext2(cg->context, parts, value != NULL ? 2 : 1);
}

/* A loop's description is a node whose first operand is the node itself: made with a placeholder in that place. */
static void describe_loop(Cg *cg, LLVMValueRef v_branch, unsigned unroll)
{
	LLVMMetadataRef placeholder = LLVMTemporaryMDNode(cg->context, NULL, 0);
	LLVMMetadataRef parts[3] = {placeholder, property(cg, "llvm.loop.vectorize.enable", cg_i1(cg, false))};
	if (unroll == CG_UNROLL_FULL)
		parts[2] = property(cg, "llvm.loop.unroll.full", NULL);
	else if (unroll > 1)
		parts[2] = property(cg, "llvm.loop.unroll.count", cg_i32(cg, (int32_t)unroll));
	else
		parts[2] = property(cg, "llvm.loop.unroll.disable", NULL);
	LLVMMetadataRef node = LLVMMDNodeInContext2(cg->context, parts, 3);
	LLVMMetadataReplaceAllUsesWith(placeholder, node); /* frees the placeholder */
	unsigned kind = LLVMGetMDKindIDInContext(cg->context, "llvm.loop", 9);
	LLVMSetMetadata(v_branch, kind, LLVMMetadataAsValue(cg->context, node));
}

void cg_loop_end(Cg *cg, const CgLoop *loop)
{
	check_open(cg);
	cg_set(cg, loop->v_slot, cg_iadd(cg, loop->v_i, cg_i64(cg, loop->step)));
	describe_loop(cg, LLVMBuildBr(cg->builder, loop->b_head), loop->unroll);
	continue_at(cg, loop->b_exit);
}

CgIf cg_if(Cg *cg, LLVMValueRef v_condition, const char *name)
{
	check_open(cg);
	ENTK_ASSERT(type_of(v_condition) == cg->t_i1);
	LLVMBasicBlockRef b_then = append_block(cg, name, "then");
	CgIf branch = {.b_else = append_block(cg, name, "else"), .b_end = append_block(cg, name, "end")};
	LLVMBuildCondBr(cg->builder, v_condition, b_then, branch.b_else);
	continue_at(cg, b_then);
	return branch;
}

void cg_else(Cg *cg, CgIf *branch)
{
	ENTK_ASSERT(!branch->has_else);
	branch->has_else = true;
	if (!cg->terminated)
		LLVMBuildBr(cg->builder, branch->b_end);
	continue_at(cg, branch->b_else);
}

void cg_endif(Cg *cg, CgIf *branch)
{
	if (!branch->has_else)
		cg_else(cg, branch);
	if (!cg->terminated)
		LLVMBuildBr(cg->builder, branch->b_end);
	continue_at(cg, branch->b_end);
}

/* ---- memory ---- */

LLVMValueRef cg_ptr_offset(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index, LLVMTypeRef element)
{
	check_memory(cg, v_ptr, v_index);
	return LLVMBuildInBoundsGEP2(cg->builder, element, v_ptr, &v_index, 1, "");
}

LLVMValueRef cg_ptr_bytes(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_bytes)
{
	return cg_ptr_offset(cg, v_ptr, v_bytes, cg->t_i8);
}

/* Double lanes of an f32 program span several registers: they are aligned as one register is. */
static unsigned alignment_of(const Cg *cg, LLVMTypeRef type)
{
	unsigned natural = LLVMABIAlignmentOfType(cg->layout, type);
	return natural < cg->target.vector_bytes ? natural : cg->target.vector_bytes;
}

static LLVMValueRef load_aligned(Cg *cg, LLVMTypeRef type, LLVMValueRef v_address, unsigned align)
{
	LLVMValueRef v = LLVMBuildLoad2(cg->builder, type, v_address, "");
	LLVMSetAlignment(v, align);
	return v;
}

static LLVMValueRef store_aligned(Cg *cg, LLVMValueRef v_address, LLVMValueRef v, unsigned align)
{
	LLVMValueRef v_store = LLVMBuildStore(cg->builder, v, v_address);
	LLVMSetAlignment(v_store, align);
	return v_store;
}

LLVMValueRef cg_load(Cg *cg, LLVMTypeRef type, LLVMValueRef v_ptr, LLVMValueRef v_index)
{
	return load_aligned(cg, type, cg_ptr_offset(cg, v_ptr, v_index, type), alignment_of(cg, type));
}

LLVMValueRef cg_store(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index, LLVMValueRef v)
{
	LLVMTypeRef type = type_of(v);
	return store_aligned(cg, cg_ptr_offset(cg, v_ptr, v_index, type), v, alignment_of(cg, type));
}

LLVMValueRef cg_load_i32_as_i64(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index)
{
	return cg_isext_i64(cg, cg_load(cg, cg->t_i32, v_ptr, v_index));
}

LLVMValueRef cg_load_u32_as_i64(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index)
{
	return cg_izext_i64(cg, cg_load(cg, cg->t_i32, v_ptr, v_index));
}

LLVMValueRef cg_load_i64(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index)
{
	return cg_load(cg, cg->t_i64, v_ptr, v_index);
}

LLVMValueRef cg_load_f64(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index)
{
	return cg_load(cg, cg->t_f64, v_ptr, v_index);
}

LLVMValueRef cg_load_real(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index)
{
	return cg_load(cg, cg->t_real, v_ptr, v_index);
}

LLVMValueRef cg_store_real(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index, LLVMValueRef v)
{
	ENTK_ASSERT(type_of(v) == cg->t_real);
	return cg_store(cg, v_ptr, v_index, v);
}

LLVMValueRef cg_load_lane(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index)
{
	return cg_load(cg, cg->t_lane, v_ptr, v_index);
}

LLVMValueRef cg_store_lane(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index, LLVMValueRef v)
{
	ENTK_ASSERT(type_of(v) == cg->t_lane);
	return cg_store(cg, v_ptr, v_index, v);
}

LLVMValueRef cg_load_lane_f64(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index)
{
	return cg_load(cg, cg->t_lane_f64, v_ptr, v_index);
}

LLVMValueRef cg_store_lane_f64(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index, LLVMValueRef v)
{
	ENTK_ASSERT(type_of(v) == cg->t_lane_f64);
	return cg_store(cg, v_ptr, v_index, v);
}

LLVMValueRef cg_load_lane_unaligned(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index)
{
	LLVMValueRef v_address = cg_ptr_offset(cg, v_ptr, v_index, cg->t_real);
	return load_aligned(cg, cg->t_lane, v_address, alignment_of(cg, cg->t_real));
}

LLVMValueRef cg_store_lane_f64_unaligned(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index, LLVMValueRef v)
{
	ENTK_ASSERT(type_of(v) == cg->t_lane_f64);
	LLVMValueRef v_address = cg_ptr_offset(cg, v_ptr, v_index, cg->t_f64);
	return store_aligned(cg, v_address, v, alignment_of(cg, cg->t_f64));
}

LLVMValueRef cg_store_lane_unaligned(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index, LLVMValueRef v)
{
	ENTK_ASSERT(type_of(v) == cg->t_lane);
	LLVMValueRef v_address = cg_ptr_offset(cg, v_ptr, v_index, cg->t_real);
	return store_aligned(cg, v_address, v, alignment_of(cg, cg->t_real));
}

LLVMValueRef cg_load_splat(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index)
{
	return cg_splat(cg, cg_load_real(cg, v_ptr, v_index));
}

LLVMValueRef cg_load_field(Cg *cg, LLVMValueRef v_ptr, size_t byte_offset, LLVMTypeRef type)
{
	LLVMValueRef v_address = cg_ptr_bytes(cg, v_ptr, cg_i64(cg, (int64_t)byte_offset));
	return load_aligned(cg, type, v_address, alignment_of(cg, type));
}

static LLVMMetadataRef alias_scope(Cg *cg, unsigned scope)
{
	LLVMMetadataRef domain_name = text_node(cg, "entk");
	LLVMMetadataRef domain = LLVMMDNodeInContext2(cg->context, &domain_name, 1);
	LLVMMetadataRef parts[2] = {text_node(cg, arena_printf(cg->arena, "entk.%u", scope)), domain};
	return LLVMMDNodeInContext2(cg->context, parts, 2);
}

void cg_set_alias(Cg *cg, LLVMValueRef instruction, unsigned scope, uint32_t noalias_mask)
{
	ENTK_ASSERT(scope < 32 && (noalias_mask >> scope & 1u) == 0);
	if (!LLVMIsALoadInst(instruction) && !LLVMIsAStoreInst(instruction))
		return;
	LLVMMetadataRef scopes[32] = {alias_scope(cg, scope)};
	LLVMSetMetadata(instruction, LLVMGetMDKindIDInContext(cg->context, "alias.scope", 11),
			LLVMMetadataAsValue(cg->context, LLVMMDNodeInContext2(cg->context, scopes, 1)));
	unsigned n = 0;
	for (unsigned other = 0; other < 32; other++) {
		if (noalias_mask >> other & 1u)
			scopes[n++] = alias_scope(cg, other);
	}
	if (n > 0)
		LLVMSetMetadata(instruction, LLVMGetMDKindIDInContext(cg->context, "noalias", 7),
				LLVMMetadataAsValue(cg->context, LLVMMDNodeInContext2(cg->context, scopes, n)));
}

/* ---- lanes ---- */

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

/* ---- constants and globals ---- */

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
