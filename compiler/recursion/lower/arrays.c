/* The schedule by whole arrays: every nest runs over all pairs (t, u). For frames whose slices cannot be followed [KR-26], and to
 * compare with (--disable=slices). */
#include "recursion/lower/lower.h"

static RecDisp all(Lower *l, const Node *level, const int32_t low[AXES], const int32_t high[AXES], bool wrap)
{
	(void)level, (void)low, (void)high, (void)wrap;
	return lower_zero(l);
}

static RecDisp below(Lower *l, RecDisp disp, const Geometry *g)
{
	(void)l, (void)g;
	return disp;
}

/* Positions wrap when they are read; an array holds every displacement. */
static bool torus(bool circular)
{
	(void)circular;
	return false;
}

static void close(Lower *l, RecBuffer *b, RecDisp disp, bool next)
{
	(void)l, (void)disp, (void)next;
	uint64_t positions = (uint64_t)b->shape[0] * b->shape[1] * b->shape[2];
	b->entries = positions * positions;
}

/* Both sides of a tap are held against their grids: nothing is read beyond them. */
static void reach(Lower *l, RecBuffer *b, const RecTaps *taps, const Geometry *g)
{
	(void)l, (void)b, (void)taps, (void)g;
}

/* Windows are gathered where they are read. */
static RecExpr *window_pool(Lower *l, const Node *node, RecDisp disp, bool wrap)
{
	(void)wrap;
	RecExpr *value = lower_expr(l, REC_OP_TAPS, node, NULL, NULL);
	value->buffer = lower_stored(l, node->input, disp, false);
	value->theta = value->buffer->theta;
	value->taps = lower_pool_taps(l, node);
	return value;
}

/* Only t = t': the array is read along its diagonal. */
static void diagonal(Lower *l, const Node *input, RecBuffer *sum)
{
	RecDisp disp = lower_zero(l);
	RecBuffer *whole = lower_stored(l, input, disp, false);
	RecExpr *entry = lower_expr(l, REC_OP_ARRAY, input, NULL, NULL);
	entry->buffer = whole;
	entry->theta = whole->theta;
	entry->map = lower_array_maps(l, whole, l->region->frames, false);
	lower_nest(l, input, disp, false, entry, REC_SINK_SUM, sum)->array_mode = false;
}

const Schedule schedule_arrays = {
	.kind = REC_ARRAY,
	.all_pairs = true,
	.all = all,
	.below = below,
	.torus = torus,
	.close = close,
	.reach = reach,
	.window_pool = window_pool,
	.diagonal = diagonal,
};
