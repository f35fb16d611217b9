/* Stages: each makes one array or sum that is wanted, over the displacements that its readers need. Wants are served from the last
 * layer to the first, because serving one may only ask for earlier ones, and their stages are then put in order of execution. */
#include "recursion/lower/lower.h"

#include <string.h>

static void size_array(RecBuffer *b)
{
	uint64_t positions = (uint64_t)b->shape[0] * b->shape[1] * b->shape[2];
	uint64_t by_box = positions;
	for (int a = 0; a < AXES; a++)
		by_box *= (uint64_t)(b->box_high[a] - b->box_low[a] + 1);
	b->entries = by_box < positions * positions ? by_box : positions * positions;
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
	lower_full_box(frames, pool->input, low, high);
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
	const Schedule *schedule = l->region->schedule;
	bool everything = !node_has_map(node, MAP_FLATTEN) && input->type.domain != DOMAIN_GROUP;
	if (!everything && schedule->diagonal && input->type.domain != DOMAIN_GROUP) {
		schedule->diagonal(l, input, want->buffer);
		return;
	}
	RecDisp disp = lower_zero(l);
	if (everything) {
		int32_t low[AXES], high[AXES];
		lower_full_box(l->region->frames, input, low, high);
		disp = schedule->all(l, input, low, high, false);
	}
	RecExpr *value = lower_instance(l, input, disp, false);
	lower_nest(l, input, disp, false, value, REC_SINK_SUM, want->buffer);
}

/* ---- exits of a group ---- */

/* Frames whose slices can be followed, and those that need whole arrays [KR-26]. */
static bool frame_slices(Lower *l, const Node *node, const Group *group, uint32_t q, bool *seen)
{
	if (seen[node->id] || !type_has_elements(&node->type))
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
	RecFrames *sliced = lower_frames(l, group), *whole = lower_frames(l, group);
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
		region->schedule = kind == 0 ? &schedule_slices : &schedule_arrays;
		l->block = outer_block;
		RecStmt *loop = lower_append(l, REC_LOOP_FRAMES);
		l->region = region;
		loop->frames = frames;
		RecBlock last = {0};
		l->block = &last;
		if (want->kind == WANT_SUM) {
			stage_sum(l, want);
		} else {
			int32_t low[AXES], high[AXES];
			lower_full_box(frames, node->input, low, high);
			RecDisp disp = region->schedule->all(l, node->input, low, high, false);
			RecExpr *value = lower_instance(l, node->input, disp, false);
			RecNest *nest = lower_nest(l, node->input, disp, false, value, REC_SINK_ELEMENTS, want->buffer);
			nest->map = lower_array_maps(l, want->buffer, frames, true);
		}
		lower_serve(l, &loop->body);
		if (loop->body.last)
			loop->body.last->next = last.first;
		else
			loop->body.first = last.first;
		loop->body.last = last.last;
		l->region = outer;
	}
	l->block = outer_block;
}

/* ---- all stages ---- */

/* Make what `want` asks for: statements into l->block. */
void lower_stage(Lower *l, Want *want)
{
	const Node *node = want->node;
	RecBlock *block = l->block;
	uint32_t memo = l->memo_count;
	want->done = true;
	if (want->kind != WANT_SUM)
		size_array(want->buffer);
	for (uint32_t i = 0; i < want->reader_count; i++)
		want->readers[i].expr->map =
			lower_array_maps(l, want->buffer, want->readers[i].frames, want->readers[i].crosses);
	if (want->kind != WANT_PLAIN)
		clear(l, want->buffer);

	bool exits_group = want->kind == WANT_SUM && !l->region->outer && type_has_elements(&node->input->type) &&
			   (node->type.domain == DOMAIN_VECTOR || node->type.domain == DOMAIN_GRID) &&
			   !node_has_map(node, MAP_FLATTEN);
	if (want->kind == WANT_ELEMENTS || exits_group) {
		stage_frames(l, want);
	} else if (want->kind == WANT_SUM) {
		stage_sum(l, want);
	} else {
		bool window = want->kind == WANT_WINDOW;
		const Node *level = window ? node->input : node;
		const Schedule *schedule = l->region->schedule;
		bool torus = window && schedule->torus(node->as.map.window.padding == PADDING_CIRCULAR);
		int32_t low[AXES], high[AXES];
		if (window)
			fine_box(l, node, want->buffer, low, high);
		else
			lower_full_box(l->region->frames, node, low, high);
		RecDisp disp = schedule->all(l, level, low, high, torus);
		RecExpr *value = lower_instance(l, level, disp, torus);
		RecNest *nest = lower_nest(l, level, disp, torus, value, window ? REC_SINK_WINDOW : REC_SINK_ARRAY,
					   want->buffer);
		nest->map = lower_array_maps(l, want->buffer, l->region->frames, false);
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

void lower_prepend(RecBlock *block, RecBlock before)
{
	if (!before.first)
		return;
	before.last->next = block->first;
	if (!block->first)
		block->last = before.last;
	block->first = before.first;
}

/* Serve all wants of the region, the last layer first; `block` gets the stages in order of execution. */
void lower_serve(Lower *l, RecBlock *block)
{
	RecBlock *outer = l->block;
	for (Want *want; (want = last_pending(l->region));) {
		RecBlock made = {0};
		l->block = &made;
		lower_stage(l, want);
		lower_prepend(block, made);
	}
	l->block = outer;
}
