/* Addresses: where in the workspace, in the samples and in the factors the numbers of a position, or of a pair of them, stand. */
#include "emit/internal.h"

LLVMValueRef emit_plane(Emit *e, const RecBuffer *b, bool theta, bool next)
{
	Cg *cg = e->cg;
	int64_t plane = (int64_t)(b->entries * b->elements);
	int64_t copy = plane * (b->theta ? 2 : 1);
	LLVMValueRef v_offset = cg_i64(cg, (int64_t)(e->v_buffer ? 0 : b->offset) + (theta ? plane : 0));
	if (e->v_buffer)
		v_offset = cg_iadd(cg, e->v_buffer[b->id], v_offset);
	if (b->carried) {
		LLVMValueRef v_copy = cg_get(cg, e->v_parity[b->id]);
		if (next)
			v_copy = cg_isub(cg, cg_i64(cg, 1), v_copy);
		v_offset = cg_iadd(cg, v_offset, cg_imul(cg, v_copy, cg_i64(cg, copy)));
	}
	return b->kind == REC_SUM ? cg_ptr_offset(cg, e->v_sums, v_offset, cg->t_lane_f64)
				  : cg_ptr_offset(cg, e->v_lanes, v_offset, cg->t_lane);
}

static LLVMValueRef linear(Emit *e, const LLVMValueRef v_t[AXES], const int64_t stride[AXES], int64_t base)
{
	Cg *cg = e->cg;
	LLVMValueRef v_sum = cg_i64(cg, base);
	for (int a = 0; a < AXES; a++)
		v_sum = cg_iadd(cg, v_sum, cg_imul(cg, v_t[a], cg_i64(cg, stride[a])));
	return v_sum;
}

LLVMValueRef emit_row_major(Emit *e, const uint32_t shape[AXES], const LLVMValueRef v_t[AXES])
{
	const int64_t stride[AXES] = {(int64_t)shape[1] * shape[2], shape[2], 1};
	return linear(e, v_t, stride, 0);
}

LLVMValueRef emit_element_offset(Emit *e, const RecBuffer *b, LLVMValueRef v_r)
{
	return b->elements > 1 ? cg_imul(e->cg, v_r, cg_i64(e->cg, (int64_t)b->entries)) : cg_i64(e->cg, 0);
}

LLVMValueRef emit_slice_index(Emit *e, const RecBuffer *b, LLVMValueRef v_r, const LLVMValueRef v_t[AXES])
{
	Cg *cg = e->cg;
	int64_t size[AXES], base = 0;
	for (int a = 0; a < AXES; a++)
		size[a] = a == 1 && b->ring ? b->ring : (int64_t)b->shape[a] + b->halo_low[a] + b->halo_high[a];
	const int64_t stride[AXES] = {size[1] * size[2], size[2], 1};
	for (int a = 0; a < AXES; a++)
		base += a == 1 && b->ring ? 0 : stride[a] * b->halo_low[a];
	LLVMValueRef v_place[AXES] = {v_t[0], v_t[1], v_t[2]};
	if (b->ring) /* a power of two: right for rows above the grid, too */
		v_place[1] = cg_and(cg, v_t[1], cg_i64(cg, (int64_t)b->ring - 1));
	return cg_iadd(cg, emit_element_offset(e, b, v_r), linear(e, v_place, stride, base));
}

LLVMValueRef emit_pair_index(Emit *e, const RecBuffer *b, LLVMValueRef v_r, const LLVMValueRef v_t[AXES],
			     const LLVMValueRef v_u[AXES])
{
	Cg *cg = e->cg;
	int64_t n = (int64_t)b->shape[0] * b->shape[1] * b->shape[2];
	LLVMValueRef v_size1 = emit_right_size(e, b->shape, 1), v_size2 = emit_right_size(e, b->shape, 2);
	LLVMValueRef v_right =
		cg_iadd(cg, cg_imul(cg, cg_iadd(cg, cg_imul(cg, v_u[0], v_size1), v_u[1]), v_size2), v_u[2]);
	LLVMValueRef v_left = cg_imul(cg, emit_row_major(e, b->shape, v_t), cg_i64(cg, n));
	return cg_iadd(cg, emit_element_offset(e, b, v_r), cg_iadd(cg, v_left, v_right));
}

LLVMValueRef emit_right_index(Emit *e, const uint32_t shape[AXES], const LLVMValueRef v_u[AXES])
{
	Cg *cg = e->cg;
	uint32_t n = e->frames->count;
	int64_t *base = ARENA_ARRAY(e->arena, int64_t, n), *stride[AXES];
	for (int a = 0; a < AXES; a++)
		stride[a] = ARENA_ARRAY(e->arena, int64_t, n);
	for (uint32_t k = 0; k < n; k++) {
		int64_t s[AXES];
		rec_right_view(e->frames->group, e->frames->q[k], shape, &base[k], s);
		for (int a = 0; a < AXES; a++)
			stride[a][k] = s[a];
	}
	LLVMValueRef v_index = emit_per_frame(e, base);
	for (int a = 0; a < AXES; a++)
		if (shape[0] * shape[1] * shape[2] > 1)
			v_index = cg_iadd(cg, v_index, cg_imul(cg, v_u[a], emit_per_frame(e, stride[a])));
	return v_index;
}

LLVMValueRef emit_map_index(Emit *e, const RecMap *maps, const LLVMValueRef v_t[AXES], const LLVMValueRef v_u[AXES])
{
	Cg *cg = e->cg;
	uint32_t n = e->frames->count;
	int64_t *values = ARENA_ARRAY(e->arena, int64_t, n);
	for (uint32_t k = 0; k < n; k++)
		values[k] = maps[k].base;
	LLVMValueRef v_index = emit_per_frame(e, values);
	for (int a = 0; a < AXES; a++) {
		for (uint32_t k = 0; k < n; k++)
			values[k] = maps[k].left[a];
		v_index = cg_iadd(cg, v_index, cg_imul(cg, v_t[a], emit_per_frame(e, values)));
		for (uint32_t k = 0; k < n; k++)
			values[k] = maps[k].right[a];
		v_index = cg_iadd(cg, v_index, cg_imul(cg, v_u[a], emit_per_frame(e, values)));
	}
	return v_index;
}
