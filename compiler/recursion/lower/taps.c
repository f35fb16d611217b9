/* Supports and windows as lists of taps and pools. */
#include <stdlib.h>
#include <string.h>

#include "recursion/lower/lower.h"

enum { BOX_MAX_COLUMN = 16, BOX_MAX_ROW = 16 }; /* cells of a box that is summed separably */

static int compare_taps(const void *left, const void *right)
{
	const RecTap *a = left, *b = right;
	if (a->r != b->r)
		return a->r < b->r ? -1 : 1;
	for (int i = 0; i < AXES; i++)
		if (a->offset[i] != b->offset[i])
			return a->offset[i] < b->offset[i] ? -1 : 1;
	return 0;
}

/* Sort and merge equal taps; returns how many remain. */
static uint32_t merge(RecTap *taps, uint32_t count)
{
	qsort(taps, count, sizeof *taps, compare_taps);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (kept && compare_taps(&taps[kept - 1], &taps[i]) == 0)
			taps[kept - 1].weight += taps[i].weight;
		else
			taps[kept++] = taps[i];
	}
	return kept;
}

static const int32_t (*right_strides(Lower *l, const Geometry *g))[AXES]
{
	const RecFrames *frames = l->region->frames;
	int32_t(*strides)[AXES] = arena_alloc(l->arena, frames->count, sizeof *strides);
	for (uint32_t k = 0; k < frames->count; k++)
		memcpy(strides[k], geometry_right(g, frames->group, frames->q[k]).stride, sizeof strides[k]);
	return (const int32_t(*)[AXES])strides;
}

/* [KR-5], [KR-22] Taps of a conv, lift or group conv: output (t, r) reads (S t + A + rho(r) y, r h). Without the index
 * r on either side r = 0 stands for all, and only the marginal of the support over h remains. */
const RecTaps *lower_conv_taps(Lower *l, const Node *conv, uint32_t elements_in, uint32_t elements_out)
{
	const RecFrames *frames = l->region->frames;
	const Support *support = &conv->as.weights.support;
	const Group *group = conv->type.group;
	Geometry g = geometry_of(conv);
	uint32_t dim = type_dim(&conv->input->type);
	RecTaps *t = ARENA_NEW(l->arena, RecTaps);
	RecTap *taps = ARENA_ARRAY(l->arena, RecTap, (size_t)elements_out * support->count);
	t->taps = taps;
	t->elements_out = elements_out;
	t->circular = g.circular;
	for (int a = 0; a < AXES; a++)
		t->stride[a] = (uint32_t)g.stride[a];
	RecTap *list = ARENA_ARRAY(l->arena, RecTap, support->count);
	for (uint32_t r = 0; r < elements_out; r++) {
		GridElement rho = rec_element(group, r);
		for (uint32_t i = 0; i < support->count; i++) {
			const Tap *tap = &support->taps[i];
			int32_t y2[AXES] = {0, 0, 0};
			for (uint32_t a = 0; a < dim; a++) {
				uint32_t w = AXES - dim + a;
				y2[w] = g.dilation[w] * (2 * (int32_t)tap->cell[a] - ((int32_t)g.size[w] - 1));
			}
			list[i] = (RecTap){.weight = 1};
			if (elements_in > 1)
				list[i].r = group->product[r * group->order + tap->element];
			for (uint32_t a = 0; a < AXES; a++)
				list[i].offset[a] = (g.anchor2[a] + rho.sign[a] * y2[rho.perm[a]]) / 2;
		}
		t->count = merge(list, support->count);
		memcpy(taps + (size_t)r * t->count, list, t->count * sizeof *list);
	}

	/* Longer columns and rows would not fit into registers: they are listed. So are those of variances where pairs are whole
	 * arrays, whose taps are lists: K(x, x) must have the bits of the variance. */
	bool dense_box = !l->options->no_slices && g.size[0] * g.size[1] <= BOX_MAX_COLUMN &&
			 g.size[2] <= BOX_MAX_ROW && support->full && elements_in == 1 && elements_out == 1 &&
			 !l->region->schedule->all_pairs && !l->options->no_separable;
	for (int a = 0; a < AXES; a++)
		dense_box = dense_box && (g.dilation[a] == 1 || g.size[a] == 1);
	if (dense_box) {
		t->box = true;
		t->box_weight = taps[0].weight;
		for (int a = 0; a < AXES; a++) {
			t->box_low[a] = -g.low[a];
			t->box_size[a] = g.size[a];
		}
	}
	if (l->region->schedule->all_pairs) {
		int32_t(*shift)[AXES] = arena_alloc(l->arena, frames->count, sizeof *shift);
		for (uint32_t k = 0; k < frames->count; k++) {
			Geometry right = geometry_right(&g, frames->group, frames->q[k]);
			for (int a = 0; a < AXES; a++)
				shift[k][a] = (right.anchor2[a] - g.anchor2[a]) / 2;
		}
		t->right_shift = (const int32_t(*)[AXES])shift;
		t->right_strides = right_strides(l, &g);
	}
	return t;
}

