/* Parts and stages: which arrays and sums are made, in which order, over which displacements.
 *
 * Lowering is driven by demand: the output asks for its value at one point; what cannot be computed on the spot (a sum over
 * all positions, the coarse level of a window pool, a plain level that a group reads) becomes a Want of the region, with
 * the box of displacements that its readers need. Wants are served from the last layer to the first, because serving
 * one may only ask for earlier ones, and their stages are then put in order of execution. */
#include "recursion/lower.h"

#include <string.h>

#include "network/nonlinearity.h"
#include "network/scopes.h"

/* ---- questions about the network ---- */

static bool on_points(const Node *node)
{
	return !type_has_positions(&node->type);
}

static bool on_group(const Node *node)
{
	return type_has_elements(&node->type);
}

static void count_uses(Lower *l)
{
	for (uint32_t i = 0; i < l->network->node_count; i++) {
		Node *const *inputs;
		uint32_t count = node_inputs(l->network->nodes[i], &inputs);
		for (uint32_t k = 0; k < count; k++)
			l->uses[inputs[k]->id]++;
	}
}

/* [KR-22] Which levels keep the index r beside q: those after a support that H does not map to itself. */
static bool reads_indexed(const Lower *l, const Node *node)
{
	Node *const *inputs;
	uint32_t count = node_inputs(node, &inputs);
	for (uint32_t i = 0; i < count; i++)
		if (l->indexed[inputs[i]->id])
			return true;
	return false;
}

static bool keeps_index(const Lower *l, const Node *node)
{
	if (node_has_relation(node, RELATION_LIFT))
		return l->options->no_relative_index || !support_is_symmetric(node);
	if (node_has_relation(node, RELATION_GROUP))
		return l->options->no_relative_index || (!support_is_left_invariant(node) &&
							 (reads_indexed(l, node) || !support_is_symmetric(node)));
	if (node->kind == NODE_REPEAT) /* the carried value has one form for all iterations */
		return l->indexed[node->as.repeat.hole->id] || reads_indexed(l, node) ||
		       l->indexed[node->as.repeat.body->id];
	return l->indexed[node->id] || reads_indexed(l, node);
}

static void find_indexed(Lower *l)
{
	bool changed = true;
	while (changed) {
		changed = false;
		for (uint32_t i = 0; i < l->network->node_count; i++) {
			const Node *node = l->network->nodes[i];
			bool was = l->indexed[i];
			if (!on_group(node))
				continue;
			l->indexed[i] = keeps_index(l, node);
			changed = changed || l->indexed[i] != was;
			if (node->kind != NODE_REPEAT)
				continue;
			bool *hole = &l->indexed[node->as.repeat.hole->id];
			changed = changed || l->indexed[i] != *hole;
			*hole = l->indexed[i];
		}
	}
}

/* ---- variances ---- */

/* Numbers per sample, position and element that a layer takes from its variances. */
static uint32_t factors_of(const Node *node)
{
	if (node->kind == NODE_POINTWISE)
		return node_factors(node);
	return node->kind == NODE_SCALING && node->as.scaling.kind == SCALING_LAYERNORM;
}

static void place_variances(Lower *l)
{
	const Network *network = l->network;
	RecProgram *program = l->program;
	const Node **parent = network_repeats(l->arena, network);
	program->vars = ARENA_ARRAY(l->arena, RecVar *, network->node_count);
	for (uint32_t i = 0; i < network->node_count; i++) {
		const Node *node = network->nodes[i];
		uint32_t planes = factors_of(node);
		if (!planes)
			continue;
		RecVar *var = ARENA_NEW(l->arena, RecVar);
		var->node = node;
		var->in_state = on_points(node);
		var->planes = planes;
		var->elements = lower_elements(l, node);
		if (node->kind == NODE_SCALING && node->as.scaling.elements)
			var->elements = 1; /* all elements have one mean */
		if (node->kind == NODE_SCALING && node->as.scaling.positions)
			var->shape[0] = var->shape[1] = var->shape[2] = 1;
		else
			lower_shape(node, var->shape);
		var->positions = (uint64_t)var->shape[0] * var->shape[1] * var->shape[2];
		uint64_t size = var->planes * var->elements * var->positions;
		uint32_t depth = 0;
		for (const Node *p = parent[i]; p; p = parent[p->id])
			depth++;
		ENTK_ASSERT(depth <= 16);
		var->repeat_count = depth;
		for (const Node *p = parent[i]; p; p = parent[p->id]) {
			depth--;
			var->repeats[depth] = p;
			var->strides[depth] = size;
			size *= p->as.repeat.count;
		}
		uint64_t *total = var->in_state ? &program->state_numbers : &program->tile_numbers;
		var->offset = *total;
		*total += size;
		l->var_of[i] = var;
		program->vars[program->var_count++] = var;
	}
}

