/* Addresses, loads and stores (cg.h is the manual). */
#include "emit/cg/internal.h"

LLVMValueRef cg_ptr_offset(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_index, LLVMTypeRef element)
{
	check_memory(cg, v_ptr, v_index);
	return LLVMBuildInBoundsGEP2(cg->builder, element, v_ptr, &v_index, 1, "");
}

LLVMValueRef cg_ptr_bytes(Cg *cg, LLVMValueRef v_ptr, LLVMValueRef v_bytes)
{
	return cg_ptr_offset(cg, v_ptr, v_bytes, cg->t_i8);
}

/* Double lanes of an f32 program, and all lanes of a net on vectors, span several registers: they are aligned as one register is. */
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
