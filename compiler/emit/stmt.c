/* Statements of the recursion: loops over frames, displacements, repeats, the pieces of a torus. */
#include "emit/internal.h"

#include <string.h>

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

static void enter_iteration(Emit *e, Iteration iteration)
{
	if (e->iteration_count == e->iteration_capacity) {
		uint32_t capacity = 2 * e->iteration_capacity + 8;
		Iteration *grown = ARENA_ARRAY(e->arena, Iteration, capacity);
		if (e->iteration_count > 0)
			memcpy(grown, e->iterations, e->iteration_count * sizeof *grown);
		e->iterations = grown;
		e->iteration_capacity = capacity;
	}
	e->iterations[e->iteration_count++] = iteration;
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
	enter_iteration(e, (Iteration){s->as.repeat.node, loop.v_i});
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

static void statement(Emit *e, const RecStmt *s)
{
	switch (s->kind) {
	case REC_LOOP_FRAMES:
		loop_frames(e, s);
		return;
	case REC_LOOP_DISP:
		loop_disp(e, s);
		return;
	case REC_LOOP_REPEAT:
		loop_repeat(e, s);
		return;
	case REC_LOOP_WRAP:
		loop_wrap(e, s);
		return;
	case REC_NEST:
	case REC_ROWS:
	case REC_HALO:
	case REC_CLEAR:
		if (!e->pieces || !emit_piece(e, s))
			emit_leaf(e, s);
		return;
	}
}

void emit_block(Emit *e, const RecBlock *block)
{
	for (const RecStmt *s = block->first; s; s = s->next)
		statement(e, s);
}