/* ---- regions and wants ---- */

static RecFrames *new_frames(Lower *l, const Group *group)
{
	RecFrames *frames = ARENA_NEW(l->arena, RecFrames);
	frames->group = group;
	frames->q = ARENA_ARRAY(l->arena, uint16_t, group ? group->order : 1);
	frames->count = group ? 0 : 1;
	return frames;
}

static void full_box(const RecFrames *frames, const Node *level, int32_t low[AXES], int32_t high[AXES])
{
	uint32_t shape[AXES], right[AXES];
	lower_shape(level, shape);
	for (int a = 0; a < AXES; a++) {
		low[a] = -((int32_t)shape[a] - 1);
		high[a] = 0;
	}
	for (uint32_t k = 0; k < frames->count; k++) {
		rec_right_shape(frames->group, frames->q[k], shape, right);
		for (int a = 0; a < AXES; a++)
			high[a] = (int32_t)right[a] - 1 > high[a] ? (int32_t)right[a] - 1 : high[a];
	}
}

static Region *want_owner(Lower *l, WantKind kind)
{
	Region *region = l->region;
	if (kind == WANT_ELEMENTS || kind == WANT_PLAIN)
		while (region->outer)
			region = region->outer;
	return region;
}

RecExpr *lower_want(Lower *l, WantKind kind, const Node *node, RecDisp disp, bool wrap)
{
	Region *owner = want_owner(l, kind);
	Want *want = NULL;
	for (uint32_t i = 0; i < owner->want_count; i++)
		if (owner->wants[i]->node == node && owner->wants[i]->kind == kind)
			want = owner->wants[i];
	if (!want) {
		ENTK_ASSERT(owner->want_count < sizeof owner->wants / sizeof *owner->wants);
		want = owner->wants[owner->want_count++] = ARENA_NEW(l->arena, Want);
		want->kind = kind;
		want->node = node;
		want->buffer = lower_buffer(l, kind == WANT_SUM ? REC_SUM : REC_ARRAY, node, !node->type.theta_zero);
		for (int a = 0; a < AXES; a++) {
			want->buffer->box_low[a] = INT32_MAX;
			want->buffer->box_high[a] = INT32_MIN;
		}
	}
	ENTK_ASSERT(!want->done);
	RecExpr *e = ARENA_NEW(l->arena, RecExpr);
	e->op = kind == WANT_SUM ? REC_OP_SUM : REC_OP_ARRAY;
	e->node = node;
	e->buffer = want->buffer;
	e->theta = want->buffer->theta;
	if (kind == WANT_SUM)
		return e;

	int32_t low[AXES], high[AXES];
	full_box(owner->frames, node, low, high);
	bool everything = kind != WANT_WINDOW || wrap || l->region->array_mode;
	for (int a = 0; a < AXES && !everything; a++) {
		int64_t least = INT64_MAX, most = INT64_MIN;
		for (uint32_t k = 0; k < l->region->frames->count; k++) {
			int64_t first = (int64_t)disp.scale[a] * l->base_low[disp.base][a] + disp.shift[k][a];
			int64_t last = (int64_t)disp.scale[a] * l->base_high[disp.base][a] + disp.shift[k][a];
			least = first < least ? first : least;
			most = last > most ? last : most;
		}
		low[a] = least > low[a] ? (int32_t)(least < high[a] ? least : high[a]) : low[a];
		high[a] = most < high[a] ? (int32_t)(most > low[a] ? most : low[a]) : high[a];
	}
	for (int a = 0; a < AXES; a++) {
		RecBuffer *b = want->buffer;
		b->box_low[a] = low[a] < b->box_low[a] ? low[a] : b->box_low[a];
		b->box_high[a] = high[a] > b->box_high[a] ? high[a] : b->box_high[a];
	}
	if (want->reader_count == want->reader_capacity) {
		uint32_t capacity = want->reader_capacity ? 2 * want->reader_capacity : 4;
		WantReader *grown = ARENA_ARRAY(l->arena, WantReader, capacity);
		if (want->reader_count)
			memcpy(grown, want->readers, want->reader_count * sizeof *grown);
		want->readers = grown;
		want->reader_capacity = capacity;
	}
	want->readers[want->reader_count++] = (WantReader){e, l->region->frames, owner != l->region};
	return e;
}

