/* Regions, and what they want: arrays and sums that a stage must make because some expression reads them. */
#include "recursion/lower/lower.h"

#include <string.h>

/* ---- frames ---- */

RecFrames *lower_frames(Lower *l, const Group *group)
{
	RecFrames *frames = ARENA_NEW(l->arena, RecFrames);
	frames->group = group;
	frames->q = ARENA_ARRAY(l->arena, uint16_t, group ? group->order : 1);
	frames->count = group ? 0 : 1;
	return frames;
}

void lower_full_box(const RecFrames *frames, const Node *level, int32_t low[AXES], int32_t high[AXES])
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

/* ---- wants ---- */

static Region *want_owner(Lower *l, WantKind kind)
{
	Region *region = l->region;
	if (kind == WANT_ELEMENTS || kind == WANT_PLAIN)
		while (region->outer)
			region = region->outer;
	return region;
}

static Want *add_want(Lower *l, Region *owner)
{
	if (owner->want_count == owner->want_capacity) {
		uint32_t capacity = 2 * owner->want_capacity + 8;
		Want **grown = ARENA_ARRAY(l->arena, Want *, capacity);
		if (owner->want_count)
			memcpy(grown, owner->wants, owner->want_count * sizeof *grown);
		owner->wants = grown;
		owner->want_capacity = capacity;
	}
	return owner->wants[owner->want_count++] = ARENA_NEW(l->arena, Want);
}

RecExpr *lower_want(Lower *l, WantKind kind, const Node *node, RecDisp disp, bool wrap)
{
	Region *owner = want_owner(l, kind);
	Want *want = NULL;
	for (uint32_t i = 0; i < owner->want_count; i++)
		if (owner->wants[i]->node == node && owner->wants[i]->kind == kind)
			want = owner->wants[i];
	if (!want) {
		want = add_want(l, owner);
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
	lower_full_box(owner->frames, node, low, high);
	bool everything = kind != WANT_WINDOW || wrap || l->region->schedule->all_pairs;
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

/* ---- arrays ---- */

/* Linear maps from (t, u) to the entries of an array, for each frame. Positions are stored by pairs (t, u), or by
 * displacement where the box is small. `crosses`: the array is plain and u is turned back into t'. */
const RecMap *lower_array_maps(Lower *l, const RecBuffer *b, const RecFrames *frames, bool crosses)
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
