/* One node of the network at one displacement: an expression where the consumer can use the value on the spot, a nest and
 * a buffer where taps or several consumers read it. */
#include <string.h>

#include "network/nonlinearity.h"
#include "recursion/lower.h"

/* ---- small constructors ---- */

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
	nest->array_mode = l->region->array_mode;
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

const Group *lower_group(const Lower *l)
{
	return l->region->frames->group;
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

static const Scalar *square(Lower *l, const Scalar *s)
{
	return scalar_op(l->arena, SCALAR_MUL, s, s, NULL);
}

static const Scalar *times(Lower *l, const Scalar *s, double factor)
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

/* [KR-21] The input slice that output slice `disp` reads: d = S D + (right anchor - left anchor). */
RecDisp lower_shifted(Lower *l, RecDisp disp, const Geometry *g)
{
	const RecFrames *frames = l->region->frames;
	int32_t(*shift)[AXES] = arena_alloc(l->arena, frames->count, sizeof *shift);
	RecDisp in = {.base = disp.base, .shift = (const int32_t(*)[AXES])shift};
	for (uint32_t a = 0; a < AXES; a++) {
		bool single = g->out[a] == 1;
		for (uint32_t k = 0; k < frames->count; k++)
			single = single && geometry_right(g, frames->group, frames->q[k]).out[a] == 1;
		/* With a single output on both sides D = 0 whatever the stride; on a torus of one position D = 0 is also
		 * every other number. */
		int32_t stride = single ? 1 : g->stride[a];
		in.scale[a] = disp.scale[a] * stride;
		for (uint32_t k = 0; k < frames->count; k++) {
			Geometry right = geometry_right(g, frames->group, frames->q[k]);
			int32_t shift_out = single && g->circular ? 0 : disp.shift[k][a] * stride;
			shift[k][a] = shift_out + (right.anchor2[a] - g->anchor2[a]) / 2;
		}
	}
	return in;
}

static bool same_disp(const Lower *l, RecDisp a, RecDisp b)
{
	return a.base == b.base && memcmp(a.scale, b.scale, sizeof a.scale) == 0 &&
	       memcmp(a.shift, b.shift, l->region->frames->count * sizeof(int32_t[AXES])) == 0;
}

/* ---- values in buffers ---- */

static RecBuffer *store(Lower *l, const Node *node, RecDisp disp, bool torus, RecExpr *value)
{
	RecBuffer *buffer = lower_buffer(l, l->region->array_mode ? REC_ARRAY : REC_SLICE, node, value->theta);
	buffer->torus = torus;
	lower_nest(l, node, disp, torus, value, REC_SINK_STORE, buffer);
	if (l->region->array_mode) {
		uint64_t positions = (uint64_t)buffer->shape[0] * buffer->shape[1] * buffer->shape[2];
		buffer->entries = positions * positions;
	} else {
		RecStmt *halo = lower_append(l, REC_HALO);
		halo->as.halo.buffer = buffer;
		halo->as.halo.disp = disp;
	}
	return buffer;
}

RecBuffer *lower_stored(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	RecExpr *value = lower_instance(l, node, disp, torus);
	bool fits = value->op == REC_OP_LOAD && value->buffer->torus == torus &&
		    value->buffer->kind == (l->region->array_mode ? REC_ARRAY : REC_SLICE);
	return fits ? value->buffer : store(l, node, disp, torus, value);
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

/* ---- layers ---- */

/* The taps' sum is `scale` times too large for an average. */
static RecExpr *affine(Lower *l, const Node *node, double scale, RecExpr *input)
{
	const Affine *weights = &node->as.weights.affine;
	RecExpr *e = lower_expr(l, REC_OP_AFFINE, node, input, NULL);
	e->theta = true;
	lower_coefs(l, e, weights->standard ? 4 : 2);
	e->coef[0] = lower_coef(l, times(l, square(l, weights->weight_std), scale));
	if (weights->bias_std)
		e->coef[1] = lower_coef(l, square(l, weights->bias_std));
	if (!weights->standard)
		return e;
	/* [KR-60] c |S| / s0 of the average, and 1 for the bias */
	double taps = node->as.weights.relation == RELATION_OWN ? 1 : node->as.weights.support.count;
	double fan_in = (double)node->input->type.width * taps / weights->s[0];
	e->coef[2] = lower_coef(l, scalar_const(l->arena, fan_in * scale));
	if (weights->bias_std)
		e->coef[3] = lower_coef(l, scalar_const(l->arena, 1));
	return e;
}

/* Does the layer read only its own position, on both sides, without the index r? Then it acts like a dense layer. */
static bool reads_own_position(Lower *l, const Node *node, const Geometry *g)
{
	const RecFrames *frames = l->region->frames;
	const Support *support = &node->as.weights.support;
	if (lower_elements(l, node) > 1 || lower_elements(l, node->input) > 1 ||
	    memcmp(g->in, g->out, sizeof g->in) != 0)
		return false;
	uint32_t dim = type_dim(&node->input->type);
	for (uint32_t a = 0; a < AXES; a++) {
		if (g->stride[a] != 1 && g->out[a] > 1)
			return false;
		for (uint32_t k = 0; k < frames->count; k++)
			if (geometry_right(g, frames->group, frames->q[k]).anchor2[a] != g->anchor2[a])
				return false;
		if (a < AXES - dim)
			continue;
		uint32_t axis = a - (AXES - dim);
		for (uint32_t i = 0; i < support->count; i++)
			if (g->dilation[a] * (int32_t)support->taps[i].cell[axis] != g->low[a])
				return false;
	}
	return true;
}

static void grow_halo(RecBuffer *b, const RecTaps *taps, const Geometry *g, const RecFrames *frames)
{
	for (uint32_t a = 0; a < AXES; a++) {
		int32_t least = INT32_MAX, most = INT32_MIN;
		for (uint32_t i = 0; i < taps->elements_out * taps->count; i++) {
			least = taps->taps[i].offset[a] < least ? taps->taps[i].offset[a] : least;
			most = taps->taps[i].offset[a] > most ? taps->taps[i].offset[a] : most;
		}
		/* What lies outside: on the left grid, or on the right one, whose offsets differ by the shift of anchors. */
		int32_t low = -least;
		int32_t high = g->stride[a] * ((int32_t)g->out[a] - 1) + most - ((int32_t)g->in[a] - 1);
		for (uint32_t k = 0; k < frames->count; k++) {
			Geometry r = geometry_right(g, frames->group, frames->q[k]);
			int32_t shift = (r.anchor2[a] - g->anchor2[a]) / 2;
			int32_t right_high =
				r.stride[a] * ((int32_t)r.out[a] - 1) + most + shift - ((int32_t)r.in[a] - 1);
			low = -(least + shift) > low ? -(least + shift) : low;
			high = right_high > high ? right_high : high;
		}
		if (low > (int32_t)b->halo_low[a])
			b->halo_low[a] = (uint32_t)low;
		if (high > (int32_t)b->halo_high[a])
			b->halo_high[a] = (uint32_t)high;
	}
}

static RecExpr *conv(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	double count = node->as.weights.support.count;
	Geometry g = geometry_of(node);
	if (reads_own_position(l, node, &g))
		return affine(l, node, 1.0, lower_instance(l, node->input, disp, torus));

	bool array_mode = l->region->array_mode;
	if (torus && !array_mode) {
		bool direct = g.circular;
		for (uint32_t a = 0; a < AXES; a++)
			direct = direct && ((uint64_t)g.stride[a] * g.out[a]) % g.in[a] == 0;
		if (!direct)
			return lower_torus(l, node, disp);
	}
	RecDisp in = array_mode ? disp : lower_shifted(l, disp, &g);
	RecBuffer *buffer;
	if (node->as.weights.relation == RELATION_LIFT) {
		/* On plain layers that mix positions the slices of frame q gather from the plain array. */
		RecExpr *value = lower_instance(l, node->input, in, g.circular && !array_mode);
		bool fits = value->op == REC_OP_LOAD && value->buffer->torus == (g.circular && !array_mode);
		buffer = fits ? value->buffer : store(l, node->input, in, g.circular && !array_mode, value);
	} else {
		buffer = lower_stored(l, node->input, in, g.circular && !array_mode);
	}
	RecExpr *e = lower_expr(l, REC_OP_TAPS, node, NULL, NULL);
	e->buffer = buffer;
	e->theta = buffer->theta;
	e->taps = lower_conv_taps(l, node, lower_elements(l, node->input), lower_elements(l, node));
	if (!array_mode)
		grow_halo(buffer, e->taps, &g, l->region->frames);
	double box = e->taps->box ? e->taps->box_weight : 1.0;
	return affine(l, node, box / count, e);
}

static RecExpr *window_pool(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	RecExpr *value;
	/* Variances: pairs that are whole arrays gather their windows, and K(x, x) must have the bits of the variance. */
	if (l->options->no_slices && !l->region->array_mode)
		return lower_want(l, WANT_PLAIN, node, disp, torus);
	if (l->region->array_mode) {
		value = lower_expr(l, REC_OP_TAPS, node, NULL, NULL);
		value->buffer = lower_stored(l, node->input, disp, false);
		value->theta = value->buffer->theta;
		value->taps = lower_pool_taps(l, node);
	} else {
		value = lower_want(l, WANT_WINDOW, node, disp, torus);
	}
	if (!node->as.map.mean)
		return value;
	if (node->as.map.normalize_edges) {
		RecExpr *e = lower_expr(l, REC_OP_EDGES, node, value, NULL);
		e->edge_weights = lower_edge_weights(l, node);
		return e;
	}
	double cells = 1;
	for (uint32_t a = 0; a < node->input->type.dim; a++)
		cells *= node->as.map.window.size[a];
	return lower_scaled(l, node, value, 1 / (cells * cells));
}

/* Normalisation of a sum over pairs: mean over both sides, over r and q. */
static RecExpr *global_pool(Lower *l, const Node *node, RecDisp disp, bool wrap)
{
	bool elements = node_has_map(node, MAP_POOL) && node->as.map.over == POOL_ELEMENTS;
	bool to_grid = node->type.domain == DOMAIN_GRID;
	const Node *input = node->input;
	double positions = (double)type_positions(&input->type);
	double order = (double)type_elements(&input->type);
	double indexed = lower_elements(l, input); /* r is summed explicitly, or all r are equal */
	RecExpr *value = lower_want(l, to_grid ? WANT_ELEMENTS : WANT_SUM, node, disp, wrap);
	double scale;
	if (node->as.map.kind == MAP_FLATTEN)
		scale = 1 / (positions * indexed);
	else if (node->as.map.mean)
		scale = elements ? 1 / (order * indexed)
				 : 1 / (positions * positions *
					(node->type.domain == DOMAIN_GROUP ? 1 : order * indexed));
	else /* a sum: sum over r and r' of K = order / indexed * sum over q and the r at hand */
		scale = node->type.domain == DOMAIN_GROUP ? 1 : order / indexed;
	if (scale == 1)
		return value;
	return lower_scaled(l, node, value, scale);
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

static RecExpr *repeat(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	const RecFrames *frames = l->region->frames;
	const Node *hole = node->as.repeat.hole, *body = node->as.repeat.body;
	uint32_t count = node->as.repeat.count;
	bool array_mode = l->region->array_mode;
	bool on_torus = !array_mode && (torus || asks_torus(body, hole, false));

	int32_t(*step)[AXES] = arena_alloc(l->arena, frames->count, sizeof *step);
	int32_t(*first)[AXES] = arena_alloc(l->arena, frames->count, sizeof *first);
	int32_t low[AXES], high[AXES];
	for (uint32_t k = 0; k < frames->count; k++) {
		if (!array_mode && !lower_repeat_slices(l, node, frames->group, frames->q[k], step[k]))
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
	RecBuffer *carried = lower_buffer(l, array_mode ? REC_ARRAY : REC_SLICE, hole, value->theta);
	carried->elements = lower_elements(l, hole);
	carried->torus = on_torus;
	carried->carried = true;
	if (array_mode) {
		uint64_t positions = (uint64_t)carried->shape[0] * carried->shape[1] * carried->shape[2];
		carried->entries = positions * positions;
	}
	lower_nest(l, hole, entry, on_torus, value, REC_SINK_STORE, carried);
	RecStmt *halo;
	if (!array_mode) {
		halo = lower_append(l, REC_HALO);
		halo->as.halo.buffer = carried;
		halo->as.halo.disp = entry;
	}
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
	ENTK_ASSERT(l->carried_count < 64);
	l->carried[l->carried_count++] = (Carried){hole, carried};
	l->block = &loop->body;
	RecDisp out = lower_base(base, l);
	RecExpr *next = lower_instance(l, body, out, on_torus);
	lower_nest(l, hole, out, on_torus, next, REC_SINK_STORE, carried)->next = true;
	if (!array_mode) {
		halo = lower_append(l, REC_HALO);
		halo->as.halo.buffer = carried;
		halo->as.halo.disp = out;
		halo->as.halo.next = true;
	}
	l->block = outer;
	l->memo_count = memo;
	l->carried_count--;
	return lower_load(l, carried);
}

/* Can the layers below be evaluated in frame q right from the data? (a lift on raw input, or after pointwise layers) */
static bool reaches_input(const Node *node)
{
	while (node->kind == NODE_POINTWISE || node_has_relation(node, RELATION_OWN))
		node = node->input;
	return node->kind == NODE_INPUT;
}

static RecExpr *hole_value(Lower *l, const Node *hole)
{
	for (uint32_t i = l->carried_count; i-- > 0;)
		if (l->carried[i].hole == hole)
			return lower_load(l, l->carried[i].buffer);
	ICE("a hole outside of its repeat");
}

static RecExpr *input_value(Lower *l, const Node *node)
{
	RecExpr *e = lower_expr(l, REC_OP_INPUT, node, NULL, NULL);
	e->theta = !node->type.theta_zero;
	return e;
}

static RecExpr *evaluate(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	switch (node->kind) {
	case NODE_INPUT:
		return input_value(l, node);
	case NODE_HOLE:
		return hole_value(l, node);
	case NODE_REPEAT:
		return repeat(l, node, disp, torus);
	case NODE_POINTWISE:
		return dual(l, node, lower_instance(l, node->input, disp, torus));
	case NODE_WEIGHTS:
		return node->as.weights.relation != RELATION_OWN
			       ? conv(l, node, disp, torus)
			       : affine(l, node, 1.0,
					lower_instance(l, node->input, disp, torus));
	case NODE_MAP:
		return node->as.map.kind == MAP_WINDOW ? window_pool(l, node, disp, torus)
						       : global_pool(l, node, disp, torus);
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
		    same_disp(l, m->disp, disp))
			return m->value;
	}
	RecExpr *value = evaluate(l, node, disp, torus);
	if (!shared || (node->type.domain == DOMAIN_VECTOR && !l->options->no_fuse && value->op == REC_OP_SUM))
		return value;
	if (value->op != REC_OP_LOAD)
		value = lower_load(l, store(l, node, disp, torus, value));
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