const RecPool *lower_pool(Lower *l, const Node *node, const RecBuffer *coarse)
{
	const RecFrames *frames = l->region->frames;
	Geometry g = geometry_of(node);
	RecPool *pool = ARENA_NEW(l->arena, RecPool);
	int32_t(*low)[AXES] = arena_alloc(l->arena, frames->count, sizeof *low);
	uint32_t(*size)[AXES] = arena_alloc(l->arena, frames->count, sizeof *size);
	uint32_t(*out)[AXES] = arena_alloc(l->arena, frames->count, sizeof *out);
	for (uint32_t a = 0; a < AXES; a++) {
		pool->stride[a] = (uint32_t)g.stride[a];
		pool->size[a] = g.size[a];
		pool->low[a] = -g.low[a];
		pool->out[a] = g.out[a];
		if (coarse) {
			pool->box_low[a] = coarse->box_low[a];
			pool->box_high[a] = coarse->box_high[a];
		}
		for (uint32_t k = 0; k < frames->count; k++) {
			Geometry right = geometry_right(&g, frames->group, frames->q[k]);
			low[k][a] = -right.low[a];
			size[k][a] = right.size[a];
			out[k][a] = right.out[a];
		}
	}
	pool->circular = g.circular;
	pool->right_low = (const int32_t(*)[AXES])low;
	pool->right_size = (const uint32_t(*)[AXES])size;
	pool->right_out = (const uint32_t(*)[AXES])out;
	return pool;
}

const RecTaps *lower_pool_taps(Lower *l, const Node *node)
{
	Geometry g = geometry_of(node);
	const RecPool *pool = lower_pool(l, node, NULL);
	RecTaps *t = ARENA_NEW(l->arena, RecTaps);
	t->pool = true;
	t->circular = g.circular;
	t->elements_out = lower_elements(l, node);
	for (uint32_t a = 0; a < AXES; a++) {
		t->stride[a] = pool->stride[a];
		t->box_low[a] = pool->low[a];
		t->box_size[a] = pool->size[a];
	}
	t->right_strides = right_strides(l, &g);
	t->right_low = pool->right_low;
	t->right_size = pool->right_size;
	return t;
}

/* normalize_edges: one over the number of cells inside the grid; a product over the axes, so one list per axis. */
const double *lower_edge_weights(Lower *l, const Node *node)
{
	Geometry g = geometry_of(node);
	double *weights = ARENA_ARRAY(l->arena, double, (size_t)g.out[0] + g.out[1] + g.out[2]);
	size_t i = 0;
	for (int a = 0; a < AXES; a++)
		for (uint32_t t = 0; t < g.out[a]; t++) {
			int64_t first = (int64_t)t * g.stride[a] - g.low[a], end = first + g.size[a];
			int64_t inside = (end < g.in[a] ? end : g.in[a]) - (first > 0 ? first : 0);
			weights[i++] = g.circular ? 1.0 / g.size[a] : inside > 0 ? 1.0 / (double)inside : 0;
		}
	return weights;
}