/* Linear maps from (t, u) to the entries of an array, for each frame. Positions are stored by pairs (t, u), or by
 * displacement where the box is small. `crosses`: the array is plain and u is turned back into t'. */
static const RecMap *array_maps(Lower *l, const RecBuffer *b, const RecFrames *frames, bool crosses)
{
	RecMap *maps = ARENA_ARRAY(l->arena, RecMap, frames->count);
	int64_t positions = (int64_t)b->shape[0] * b->shape[1] * b->shape[2];
	int64_t stride[AXES] = {(int64_t)b->shape[1] * b->shape[2], b->shape[2], 1};
	bool by_pairs = (int64_t)b->entries == positions * positions;
	for (uint32_t k = 0; k < frames->count; k++) {
		RecMap *m = &maps[k];
		uint32_t right[AXES];
		if (by_pairs && crosses) {
			rec_right_view(frames->group, frames->q[k], b->shape, &m->base, m->right);
		} else if (by_pairs) {
			rec_right_shape(frames->group, frames->q[k], b->shape, right);
			m->right[0] = (int64_t)right[1] * right[2];
			m->right[1] = right[2];
			m->right[2] = 1;
		}
		if (by_pairs) {
			for (int a = 0; a < AXES; a++)
				m->left[a] = positions * stride[a];
			continue;
		}
		int64_t extent = positions;
		for (int a = AXES - 1; a >= 0; a--) {
			m->right[a] = extent;
			m->left[a] = stride[a] - extent;
			m->base -= extent * b->box_low[a];
			extent *= b->box_high[a] - b->box_low[a] + 1;
		}
	}
	return maps;
}

static void size_array(RecBuffer *b)
{
	uint64_t positions = (uint64_t)b->shape[0] * b->shape[1] * b->shape[2];
	uint64_t by_box = positions;
	for (int a = 0; a < AXES; a++)
		by_box *= (uint64_t)(b->box_high[a] - b->box_low[a] + 1);
	b->entries = by_box < positions * positions ? by_box : positions * positions;
}

/* ---- stages ---- */

static RecBase displacement_loop(Lower *l, const Node *level, const int32_t low[AXES], const int32_t high[AXES],
				 bool torus)
{
	RecStmt *loop = lower_append(l, REC_LOOP_DISP);
	memcpy(loop->as.disp.low, low, sizeof loop->as.disp.low);
	memcpy(loop->as.disp.high, high, sizeof loop->as.disp.high);
	lower_shape(level, loop->as.disp.shape);
	loop->as.disp.torus = torus;
	loop->as.disp.base = lower_new_base(l, low, high);
	l->block = &loop->body;
	return loop->as.disp.base;
}

static void clear(Lower *l, RecBuffer *buffer)
{
	lower_append(l, REC_CLEAR)->as.clear.buffer = buffer;
}

/* The fine displacements that the wanted coarse ones of a window pool read. */
static void fine_box(Lower *l, const Node *pool, const RecBuffer *coarse, int32_t low[AXES], int32_t high[AXES])
{
	const RecFrames *frames = l->region->frames;
	Geometry g = geometry_of(pool);
	full_box(frames, pool->input, low, high);
	for (uint32_t a = 0; a < AXES; a++) {
		int32_t least = INT32_MAX, most = INT32_MIN;
		for (uint32_t k = 0; k < frames->count; k++) {
			Geometry r = geometry_right(&g, frames->group, frames->q[k]);
			int32_t shift = g.low[a] - r.low[a];
			int32_t first = g.stride[a] * coarse->box_low[a] + shift - ((int32_t)g.size[a] - 1);
			int32_t last = g.stride[a] * coarse->box_high[a] + shift + (int32_t)r.size[a] - 1;
			least = first < least ? first : least;
			most = last > most ? last : most;
		}
		low[a] = least > low[a] ? least : low[a];
		high[a] = most < high[a] ? most : high[a];
	}
}

