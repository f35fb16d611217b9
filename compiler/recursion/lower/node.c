/* One node of the network at one displacement: an expression where the consumer can use the value on the spot, a nest and a buffer
 * where taps or several consumers read it. A layer asks for its inputs in the same way, so this file and those of the layers call
 * each other. */
#include "recursion/lower/lower.h"

#include <string.h>

#include "network/nonlinearity.h"

/* ---- values in buffers ---- */

RecBuffer *lower_keep(Lower *l, const Node *node, RecDisp disp, bool torus, RecExpr *value)
{
	const Schedule *schedule = l->region->schedule;
	RecBuffer *buffer = lower_buffer(l, schedule->kind, node, value->theta);
	buffer->torus = torus;
	lower_nest(l, node, disp, torus, value, REC_SINK_STORE, buffer);
	schedule->close(l, buffer, disp, false);
	return buffer;
}

RecBuffer *lower_stored(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	RecExpr *value = lower_instance(l, node, disp, torus);
	bool fits = value->op == REC_OP_LOAD && value->buffer->torus == torus &&
		    value->buffer->kind == l->region->schedule->kind;
	return fits ? value->buffer : lower_keep(l, node, disp, torus, value);
}

/* A torus slice as the pieces at d - n w, w in {0,1}^axes, each on its own rectangle [KR-25]. */
RecExpr *lower_torus(Lower *l, const Node *node, RecDisp disp)
{
	RecBuffer *buffer = lower_buffer(l, REC_SLICE, node, !node->type.theta_zero);
	buffer->torus = true;
	RecStmt *loop = lower_append(l, REC_LOOP_WRAP);
	uint32_t shape[AXES];
	lower_shape(node, shape);
	int32_t low[AXES], high[AXES];
	for (int a = 0; a < AXES; a++) {
		low[a] = -(int32_t)shape[a];
		high[a] = (int32_t)shape[a] - 1;
	}
	RecBase base = lower_new_base(l, low, high);
	loop->as.wrap.base = base;
	loop->as.wrap.from = disp;
	memcpy(loop->as.wrap.shape, shape, sizeof shape);
	RecBlock *outer = l->block;
	uint32_t memo = l->memo_count;
	l->block = &loop->body;
	RecDisp piece = lower_base(base, l);
	RecExpr *value = lower_instance(l, node, piece, false);
	buffer->theta = value->theta;
	lower_nest(l, node, piece, false, value, REC_SINK_STORE, buffer);
	l->block = outer;
	l->memo_count = memo;
	RecStmt *halo = lower_append(l, REC_HALO);
	halo->as.halo.buffer = buffer;
	halo->as.halo.disp = disp;
	return lower_load(l, buffer);
}

/* ---- values ---- */

static RecExpr *input_value(Lower *l, const Node *node)
{
	RecExpr *e = lower_expr(l, REC_OP_INPUT, node, NULL, NULL);
	e->theta = !node->type.theta_zero;
	return e;
}

static RecExpr *dual(Lower *l, const Node *node, RecExpr *input)
{
	RecExpr *e = lower_expr(l, REC_OP_DUAL, node, input, NULL);
	const Nonlinearity *f = node->as.pointwise.f;
	const Scalar *const *args = node->as.pointwise.args;
	uint32_t arg_count = node->as.pointwise.arg_count;
	lower_coefs(l, e, f->coefficients(l->arena, args, arg_count, NULL));
	const Scalar **list = ARENA_ARRAY(l->arena, const Scalar *, e->coef_count + 1u);
	f->coefficients(l->arena, args, arg_count, list);
	for (uint32_t i = 0; i < e->coef_count; i++)
		e->coef[i] = lower_coef(l, list[i]);
	e->var = l->var_of[node->id];
	e->diagonal = l->mode == LOWER_DIAGONAL;
	return e;
}

static uint32_t depth_of(const RecExpr *x)
{
	uint32_t depth = 0;
	for (; x; x = x->a)
		depth++;
	return depth;
}

/* In a net of many layers one by one, a long expression is cut: its pieces become functions that layers of one form share. */
static RecExpr *cut(Lower *l, const Node *node, RecDisp disp, bool torus, RecExpr *value)
{
	enum { LONG_EXPRESSION = 24 };
	if (!l->many_layers || depth_of(value) < LONG_EXPRESSION)
		return value;
	return lower_load(l, lower_keep(l, node, disp, torus, value));
}

/* Can the layers below be evaluated in frame q right from the data? (a lift on raw input, or after pointwise layers) */
static bool reaches_input(const Node *node)
{
	while (node->kind == NODE_POINTWISE || node_has_relation(node, RELATION_OWN))
		node = node->input;
	return node->kind == NODE_INPUT;
}

static RecExpr *evaluate(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	switch (node->kind) {
	case NODE_INPUT:
		return input_value(l, node);
	case NODE_HOLE:
		return lower_hole(l, node);
	case NODE_REPEAT:
		return lower_repeat(l, node, disp, torus);
	case NODE_POINTWISE:
		return cut(l, node, disp, torus, dual(l, node, lower_instance(l, node->input, disp, torus)));
	case NODE_WEIGHTS:
		return lower_weights(l, node, disp, torus);
	case NODE_MAP:
		return lower_map(l, node, disp, torus);
	case NODE_JOIN:
		return lower_join(l, node, disp, torus);
	case NODE_SCALING:
		return lower_scaling(l, node, disp, torus);
	case NODE_AUGMENT:
	case NODE_KIND_COUNT:
		break;
	}
	ICE("no recursion for layer %s", node->label);
}

RecExpr *lower_instance(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	/* A plain layer seen from the frames of a group: through its array, unless the data can be read in the frame. */
	bool plain = node->type.domain == DOMAIN_GRID;
	if (plain && l->region->outer && !reaches_input(node))
		return lower_want(l, WANT_PLAIN, node, disp, torus);

	bool shared = l->uses[node->id] > 1 || l->options->no_fuse;
	for (uint32_t i = l->memo_count; shared && i-- > 0;) {
		const Memo *m = &l->memo[i];
		if (m->node == node && m->torus == torus && m->region == l->region && m->mode == l->mode &&
		    lower_same_disp(l, m->disp, disp))
			return m->value;
	}
	RecExpr *value = evaluate(l, node, disp, torus);
	if (!shared || (node->type.domain == DOMAIN_VECTOR && !l->options->no_fuse && value->op == REC_OP_SUM))
		return value;
	if (value->op != REC_OP_LOAD)
		value = lower_load(l, lower_keep(l, node, disp, torus, value));
	if (l->memo_count == l->memo_capacity) {
		uint32_t capacity = l->memo_capacity ? 2 * l->memo_capacity : 64;
		Memo *grown = ARENA_ARRAY(l->arena, Memo, capacity);
		if (l->memo_count)
			memcpy(grown, l->memo, l->memo_count * sizeof *grown);
		l->memo = grown;
		l->memo_capacity = capacity;
	}
	l->memo[l->memo_count++] = (Memo){node, disp, torus, l->region, l->mode, value};
	return value;
}
