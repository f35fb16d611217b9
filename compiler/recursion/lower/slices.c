/* The schedule by displacement slices [KR-20], [KR-21]: all layers between two pools run for one displacement at a time, on a slice
 * no larger than an image. */
#include "recursion/lower/lower.h"

#include <string.h>

/* ---- displacements ---- */

static RecDisp all(Lower *l, const Node *level, const int32_t low[AXES], const int32_t high[AXES], bool torus)
{
	RecStmt *loop = lower_append(l, REC_LOOP_DISP);
	memcpy(loop->as.disp.low, low, sizeof loop->as.disp.low);
	memcpy(loop->as.disp.high, high, sizeof loop->as.disp.high);
	lower_shape(level, loop->as.disp.shape);
	loop->as.disp.torus = torus;
	loop->as.disp.base = lower_new_base(l, low, high);
	l->block = &loop->body;
	return lower_base(loop->as.disp.base, l);
}

/* [KR-21] The input slice that output slice `disp` reads: d = S D + (right anchor - left anchor). */
static RecDisp below(Lower *l, RecDisp disp, const Geometry *g)
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

static bool torus(bool circular)
{
	return circular;
}

/* ---- kept levels ---- */

static void close(Lower *l, RecBuffer *b, RecDisp disp, bool next)
{
	RecStmt *halo = lower_append(l, REC_HALO);
	halo->as.halo.buffer = b;
	halo->as.halo.disp = disp;
	halo->as.halo.next = next;
}

static void reach(Lower *l, RecBuffer *b, const RecTaps *taps, const Geometry *g)
{
	const RecFrames *frames = l->region->frames;
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

/* Fine slices scatter into an array of coarse entries. */
static RecExpr *window_pool(Lower *l, const Node *node, RecDisp disp, bool wrap)
{
	return lower_want(l, WANT_WINDOW, node, disp, wrap);
}

const Schedule schedule_slices = {
	.kind = REC_SLICE,
	.all = all,
	.below = below,
	.torus = torus,
	.close = close,
	.reach = reach,
	.window_pool = window_pool,
};