/* A sum over positions, of the region's frame: everything, positions, or (flatten) the diagonal. */
static void stage_sum(Lower *l, Want *want)
{
	const Node *node = want->node, *input = node->input;
	RecDisp disp = lower_zero(l);
	if (!node_has_map(node, MAP_FLATTEN) && input->type.domain != DOMAIN_GROUP) {
		int32_t low[AXES], high[AXES];
		full_box(l->region->frames, input, low, high);
		if (!l->region->array_mode)
			disp = lower_base(displacement_loop(l, input, low, high, false), l);
		RecExpr *value = lower_instance(l, input, disp, false);
		lower_nest(l, input, disp, false, value, REC_SINK_SUM, want->buffer);
		return;
	}
	RecExpr *value = lower_instance(l, input, disp, false);
	if (l->region->array_mode && input->type.domain != DOMAIN_GROUP) {
		/* Only t = t': read the arrays along their diagonal. */
		RecBuffer *all = lower_stored(l, input, disp, false);
		RecExpr *entry = ARENA_NEW(l->arena, RecExpr);
		*entry = (RecExpr){.op = REC_OP_ARRAY,
				   .node = input,
				   .buffer = all,
				   .theta = all->theta};
		entry->map = array_maps(l, all, l->region->frames, false);
		lower_nest(l, input, disp, false, entry, REC_SINK_SUM, want->buffer)->array_mode = false;
		return;
	}
	lower_nest(l, input, disp, false, value, REC_SINK_SUM, want->buffer);
}

static void serve(Lower *l, RecBlock *block);

/* Frames whose slices can be followed, and those that need whole arrays [KR-26]. */
static bool frame_slices(Lower *l, const Node *node, const Group *group, uint32_t q, bool *seen)
{
	if (seen[node->id] || !on_group(node))
		return true;
	seen[node->id] = true;
	if (node_window(node)) {
		Geometry g = geometry_of(node);
		Geometry right = geometry_right(&g, group, q);
		if (!geometry_slices(&g, &right))
			return false;
	}
	int32_t step[AXES];
	if (node->kind == NODE_REPEAT && (!frame_slices(l, node->as.repeat.body, group, q, seen) ||
					  !lower_repeat_slices(l, node, group, q, step)))
		return false;
	Node *const *inputs;
	uint32_t count = node_inputs(node, &inputs);
	for (uint32_t i = 0; i < count; i++)
		if (!frame_slices(l, inputs[i], group, q, seen))
			return false;
	return true;
}

/* An exit of a group: for every frame q its own region, summed into the exit's buffer. */
static void stage_frames(Lower *l, Want *want)
{
	const Node *node = want->node;
	const Group *group = node->input->type.group;
	RecFrames *sliced = new_frames(l, group), *whole = new_frames(l, group);
	uint16_t *sliced_q = (uint16_t *)sliced->q, *whole_q = (uint16_t *)whole->q;
	bool *seen = ARENA_ARRAY(l->arena, bool, l->network->node_count);
	bool points = node->input->type.domain == DOMAIN_GROUP;
	const uint16_t *first = points ? lower_representatives(l, node->input, group) : NULL;
	for (uint32_t i = 0; i < group->order; i++) {
		uint16_t q = first ? first[i] : (uint16_t)i;
		memset(seen, 0, l->network->node_count * sizeof *seen);
		if (!l->options->no_slices && frame_slices(l, node->input, group, q, seen))
			sliced_q[sliced->count++] = q;
		else
			whole_q[whole->count++] = q;
	}
	RecBlock *outer_block = l->block;
	Region *outer = l->region;
	for (int kind = 0; kind < 2; kind++) {
		RecFrames *frames = kind == 0 ? sliced : whole;
		if (!frames->count)
			continue;
		Region *region = ARENA_NEW(l->arena, Region);
		region->outer = outer;
		region->frames = frames;
		region->array_mode = kind == 1;
		l->block = outer_block;
		RecStmt *loop = lower_append(l, REC_LOOP_FRAMES);
		l->region = region;
		loop->frames = frames;
		RecBlock last = {0};
		l->block = &last;
		if (want->kind == WANT_SUM) {
			stage_sum(l, want);
		} else {
			RecDisp disp = lower_zero(l);
			if (!region->array_mode) {
				int32_t low[AXES], high[AXES];
				full_box(frames, node->input, low, high);
				disp = lower_base(displacement_loop(l, node->input, low, high, false), l);
			}
			RecExpr *value = lower_instance(l, node->input, disp, false);
			RecNest *nest = lower_nest(l, node->input, disp, false, value, REC_SINK_ELEMENTS, want->buffer);
			nest->map = array_maps(l, want->buffer, frames, true);
		}
		serve(l, &loop->body);
		if (loop->body.last)
			loop->body.last->next = last.first;
		else
			loop->body.first = last.first;
		loop->body.last = last.last;
		l->region = outer;
	}
	l->block = outer_block;
}

