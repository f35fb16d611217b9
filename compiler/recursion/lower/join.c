/* Branches joined to one value at one displacement. */
#include <string.h>

#include "recursion/lower/lower.h"

static RecExpr *chain(Lower *l, RecOp op, const Node *node, RecDisp disp, bool torus)
{
	RecExpr *value = lower_instance(l, node->as.join.branches[0], disp, torus);
	for (uint32_t i = 1; i < node->as.join.count; i++)
		value = lower_expr(l, op, node, value, lower_instance(l, node->as.join.branches[i], disp, torus));
	return value;
}

/* [KR-63] The mean over all channels. */
static RecExpr *channels(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	RecExpr *sum = NULL;
	for (uint32_t i = 0; i < node->as.join.count; i++) {
		const Node *branch = node->as.join.branches[i];
		double share = (double)branch->type.width / node->type.width;
		RecExpr *part = lower_scaled(l, node, lower_instance(l, branch, disp, torus), share);
		sum = sum ? lower_expr(l, REC_OP_ADD, node, sum, part) : part;
	}
	return sum;
}

/* ---- along a grid axis ---- */

bool lower_concatenates(const Node *node)
{
	return node_joins_by(node, JOIN_CONCAT) && node->as.join.axis != CONCAT_CHANNELS;
}

void lower_branch_place(const Node *node, uint32_t i, const Group *group, uint32_t q, int32_t left[AXES],
			int32_t right[AXES])
{
	uint32_t axis = AXES - node->type.dim + node->as.join.axis, first = 0;
	uint32_t size = node->as.join.branches[i]->type.shape[node->as.join.axis];
	for (uint32_t k = 0; k < i; k++)
		first += node->as.join.branches[k]->type.shape[node->as.join.axis];
	uint32_t after = node->type.shape[node->as.join.axis] - first - size;
	GridElement e = rec_element(group, group ? group->inverse[q] : 0);
	for (uint32_t a = 0; a < AXES; a++) {
		left[a] = a == axis ? (int32_t)first : 0;
		/* Axis a of u runs along axis perm[a] of t', from its end where the sign is -1. */
		right[a] = e.perm[a] != axis ? 0 : (int32_t)(e.sign[a] > 0 ? first : after);
	}
}

/* [KR-63] Entries of one branch stand at its place; all others are 0. */
static RecExpr *side_by_side(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	const RecFrames *frames = l->region->frames;
	const Schedule *schedule = l->region->schedule;
	if (torus)
		return lower_torus(l, node, disp);
	RecBuffer *buffer = lower_buffer(l, schedule->kind, node, !node->type.theta_zero);
	/* Branches first: their own statements may use memory that is free until the result is begun. */
	RecExpr **values = ARENA_ARRAY(l->arena, RecExpr *, node->as.join.count);
	RecDisp *places = ARENA_ARRAY(l->arena, RecDisp, node->as.join.count);
	for (uint32_t i = 0; i < node->as.join.count; i++) {
		int32_t(*shift)[AXES] = arena_alloc(l->arena, frames->count, sizeof *shift);
		for (uint32_t k = 0; k < frames->count; k++) {
			int32_t left[AXES], right[AXES];
			lower_branch_place(node, i, frames->group, frames->q[k], left, right);
			for (int a = 0; a < AXES; a++)
				shift[k][a] = disp.shift[k][a] + left[a] - right[a];
		}
		places[i] = disp;
		if (!schedule->all_pairs)
			places[i].shift = (const int32_t(*)[AXES])shift;
		values[i] = lower_instance(l, node->as.join.branches[i], places[i], false);
	}
	lower_append(l, REC_CLEAR)->as.clear.buffer = buffer;
	for (uint32_t i = 0; i < node->as.join.count; i++) {
		int32_t *left = ARENA_ARRAY(l->arena, int32_t, AXES);
		int32_t(*right)[AXES] = arena_alloc(l->arena, frames->count, sizeof *right);
		for (uint32_t k = 0; k < frames->count; k++)
			lower_branch_place(node, i, frames->group, frames->q[k], left, right[k]);
		RecNest *nest = lower_nest(l, node->as.join.branches[i], places[i], false, values[i], REC_SINK_STORE,
					   buffer);
		nest->left_offset = left;
		nest->right_offset = (const int32_t(*)[AXES])right;
	}
	schedule->close(l, buffer, disp, false);
	return lower_load(l, buffer);
}

RecExpr *lower_join(Lower *l, const Node *node, RecDisp disp, bool torus)
{
	switch (node->as.join.kind) {
	case JOIN_SUM:
		return chain(l, REC_OP_ADD, node, disp, torus);
	case JOIN_PRODUCT:
		return chain(l, REC_OP_MUL, node, disp, torus);
	case JOIN_CONCAT:
		return lower_concatenates(node) ? side_by_side(l, node, disp, torus) : channels(l, node, disp, torus);
	}
	ICE("unknown join");
}
