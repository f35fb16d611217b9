/* Statements without statements in them: nests, rows, halos, clearing. */
#include "emit/internal.h"

/* ---- halos ---- */

static void zero_columns(Emit *e, const RecBuffer *b, bool next, LLVMValueRef v_row, LLVMValueRef v_from,
			 LLVMValueRef v_to)
{
	Cg *cg = e->cg;
	CgLoop loop = cg_loop_begin(cg, v_from, v_to, 1, "zero");
	LLVMValueRef v_index = cg_iadd(cg, v_row, loop.v_i);
	cg_store_lane(cg, emit_plane(e, b, false, next), v_index, cg_lane_zero(cg));
	if (b->theta && e->theta)
		cg_store_lane(cg, emit_plane(e, b, true, next), v_index, cg_lane_zero(cg));
	cg_loop_end(cg, &loop);
}

static void zero_halo(Emit *e, const RecBuffer *b, const RecDisp *disp, bool next)
{
	Cg *cg = e->cg;
	LLVMValueRef v_low[AXES], v_high[AXES], v_first[AXES], v_end[AXES];
	for (uint32_t a = 0; a < AXES; a++) {
		emit_domain(e, b->shape, a, emit_disp(e, disp, a, false, 0), &v_low[a], &v_high[a]);
		v_first[a] = cg_isub(cg, v_low[a], cg_i64(cg, b->halo_low[a]));
		v_end[a] = cg_iadd(cg, v_high[a], cg_i64(cg, b->halo_high[a]));
	}
	CgLoop elements = cg_loop_begin(cg, cg_i64(cg, 0), cg_i64(cg, b->elements), 1, "halo.r");
	CgLoop outer = cg_loop_begin(cg, v_first[0], v_end[0], 1, "halo.0");
	LLVMValueRef v_in0 = cg_and(cg, cg_ige(cg, outer.v_i, v_low[0]), cg_ilt(cg, outer.v_i, v_high[0]));
	CgLoop inner = cg_loop_begin(cg, v_first[1], v_end[1], 1, "halo.1");
	LLVMValueRef v_in1 = cg_and(cg, cg_ige(cg, inner.v_i, v_low[1]), cg_ilt(cg, inner.v_i, v_high[1]));
	LLVMValueRef v_row_t[AXES] = {outer.v_i, inner.v_i, cg_i64(cg, 0)};
	LLVMValueRef v_row = emit_slice_index(e, b, elements.v_i, v_row_t);
	CgIf inside = cg_if(cg, cg_and(cg, v_in0, v_in1), "halo.in");
	zero_columns(e, b, next, v_row, v_first[2], v_low[2]);
	zero_columns(e, b, next, v_row, v_high[2], v_end[2]);
	cg_else(cg, &inside);
	zero_columns(e, b, next, v_row, v_first[2], v_end[2]);
	cg_endif(cg, &inside);
	cg_loop_end(cg, &inner);
	cg_loop_end(cg, &outer);
	cg_loop_end(cg, &elements);
}

static void wrap_columns(Emit *e, const RecBuffer *b, bool next, LLVMValueRef v_r, const LLVMValueRef v_t[AXES],
			 LLVMValueRef v_from, LLVMValueRef v_to)
{
	Cg *cg = e->cg;
	CgLoop loop = cg_loop_begin(cg, v_from, v_to, 1, "wrap");
	LLVMValueRef v_to_t[AXES] = {v_t[0], v_t[1], loop.v_i}, v_from_t[AXES];
	for (uint32_t a = 0; a < AXES; a++)
		v_from_t[a] = cg_ifloormod(cg, v_to_t[a], cg_i64(cg, b->shape[a]));
	LLVMValueRef v_target = emit_slice_index(e, b, v_r, v_to_t), v_source = emit_slice_index(e, b, v_r, v_from_t);
	for (int plane = 0; plane < 2; plane++) {
		if (plane && !(b->theta && e->theta))
			continue;
		LLVMValueRef v_plane = emit_plane(e, b, plane != 0, next);
		cg_store_lane(cg, v_plane, v_target, cg_load_lane(cg, v_plane, v_source));
	}
	cg_loop_end(cg, &loop);
}

