/* What the files of lowering build with: statements, nests, buffers, expressions, coefficients, displacements. It takes no
 * decision. */
#include "recursion/lower/lower.h"

#include <string.h>

/* ---- statements, buffers ---- */

RecStmt *lower_append(Lower *l, RecStmtKind kind)
{
	RecStmt *stmt = ARENA_NEW(l->arena, RecStmt);
	stmt->kind = kind;
	stmt->frames = l->region->frames;
	if (l->block->last)
		l->block->last->next = stmt;
	else
		l->block->first = stmt;
	l->block->last = stmt;
	return stmt;
}

RecNest *lower_nest(Lower *l, const Node *level, RecDisp disp, bool torus, RecExpr *value, RecSink sink,
		    RecBuffer *target)
{
	RecStmt *stmt = lower_append(l, REC_NEST);
	RecNest *nest = &stmt->as.nest;
	lower_shape(level, nest->shape);
	nest->elements = lower_elements(l, level);
	nest->disp = disp;
	nest->torus = torus;
	nest->array_mode = l->region->schedule->all_pairs;
	nest->value = value;
	nest->sink = sink;
	nest->target = target;
	return nest;
}

void lower_shape(const Node *node, uint32_t shape[AXES])
{
	rec_wide(&node->type, node->type.shape, 1, shape);
}

uint32_t lower_elements(const Lower *l, const Node *node)
{
	return l->indexed[node->id] ? node->type.group->order : 1;
}

RecBuffer *lower_buffer(Lower *l, RecBufferKind kind, const Node *node, bool theta)
{
	RecBuffer *b = ARENA_NEW(l->arena, RecBuffer);
	RecPart *part = l->part;
	b->kind = kind;
	b->id = part->buffer_count;
	b->node = node;
	b->theta = theta && l->mode == LOWER_PAIR;
	b->elements = lower_elements(l, node);
	lower_shape(node, b->shape);
	if (part->buffer_count == part->buffer_capacity) {
		uint32_t capacity = part->buffer_capacity ? 2 * part->buffer_capacity : 16;
		RecBuffer **grown = ARENA_ARRAY(l->arena, RecBuffer *, capacity);
		if (part->buffer_count)
			memcpy(grown, part->buffers, part->buffer_count * sizeof *grown);
		part->buffers = grown;
		part->buffer_capacity = capacity;
	}
	part->buffers[part->buffer_count++] = b;
	return b;
}

/* ---- expressions ---- */

RecExpr *lower_expr(Lower *l, RecOp op, const Node *node, RecExpr *a, RecExpr *b)
{
	RecExpr *e = ARENA_NEW(l->arena, RecExpr);
	e->op = op;
	e->node = node;
	e->a = a;
	e->b = b;
	e->theta = (a && a->theta) || (b && b->theta);
	return e;
}

void lower_coefs(Lower *l, RecExpr *e, uint32_t count)
{
	e->coef = ARENA_ARRAY(l->arena, int32_t, count);
	e->coef_count = count;
	for (uint32_t i = 0; i < count; i++)
		e->coef[i] = -1;
}

RecExpr *lower_scaled(Lower *l, const Node *node, RecExpr *value, double factor)
{
	RecExpr *e = lower_expr(l, REC_OP_SCALE, node, value, NULL);
	lower_coefs(l, e, 1);
	e->coef[0] = lower_coef(l, scalar_const(l->arena, factor));
	return e;
}

RecExpr *lower_load(Lower *l, RecBuffer *buffer)
{
	RecExpr *e = lower_expr(l, REC_OP_LOAD, buffer->node, NULL, NULL);
	e->buffer = buffer;
	e->theta = buffer->theta;
	return e;
}

int32_t lower_coef(Lower *l, const Scalar *value)
{
	RecCoefs *c = &l->program->coefs;
	for (uint32_t i = 0; i < c->count; i++) /* linear: a net has a few dozen distinct numbers */
		if (scalar_equal(c->items[i], value))
			return (int32_t)i;
	if (c->count == c->capacity) {
		uint32_t capacity = c->capacity ? 2 * c->capacity : 16;
		const Scalar **grown = ARENA_ARRAY(l->arena, const Scalar *, capacity);
		if (c->count)
			memcpy(grown, c->items, c->count * sizeof *grown);
		c->items = grown;
		c->capacity = capacity;
	}
	c->items[c->count] = value;
	return (int32_t)c->count++;
}

const Scalar *lower_square(Lower *l, const Scalar *s)
{
	return scalar_op(l->arena, SCALAR_MUL, s, s, NULL);
}

const Scalar *lower_times(Lower *l, const Scalar *s, double factor)
{
	return scalar_op(l->arena, SCALAR_MUL, s, scalar_const(l->arena, factor), NULL);
}

/* ---- displacements ---- */

static const int32_t (*no_shift(Lower *l))[AXES]
{
	return (const int32_t(*)[AXES])arena_alloc(l->arena, l->region->frames->count, sizeof(int32_t[AXES]));
}

RecDisp lower_zero(Lower *l)
{
	return (RecDisp){.base = 0, .scale = {1, 1, 1}, .shift = no_shift(l)};
}

RecDisp lower_base(RecBase base, Lower *l)
{
	return (RecDisp){.base = base, .scale = {1, 1, 1}, .shift = no_shift(l)};
}

RecBase lower_new_base(Lower *l, const int32_t low[AXES], const int32_t high[AXES])
{
	RecBase base = l->program->base_count++;
	if (base >= l->base_capacity) {
		uint32_t capacity = 2 * l->base_capacity + 16;
		int32_t(*lows)[AXES] = arena_alloc(l->arena, capacity, sizeof *lows);
		int32_t(*highs)[AXES] = arena_alloc(l->arena, capacity, sizeof *highs);
		if (l->base_capacity) {
			memcpy(lows, l->base_low, l->base_capacity * sizeof *lows);
			memcpy(highs, l->base_high, l->base_capacity * sizeof *highs);
		}
		l->base_low = lows;
		l->base_high = highs;
		l->base_capacity = capacity;
	}
	for (int a = 0; a < AXES; a++) {
		l->base_low[base][a] = low[a];
		l->base_high[base][a] = high[a];
	}
	return base;
}

bool lower_same_disp(const Lower *l, RecDisp a, RecDisp b)
{
	return a.base == b.base && memcmp(a.scale, b.scale, sizeof a.scale) == 0 &&
	       memcmp(a.shift, b.shift, l->region->frames->count * sizeof(int32_t[AXES])) == 0;
}
