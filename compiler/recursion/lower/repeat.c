/* Repeats as loops: the value is carried from one iteration to the next, one displacement each. */
#include "recursion/lower/lower.h"

#include <string.h>

/* ---- which displacements ---- */

typedef struct Relative {
	enum { REACHES_NOT, REACHES, REACHES_TWICE } state;
	int32_t scale[AXES], shift[AXES];
} Relative;

/* Displacement of the hole that `node` at displacement D reads, in frame q. */
static Relative relative(Lower *l, const Node *node, const Node *hole, const Group *group, uint32_t q)
{
	Relative r = {.state = REACHES_NOT};
	if (node == hole)
		return (Relative){REACHES, {1, 1, 1}, {0, 0, 0}};
	if (node_gathers(node) || node_has_relation(node, RELATION_LIFT))
		return r;
	Node *const *inputs;
	uint32_t count = node_inputs(node, &inputs);
	for (uint32_t i = 0; i < count; i++) {
		Relative b = relative(l, inputs[i], hole, group, q);
		if (b.state == REACHES && lower_concatenates(node)) {
			int32_t left[AXES], right[AXES];
			lower_branch_place(node, i, group, q, left, right);
			for (int a = 0; a < AXES; a++)
				b.shift[a] += b.scale[a] * (left[a] - right[a]);
		}
		if (r.state == REACHES_NOT)
			r = b;
		else if (b.state != REACHES_NOT && memcmp(&r, &b, sizeof r) != 0)
			r.state = REACHES_TWICE;
	}
	if (node_window(node)) {
		Geometry g = geometry_of(node), right = geometry_right(&g, group, q);
		for (int a = 0; a < AXES; a++) {
			r.shift[a] += r.scale[a] * (right.anchor2[a] - g.anchor2[a]) / 2;
			r.scale[a] *= g.out[a] == 1 && right.out[a] == 1 ? 1 : g.stride[a];
		}
	}
	if (node->kind == NODE_REPEAT) {
		int32_t step[AXES];
		if (!lower_repeat_slices(l, node, group, q, step))
			r.state = REACHES_TWICE;
		for (int a = 0; a < AXES && r.state == REACHES; a++)
			r.shift[a] += r.scale[a] * (int32_t)node->as.repeat.count * step[a];
	}
	return r;
}

/* The carried slice has one displacement per iteration: does the body read its hole at exactly one? */
bool lower_repeat_slices(Lower *l, const Node *node, const Group *group, uint32_t q, int32_t step[AXES])
{
	Relative r = relative(l, node->as.repeat.body, node->as.repeat.hole, group, q);
	memcpy(step, r.shift, sizeof r.shift);
	bool fits = r.state != REACHES_TWICE;
	for (int a = 0; a < AXES; a++)
		fits = fits && (r.state == REACHES_NOT || r.scale[a] == 1);
	return fits;
}

/* Must the hole be a torus slice when `node` is evaluated? Either one is read, or, below a circular layer, the pieces of one:
 * a layer that is not circular is assembled from pieces at displacements that are equal modulo the size, of which a slice
 * that is not a torus holds but one. */
static bool asks_torus(const Node *node, const Node *hole, bool torus)
{
	if (node == hole)
		return torus;
	if (node_gathers(node) || node_has_relation(node, RELATION_LIFT))
		return false;
	if (node_window(node))
		torus = torus || geometry_of(node).circular;
	if (node->kind == NODE_REPEAT)
		torus = torus || asks_torus(node->as.repeat.body, node->as.repeat.hole, false);
	Node *const *inputs;
	uint32_t count = node_inputs(node, &inputs);
	for (uint32_t i = 0; i < count; i++)
		if (asks_torus(inputs[i], hole, torus))
			return true;
	return false;
}

/* ---- the loop ---- */

static void push_carried(Lower *l, Carried carried)
{
	if (l->carried_count == l->carried_capacity) {
		uint32_t capacity = 2 * l->carried_capacity + 8;
		Carried *grown = ARENA_ARRAY(l->arena, Carried, capacity);
		if (l->carried_count)
			memcpy(grown, l->carried, l->carried_count * sizeof *grown);
		l->carried = grown;
		l->carried_capacity = capacity;
	}
	l->carried[l->carried_count++] = carried;
}

RecExpr *lower_repeat(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	const RecFrames *frames = l->region->frames;
	const Node *hole = node->as.repeat.hole, *body = node->as.repeat.body;
	uint32_t count = node->as.repeat.count;
	const Schedule *schedule = l->region->schedule;
	bool on_torus = schedule->torus(torus || asks_torus(body, hole, false));

	int32_t(*step)[AXES] = arena_alloc(l->arena, frames->count, sizeof *step);
	int32_t(*first)[AXES] = arena_alloc(l->arena, frames->count, sizeof *first);
	int32_t low[AXES], high[AXES];
	for (uint32_t k = 0; k < frames->count; k++) {
		if (!schedule->all_pairs && !lower_repeat_slices(l, node, frames->group, frames->q[k], step[k]))
			ICE("a repeat whose body needs two displacements");
		for (int a = 0; a < AXES; a++)
			first[k][a] = disp.shift[k][a] + (int32_t)count * step[k][a];
	}
	RecDisp entry = disp;
	entry.shift = (const int32_t(*)[AXES])first;
	for (int a = 0; a < AXES; a++) { /* only for demand: nothing that reads it stands in a loop's body */
		low[a] = -(1 << 24);
		high[a] = 1 << 24;
	}

	/* The value that enters, in the buffer that is carried around. */
	RecExpr *value = lower_instance(l, node->input, entry, on_torus);
	RecBuffer *carried = lower_buffer(l, schedule->kind, hole, value->theta);
	carried->elements = lower_elements(l, hole);
	carried->torus = on_torus;
	carried->carried = true;
	lower_nest(l, hole, entry, on_torus, value, REC_SINK_STORE, carried);
	schedule->close(l, carried, entry, false);
	RecStmt *loop = lower_append(l, REC_LOOP_REPEAT);
	RecBase base = lower_new_base(l, low, high);
	loop->as.repeat.node = node;
	loop->as.repeat.count = count;
	loop->as.repeat.base = base;
	loop->as.repeat.last = disp;
	loop->as.repeat.step = (const int32_t(*)[AXES])step;
	loop->as.repeat.carried = carried;

	RecBlock *outer = l->block;
	uint32_t memo = l->memo_count;
	push_carried(l, (Carried){hole, carried});
	l->block = &loop->body;
	RecDisp out = lower_base(base, l);
	RecExpr *next = lower_instance(l, body, out, on_torus);
	lower_nest(l, hole, out, on_torus, next, REC_SINK_STORE, carried)->next = true;
	schedule->close(l, carried, out, true);
	l->block = outer;
	l->memo_count = memo;
	l->carried_count--;
	return lower_load(l, carried);
}

RecExpr *lower_hole(Lower *l, const Node *hole)
{
	for (uint32_t i = l->carried_count; i-- > 0;)
		if (l->carried[i].hole == hole)
			return lower_load(l, l->carried[i].buffer);
	ICE("a hole outside of its repeat");
}
