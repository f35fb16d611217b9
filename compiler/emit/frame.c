/* Numbers that depend on the frame, and where a slice lies. */
#include "emit/internal.h"

LLVMValueRef emit_per_frame(Emit *e, const int64_t *values)
{
	uint32_t count = e->frames->count;
	bool equal = true;
	for (uint32_t k = 1; k < count; k++)
		equal = equal && values[k] == values[0];
	if (equal)
		return cg_i64(e->cg, values[0]);
	char *name = arena_printf(e->arena, "%s.frame%u", e->prefix, e->table_count++);
	return cg_load_i64(e->cg, cg_global_i64_array(e->cg, name, values, count), e->v_frame);
}

LLVMValueRef emit_disp(Emit *e, const RecDisp *disp, uint32_t axis, bool torus, uint32_t size)
{
	int64_t *shift = ARENA_ARRAY(e->arena, int64_t, e->frames->count);
	for (uint32_t k = 0; k < e->frames->count; k++)
		shift[k] = disp->shift[k][axis];
	LLVMValueRef v_d = emit_per_frame(e, shift);
	if (disp->base != 0) {
		LLVMValueRef v_base = cg_get(e->cg, e->v_base[disp->base][axis]);
		v_d = cg_iadd(e->cg, cg_imul(e->cg, v_base, cg_i64(e->cg, disp->scale[axis])), v_d);
	}
	return torus ? cg_ifloormod(e->cg, v_d, cg_i64(e->cg, size)) : v_d;
}

LLVMValueRef emit_right_size(Emit *e, const uint32_t shape[AXES], uint32_t axis)
{
	int64_t *sizes = ARENA_ARRAY(e->arena, int64_t, e->frames->count);
	for (uint32_t k = 0; k < e->frames->count; k++) {
		uint32_t right[AXES];
		rec_right_shape(e->frames->group, e->frames->q[k], shape, right);
		sizes[k] = right[axis];
	}
	return emit_per_frame(e, sizes);
}

void emit_domain(Emit *e, const uint32_t shape[AXES], uint32_t axis, LLVMValueRef v_d, LLVMValueRef *v_low,
		 LLVMValueRef *v_high)
{
	Cg *cg = e->cg;
	LLVMValueRef v_n = cg_i64(cg, shape[axis]);
	LLVMValueRef v_right = emit_right_size(e, shape, axis);
	LLVMValueRef v_zero = cg_i64(cg, 0);
	/* Far off the grid the domain is empty; its ends stay inside the buffer. */
	*v_low = cg_imin(cg, cg_imax(cg, v_zero, cg_isub(cg, v_zero, v_d)), v_n);
	*v_high = cg_imax(cg, *v_low, cg_imin(cg, v_n, cg_isub(cg, v_right, v_d)));
}