/* Make what `want` asks for: statements into l->block. */
static void stage(Lower *l, Want *want)
{
	const Node *node = want->node;
	RecBlock *block = l->block;
	uint32_t memo = l->memo_count;
	want->done = true;
	if (want->kind != WANT_SUM)
		size_array(want->buffer);
	for (uint32_t i = 0; i < want->reader_count; i++)
		want->readers[i].expr->map =
			array_maps(l, want->buffer, want->readers[i].frames, want->readers[i].crosses);
	if (want->kind != WANT_PLAIN)
		clear(l, want->buffer);

	bool exits_group = want->kind == WANT_SUM && !l->region->outer && on_group(node->input) &&
			   (node->type.domain == DOMAIN_VECTOR || node->type.domain == DOMAIN_GRID) &&
			   !node_has_map(node, MAP_FLATTEN);
	if (want->kind == WANT_ELEMENTS || exits_group) {
		stage_frames(l, want);
	} else if (want->kind == WANT_SUM) {
		stage_sum(l, want);
	} else {
		bool window = want->kind == WANT_WINDOW;
		const Node *level = window ? node->input : node;
		RecDisp disp = lower_zero(l);
		bool torus =
			window && node->as.map.window.padding == PADDING_CIRCULAR && !l->region->array_mode;
		if (!l->region->array_mode) {
			int32_t low[AXES], high[AXES];
			if (window)
				fine_box(l, node, want->buffer, low, high);
			else
				full_box(l->region->frames, node, low, high);
			disp = lower_base(displacement_loop(l, level, low, high, torus), l);
		}
		RecExpr *value = lower_instance(l, level, disp, torus);
		RecNest *nest = lower_nest(l, level, disp, torus, value, window ? REC_SINK_WINDOW : REC_SINK_ARRAY,
					   want->buffer);
		nest->map = array_maps(l, want->buffer, l->region->frames, false);
		if (window)
			nest->pool = lower_pool(l, node, want->buffer);
	}
	l->memo_count = memo;
	l->block = block;
}

static Want *last_pending(const Region *region)
{
	Want *best = NULL;
	for (uint32_t i = 0; i < region->want_count; i++)
		if (!region->wants[i]->done && (!best || region->wants[i]->node->id >= best->node->id))
			best = region->wants[i];
	return best;
}

static void prepend(RecBlock *block, RecBlock before)
{
	if (!before.first)
		return;
	before.last->next = block->first;
	if (!block->first)
		block->last = before.last;
	block->first = before.first;
}

/* Serve all wants of the region, the last layer first; `block` gets the stages in order of execution. */
static void serve(Lower *l, RecBlock *block)
{
	RecBlock *outer = l->block;
	for (Want *want; (want = last_pending(l->region));) {
		RecBlock made = {0};
		l->block = &made;
		stage(l, want);
		prepend(block, made);
	}
	l->block = outer;
}

/* ---- repeats ---- */

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

/* ---- parts ---- */

static Region *plain_region(Lower *l)
{
	Region *region = ARENA_NEW(l->arena, Region);
	region->frames = new_frames(l, NULL);
	return region;
}

typedef struct Pending {
	const Node **repeat; /* around it */
	bool *pending; /* per node: a nonlinearity, or a repeat that holds one, whose factors are still to be made */
	bool *wanted;
} Pending;

static void mark(Lower *l, const Node *node, Pending *p, bool pending, bool *seen)
{
	if (seen[node->id])
		return;
	seen[node->id] = true;
	p->pending[node->id] = pending && p->wanted[node->id];
	/* What is to be made is read by a stage; whole arrays gather windows in place, down to the layers below. */
	bool in_place = pending && l->options->no_slices && node_has_map(node, MAP_WINDOW);
	if (node_gathers(node) && !in_place)
		return;
	Node *const *inputs;
	uint32_t count = node_inputs(node, &inputs);
	for (uint32_t i = 0; i < count; i++)
		mark(l, inputs[i], p, pending, seen);
}

/* Factors of all nonlinearities of the tile (or of the state): stages on the diagonal t = t', with arrays of samples
 * against themselves where window pools or pools over elements stand before. */