static void wrap_halo(Emit *e, const RecBuffer *b, bool next)
{
	Cg *cg = e->cg;
	LLVMValueRef v_zero = cg_i64(cg, 0), v_n[AXES], v_first[AXES], v_end[AXES];
	for (uint32_t a = 0; a < AXES; a++) {
		v_n[a] = cg_i64(cg, b->shape[a]);
		v_first[a] = cg_i64(cg, -(int64_t)b->halo_low[a]);
		v_end[a] = cg_i64(cg, (int64_t)b->shape[a] + b->halo_high[a]);
	}
	CgLoop elements = cg_loop_begin(cg, v_zero, cg_i64(cg, b->elements), 1, "halo.r");
	CgLoop outer = cg_loop_begin(cg, v_first[0], v_end[0], 1, "halo.0");
	LLVMValueRef v_in0 = cg_and(cg, cg_ige(cg, outer.v_i, v_zero), cg_ilt(cg, outer.v_i, v_n[0]));
	CgLoop inner = cg_loop_begin(cg, v_first[1], v_end[1], 1, "halo.1");
	LLVMValueRef v_in1 = cg_and(cg, cg_ige(cg, inner.v_i, v_zero), cg_ilt(cg, inner.v_i, v_n[1]));
	LLVMValueRef v_t[AXES] = {outer.v_i, inner.v_i, NULL};
	CgIf inside = cg_if(cg, cg_and(cg, v_in0, v_in1), "halo.in");
	wrap_columns(e, b, next, elements.v_i, v_t, v_first[2], v_zero);
	wrap_columns(e, b, next, elements.v_i, v_t, v_n[2], v_end[2]);
	cg_else(cg, &inside);
	wrap_columns(e, b, next, elements.v_i, v_t, v_first[2], v_end[2]);
	cg_endif(cg, &inside);
	cg_loop_end(cg, &inner);
	cg_loop_end(cg, &outer);
	cg_loop_end(cg, &elements);
}

static void emit_halo(Emit *e, const RecStmt *s)
{
	const RecBuffer *b = s->as.halo.buffer;
	bool any = false;
	for (int a = 0; a < AXES; a++)
		any = any || b->halo_low[a] || b->halo_high[a];
	if (!any)
		return;
	if (b->torus)
		wrap_halo(e, b, s->as.halo.next);
	else
		zero_halo(e, b, &s->as.halo.disp, s->as.halo.next);
}

/* ---- leaves ---- */

static void emit_clear(Emit *e, const RecBuffer *b)
{
	Cg *cg = e->cg;
	uint64_t lanes = b->entries * b->elements;
	CgLoop loop = cg_loop_begin(cg, cg_i64(cg, 0), cg_i64(cg, (int64_t)lanes), 1, "clear");
	for (int plane = 0; plane < 2; plane++) {
		if (plane && !(b->theta && e->theta))
			continue;
		LLVMValueRef v_plane = emit_plane(e, b, plane != 0, false);
		if (b->kind == REC_SUM)
			cg_store_lane_f64(cg, v_plane, loop.v_i, cg_lane_f64_const(cg, 0));
		else
			cg_store_lane(cg, v_plane, loop.v_i, cg_lane_zero(cg));
	}
	cg_loop_end(cg, &loop);
}

void emit_leaf(Emit *e, const RecStmt *s)
{
	switch (s->kind) {
	case REC_NEST:
		emit_nest(e, &s->as.nest);
		return;
	case REC_ROWS:
		emit_rows(e, s->as.rows.nests, s->as.rows.lead, s->as.rows.count);
		return;
	case REC_HALO:
		emit_halo(e, s);
		return;
	case REC_CLEAR:
		emit_clear(e, s->as.clear.buffer);
		return;
	case REC_LOOP_FRAMES:
	case REC_LOOP_DISP:
	case REC_LOOP_REPEAT:
	case REC_LOOP_WRAP:
		break;
	}
	ICE("a loop is no leaf");
}

static void enter_carried(Emit *e, const RecNest *nest)
{
	if (nest->sink == REC_SINK_STORE && nest->target->carried && !nest->next)
		cg_set(e->cg, e->v_parity[nest->target->id], cg_i64(e->cg, 0));
}

void emit_enter_carried(Emit *e, const RecStmt *s)
{
	if (s->kind == REC_NEST)
		enter_carried(e, &s->as.nest);
	for (uint32_t k = 0; s->kind == REC_ROWS && k < s->as.rows.count; k++)
		enter_carried(e, &s->as.rows.nests[k]);
}
