/* Elements of a group that are parallel by symmetry ([KR-29] in docs/math.md).
 *
 * If rho(s) leaves every cell of every filter where it is, as it does with filters of one cell, the features at r and r s are
 * one and the same, at every position. H-symmetric supports make these s a normal subgroup S, and K^q depends on the coset of
 * q alone. Behind a pool over positions, q and q s are then sums of the same numbers, but over slices in another order: their
 * last bits would differ, and a net that doubles differences layer by layer makes a wrong kernel of them. So one frame stands
 * for its coset. (A pool over everything sums over q at once: nothing behind it sees a difference between two of them.) */
#include "recursion/lower/lower.h"

/* Does rho(s) leave the cells of all taps where they are, measured from the centre of the window? */
static bool leaves_cells(const Node *conv, GridElement s)
{
	const Support *support = &conv->as.weights.support;
	const Window *w = &conv->as.weights.window;
	uint32_t dim = type_dim(&conv->type);
	for (uint32_t i = 0; i < support->count; i++)
		for (uint32_t a = 0; a < dim; a++) {
			uint32_t b = s.perm[a];
			int64_t at = (int64_t)w->dilation[a] * (2 * (int64_t)support->taps[i].cell[a] - (w->size[a] - 1));
			int64_t from = (int64_t)w->dilation[b] * (2 * (int64_t)support->taps[i].cell[b] - (w->size[b] - 1));
			if (at != s.sign[a] * from)
				return false;
		}
	return true;
}

/* Takes from `in` the elements that some layer up to `node` moves, or all but the identity. */
static void keep_parallel(const Lower *l, const Node *node, const Group *group, bool *in, bool *seen)
{
	if (seen[node->id])
		return;
	seen[node->id] = true;
	bool noisy = node->kind == NODE_SCALING && node->as.scaling.kind == SCALING_DROPOUT && node->as.scaling.train;
	bool on_group = type_has_elements(&node->type);
	for (uint32_t s = 1; s < group->order && on_group; s++) {
		if (noisy || l->indexed[node->id]) /* every element has a mask of its own; S need not be normal */
			in[s] = false;
		else if (node_window(node) && node->kind == NODE_WEIGHTS)
			in[s] = in[s] && leaves_cells(node, group->elements[s]);
	}
	if (node->kind == NODE_REPEAT)
		keep_parallel(l, node->as.repeat.body, group, in, seen);
	Node *const *inputs;
	uint32_t count = node_inputs(node, &inputs);
	for (uint32_t i = 0; i < count; i++)
		keep_parallel(l, inputs[i], group, in, seen);
}

/* The first element of q's coset, for the layers up to `node`, which stands behind a pool over positions. */
uint16_t *lower_representatives(Lower *l, const Node *node, const Group *group)
{
	uint16_t *first = ARENA_ARRAY(l->arena, uint16_t, group->order);
	bool *in = ARENA_ARRAY(l->arena, bool, group->order);
	for (uint32_t q = 0; q < group->order; q++) {
		first[q] = (uint16_t)q;
		in[q] = true;
	}
	keep_parallel(l, node, group, in, ARENA_ARRAY(l->arena, bool, l->network->node_count));
	for (uint32_t q = 0; q < group->order; q++)
		for (uint32_t s = 0; s < group->order; s++) {
			uint16_t qs = group->product[q * group->order + s];
			if (in[s] && qs < first[q])
				first[q] = qs;
		}
	return first;
}
