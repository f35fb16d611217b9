/* Statements of the recursion: loops, halos, clearing. */
#include "emit/emit_internal.h"

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

/* ---- loops ---- */

static void loop_frames(Emit *e, const RecStmt *s)
{
	const RecFrames *outer = e->frames;
	LLVMValueRef v_outer = e->v_frame;
	e->frames = s->frames;
	if (s->frames->count == 1) {
		e->v_frame = cg_i64(e->cg, 0);
		emit_block(e, &s->body);
	} else {
		CgLoop loop = cg_loop_begin(e->cg, cg_i64(e->cg, 0), cg_i64(e->cg, s->frames->count), 1, "frame");
		e->v_frame = loop.v_i;
		emit_block(e, &s->body);
		cg_loop_end(e->cg, &loop);
	}
	e->frames = outer;
	e->v_frame = v_outer;
}

static void loop_disp(Emit *e, const RecStmt *s)
{
	Cg *cg = e->cg;
	CgLoop loops[AXES];
	for (uint32_t a = 0; a < AXES; a++) {
		int64_t n = s->as.disp.shape[a];
		LLVMValueRef v_from, v_to;
		if (s->as.disp.torus) {
			v_from = cg_i64(cg, 0);
			v_to = cg_i64(cg, n);
		} else {
			int64_t low = s->as.disp.low[a] > -(n - 1) ? s->as.disp.low[a] : -(n - 1);
			v_from = cg_i64(cg, low);
			v_to = cg_imin(cg, cg_i64(cg, (int64_t)s->as.disp.high[a] + 1),
				       emit_right_size(e, s->as.disp.shape, a));
		}
		loops[a] = cg_loop_begin(cg, v_from, v_to, 1, "d");
		cg_set(cg, e->v_base[s->as.disp.base][a], loops[a].v_i);
	}
	emit_block(e, &s->body);
	for (uint32_t a = AXES; a-- > 0;)
		cg_loop_end(cg, &loops[a]);
}

static void loop_repeat(Emit *e, const RecStmt *s)
{
	Cg *cg = e->cg;
	uint32_t count = s->as.repeat.count;
	LLVMValueRef v_last[AXES], v_step[AXES];
	int64_t *steps = ARENA_ARRAY(e->arena, int64_t, e->frames->count);
	for (uint32_t a = 0; a < AXES; a++) {
		v_last[a] = emit_disp(e, &s->as.repeat.last, a, false, 0);
		for (uint32_t k = 0; k < e->frames->count; k++)
			steps[k] = s->as.repeat.step[k][a];
		v_step[a] = emit_per_frame(e, steps);
	}
	CgLoop loop = cg_loop_begin(cg, cg_i64(cg, 0), cg_i64(cg, count), 1, "repeat");
	LLVMValueRef v_left = cg_isub(cg, cg_i64(cg, (int64_t)count - 1), loop.v_i);
	for (uint32_t a = 0; a < AXES; a++)
		cg_set(cg, e->v_base[s->as.repeat.base][a], cg_iadd(cg, v_last[a], cg_imul(cg, v_left, v_step[a])));
	ENTK_ASSERT(e->iteration_count < 32);
	e->iterations[e->iteration_count++] = (Iteration){s->as.repeat.node, loop.v_i};
	emit_block(e, &s->body);
	e->iteration_count--;
	LLVMValueRef v_parity = e->v_parity[s->as.repeat.carried->id];
	cg_set(cg, v_parity, cg_isub(cg, cg_i64(cg, 1), cg_get(cg, v_parity)));
	cg_loop_end(cg, &loop);
}

static void loop_wrap(Emit *e, const RecStmt *s)
{
	Cg *cg = e->cg;
	CgLoop loops[AXES];
	for (uint32_t a = 0; a < AXES; a++) {
		uint32_t n = s->as.wrap.shape[a];
		LLVMValueRef v_d = emit_disp(e, &s->as.wrap.from, a, true, n);
		/* At d = 0 nothing wraps around. */
		LLVMValueRef v_pieces = cg_select(cg, cg_igt(cg, v_d, cg_i64(cg, 0)), cg_i64(cg, 2), cg_i64(cg, 1));
		loops[a] = cg_loop_begin(cg, cg_i64(cg, 0), v_pieces, 1, "wrapped");
		LLVMValueRef v_piece = cg_isub(cg, v_d, cg_imul(cg, loops[a].v_i, cg_i64(cg, n)));
		cg_set(cg, e->v_base[s->as.wrap.base][a], v_piece);
	}
	emit_block(e, &s->body);
	for (uint32_t a = AXES; a-- > 0;)
		cg_loop_end(cg, &loops[a]);
}

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

void emit_statement(Emit *e, const RecStmt *s)
{
	switch (s->kind) {
	case REC_LOOP_FRAMES:
		loop_frames(e, s);
		break;
	case REC_LOOP_DISP:
		loop_disp(e, s);
		break;
	case REC_LOOP_REPEAT:
		loop_repeat(e, s);
		break;
	case REC_LOOP_WRAP:
		loop_wrap(e, s);
		break;
	case REC_NEST:
		emit_nest(e, &s->as.nest);
		break;
	case REC_ROWS:
		emit_rows(e, s->as.rows.nests, s->as.rows.lead, s->as.rows.count);
		break;
	case REC_HALO:
		emit_halo(e, s);
		break;
	case REC_CLEAR:
		emit_clear(e, s->as.clear.buffer);
		break;
	}
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

void emit_block(Emit *e, const RecBlock *block)
{
	for (const RecStmt *s = block->first; s; s = s->next)
		if (!e->pieces || !emit_piece(e, s))
			emit_statement(e, s);
}