static void lower_factors(Lower *l, RecPart *part, bool in_state)
{
	const Network *network = l->network;
	uint32_t n = network->node_count;
	Pending p = {network_repeats(l->arena, network), ARENA_ARRAY(l->arena, bool, n), ARENA_ARRAY(l->arena, bool, n)};
	for (uint32_t i = 0; i < n; i++) {
		RecVar *var = l->var_of[i];
		if (!var || var->in_state != in_state)
			continue;
		const Node *outermost = network->nodes[i];
		while (p.repeat[outermost->id])
			outermost = p.repeat[outermost->id];
		p.wanted[outermost->id] = true;
	}
	memcpy(p.pending, p.wanted, n * sizeof *p.pending);
	bool *seen = ARENA_ARRAY(l->arena, bool, n);

	l->part = part;
	l->region = plain_region(l);
	l->memo_count = 0;
	for (uint32_t i = n; i-- > 0;) {
		const Node *node = network->nodes[i];
		RecBlock made = {0};
		l->block = &made;
		for (uint32_t w = 0; w < l->region->want_count; w++) {
			Want *want = l->region->wants[w];
			if (want->node != node || want->done)
				continue;
			/* As in the pair part, in the same order of sums: K(x, x) must have the bits of the variance. */
			l->mode = LOWER_SELF;
			l->region->array_mode = l->options->no_slices;
			made = (RecBlock){0};
			l->block = &made;
			stage(l, want);
			l->region->array_mode = false;
			prepend(&part->block, made);
			/* Its own nonlinearities must have their factors before it runs. */
			memset(seen, 0, n * sizeof *seen);
			if (want->kind == WANT_PLAIN)
				mark(l, node, &p, true, seen);
			else
				mark(l, node->input, &p, true, seen);
		}
		if (!p.pending[i])
			continue;
		l->mode = LOWER_DIAGONAL;
		made = (RecBlock){0};
		l->block = &made;
		RecDisp zero = lower_zero(l);
		uint32_t memo = l->memo_count;
		RecExpr *value = lower_instance(l, node, zero, false);
		if (value->op != REC_OP_LOAD)
			lower_nest(l, node, zero, false, value, REC_SINK_NONE, NULL);
		l->memo_count = memo;
		prepend(&part->block, made);
		memset(seen, 0, n * sizeof *seen);
		mark(l, node, &p, false, seen);
	}
}

static void lower_pair(Lower *l, RecPart *part)
{
	l->part = part;
	l->mode = LOWER_PAIR;
	l->region = plain_region(l);
	l->region->array_mode = l->options->no_slices;
	l->memo_count = 0;
	RecBlock last = {0};
	l->block = &last;
	RecDisp zero = lower_zero(l);
	RecExpr *value = lower_instance(l, l->network->output, zero, false);
	lower_nest(l, l->network->output, zero, false, value, REC_SINK_OUTPUT, NULL);
	serve(l, &part->block);
	prepend(&last, part->block);
	part->block = last;
}

RecProgram *rec_lower(Arena *arena, const Network *source, const RecOptions *options)
{
	const Network *network = rec_unroll(arena, source, options->no_loops);
	RecProgram *program = ARENA_NEW(arena, RecProgram);
	Lower l = {.arena = arena, .network = network, .options = options, .program = program};
	program->network = network;
	program->base_count = 0;
	const Type *input = &network->input->type;
	rec_wide(input, input->shape, 1, program->input_shape);
	program->channels = input->channels;
	program->vector_input = input->domain == DOMAIN_VECTOR;
	program->input_theta = !input->theta_zero;
	l.uses = ARENA_ARRAY(arena, uint32_t, network->node_count);
	l.indexed = ARENA_ARRAY(arena, bool, network->node_count);
	l.var_of = ARENA_ARRAY(arena, RecVar *, network->node_count);
	count_uses(&l);
	int32_t zero[AXES] = {0, 0, 0};
	lower_new_base(&l, zero, zero); /* base 0 is the constant 0 */
	find_indexed(&l);
	place_variances(&l);
	lower_factors(&l, &program->variances, false);
	lower_factors(&l, &program->state, true);
	lower_pair(&l, &program->pair);
	if (!options->no_rows) {
		rec_schedule(arena, &program->variances);
		rec_schedule(arena, &program->state);
		rec_schedule(arena, &program->pair);
	}
	rec_plan(&program->variances);
	rec_plan(&program->state);
	rec_plan(&program->pair);
	rec_cost(arena, program);
	return program;
}
