/* Variables, loops and branches (cg.h is the manual). */
#include "emit/cg/internal.h"

#include <llvm-c/DebugInfo.h>

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
