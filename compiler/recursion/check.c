/* Is a recursion well formed? Runs after lowering and planning; a broken program is a bug of the compiler. */
#include "base/diag.h"
#include "recursion/rec.h"

static void check_expr(const RecExpr *x, const RecNest *nest)
{
	bool reads = x->op == REC_OP_LOAD || x->op == REC_OP_TAPS || x->op == REC_OP_ARRAY || x->op == REC_OP_SUM;
	ENTK_ASSERT(x->op < REC_OP_COUNT);
	ENTK_ASSERT(reads == (x->buffer != NULL));
	ENTK_ASSERT(!reads || x->buffer->placed);
	ENTK_ASSERT((x->op == REC_OP_TAPS) == (x->taps != NULL));
	ENTK_ASSERT(x->op != REC_OP_ARRAY || x->map != NULL);
	ENTK_ASSERT(x->op != REC_OP_SUM || x->buffer->kind == REC_SUM);
	ENTK_ASSERT(x->op != REC_OP_LOAD || x->buffer->kind == (nest->array_mode ? REC_ARRAY : REC_SLICE));
	ENTK_ASSERT(x->op != REC_OP_TAPS || x->buffer->elements == 1 || x->taps->elements_out == nest->elements ||
		    x->taps->elements_out == 1);
	ENTK_ASSERT(x->op == REC_OP_DUAL || x->op == REC_OP_NORM || x->var == NULL);
	ENTK_ASSERT(x->op != REC_OP_NORM || x->var != NULL);
	ENTK_ASSERT(x->op == REC_OP_NORM || x->mean == NULL);
	ENTK_ASSERT((x->op == REC_OP_ADD || x->op == REC_OP_MUL) == (x->b != NULL));
	if (x->op == REC_OP_TAPS && !nest->array_mode)
		ENTK_ASSERT(x->taps->circular == x->buffer->torus);
	if (x->a)
		check_expr(x->a, nest);
	if (x->b)
		check_expr(x->b, nest);
	if (x->mean)
		check_expr(x->mean, nest);
}

static void check_block(const RecBlock *block, const RecProgram *program)
{
	for (const RecStmt *s = block->first; s; s = s->next) {
		ENTK_ASSERT(s->frames && s->frames->count > 0);
		ENTK_ASSERT(s->next || s == block->last);
		switch (s->kind) {
		case REC_NEST: {
			const RecNest *n = &s->as.nest;
			bool writes = n->sink != REC_SINK_NONE && n->sink != REC_SINK_OUTPUT;
			ENTK_ASSERT(writes == (n->target != NULL));
			ENTK_ASSERT(!n->target || n->target->placed);
			ENTK_ASSERT(n->sink != REC_SINK_SUM || n->target->kind == REC_SUM);
			bool mapped =
				n->sink == REC_SINK_ARRAY || n->sink == REC_SINK_ELEMENTS || n->sink == REC_SINK_WINDOW;
			ENTK_ASSERT(mapped == (n->map != NULL));
			ENTK_ASSERT((n->sink == REC_SINK_WINDOW) == (n->pool != NULL));
			ENTK_ASSERT(!n->left_offset == !n->right_offset);
			ENTK_ASSERT(n->sink == REC_SINK_STORE || n->left_offset == NULL);
			ENTK_ASSERT(n->disp.base < program->base_count);
			check_expr(n->value, n);
			break;
		}
		case REC_ROWS:
			ENTK_ASSERT(s->as.rows.count > 1);
			for (uint32_t k = 0; k < s->as.rows.count; k++) {
				const RecNest *n = &s->as.rows.nests[k];
				ENTK_ASSERT(!n->array_mode && !n->torus && n->elements == 1);
				ENTK_ASSERT(k + 1 == s->as.rows.count || n->target->ring > 0);
				check_expr(n->value, n);
			}
			break;
		case REC_HALO:
			ENTK_ASSERT(s->as.halo.buffer->kind == REC_SLICE);
			break;
		case REC_LOOP_REPEAT:
			ENTK_ASSERT(s->as.repeat.carried->carried);
			break;
		case REC_LOOP_FRAMES:
			ENTK_ASSERT(s->frames->group != NULL);
			break;
		case REC_LOOP_DISP:
		case REC_LOOP_WRAP:
		case REC_CLEAR:
			break;
		}
		check_block(&s->body, program);
	}
}

void rec_check(const RecProgram *program)
{
	check_block(&program->variances.block, program);
	check_block(&program->state.block, program);
	check_block(&program->pair.block, program);
}
