/* Trunks: layers that several nets of a program share ([KR-28] in docs/math.md).
 *
 * Where a net becomes a vector (its global pool, or flatten), its kernels are two numbers per pair, and everything before is nearly
 * all of the work. Nets whose layers agree up to there differ only in a head, a few operations per pair. */
#include <string.h>

#include "recursion/lower.h"

/* ---- where a net becomes a vector ---- */

typedef struct Entry {
	const Node *node; /* from a grid or a group to a vector; NULL: none met yet */
	bool several;
	bool *seen; /* per node id */
} Entry;

static void find_entry(const Node *node, Entry *entry)
{
	if (entry->seen[node->id])
		return;
	entry->seen[node->id] = true;
	if (node->kind == NODE_SUM) {
		for (uint32_t i = 0; i < node->as.sum.count; i++)
			find_entry(node->as.sum.branches[i], entry);
	} else if (node->input && node->input->type.domain != DOMAIN_VECTOR) {
		entry->several = entry->node != NULL;
		entry->node = node;
	} else if (node->input) {
		find_entry(node->input, entry);
	}
}

/* The one layer at which the net becomes a vector and through which all paths lead; NULL where there is none, or more. */
static const Node *trunk_end(Arena *arena, const Network *network)
{
	Entry entry = {.seen = ARENA_ARRAY(arena, bool, network->node_count)};
	for (uint32_t i = 0; i < network->node_count; i++)
		if (network->nodes[i]->kind == NODE_AUGMENT)
			return NULL;
	find_entry(network->output, &entry);
	return entry.several ? NULL : entry.node;
}

/* ---- equal layers ---- */

typedef struct Match {
	const Node **of; /* per node id of the first net the node of the second that it was found equal to */
} Match;

static bool same_number(const Scalar *a, const Scalar *b)
{
	return a == b || (a && b && scalar_equal(a, b));
}

static bool same_affine(const Affine *a, const Affine *b)
{
	return same_number(a->weight_std, b->weight_std) && same_number(a->bias_std, b->bias_std) &&
	       a->standard == b->standard && a->s[0] == b->s[0] && a->s[1] == b->s[1];
}

static bool same_window(const Window *a, const Window *b)
{
	return memcmp(a->size, b->size, sizeof a->size) == 0 && memcmp(a->stride, b->stride, sizeof a->stride) == 0 &&
	       memcmp(a->dilation, b->dilation, sizeof a->dilation) == 0 && a->padding == b->padding &&
	       memcmp(a->low, b->low, sizeof a->low) == 0;
}

static bool same_support(const Support *a, const Support *b)
{
	if (a->count != b->count || a->full != b->full)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (a->taps[i].element != b->taps[i].element ||
		    memcmp(a->taps[i].cell, b->taps[i].cell, sizeof a->taps[i].cell) != 0)
			return false;
	return true;
}

static bool same_type(const Type *a, const Type *b)
{
	return a->domain == b->domain && a->dim == b->dim && memcmp(a->shape, b->shape, sizeof a->shape) == 0 &&
	       a->channels == b->channels && a->theta_zero == b->theta_zero && !a->group == !b->group &&
	       (!a->group || group_equal(a->group, b->group));
}

static bool same_layers(const Node *a, const Node *b, Match *match);

static bool same_branches(const Node *a, const Node *b, Match *match)
{
	if (a->as.sum.count != b->as.sum.count || a->as.sum.axis != b->as.sum.axis)
		return false;
	for (uint32_t i = 0; i < a->as.sum.count; i++)
		if (!same_layers(a->as.sum.branches[i], b->as.sum.branches[i], match))
			return false;
	return true;
}

/* What the layer itself says, its inputs aside. */
static bool same_arguments(const Node *a, const Node *b, Match *match)
{
	switch (a->kind) {
	case NODE_INPUT:
	case NODE_HOLE:
	case NODE_FLATTEN:
		return true;
	case NODE_DENSE:
		return same_affine(&a->as.dense.affine, &b->as.dense.affine);
	case NODE_CONV:
	case NODE_LIFT:
	case NODE_GROUP_CONV:
		return same_affine(&a->as.conv.affine, &b->as.conv.affine) &&
		       same_window(&a->as.conv.window, &b->as.conv.window) &&
		       same_support(&a->as.conv.support, &b->as.conv.support);
	case NODE_WINDOW_POOL:
		return same_window(&a->as.window_pool.window, &b->as.window_pool.window) &&
		       a->as.window_pool.mean == b->as.window_pool.mean &&
		       a->as.window_pool.normalize_edges == b->as.window_pool.normalize_edges;
	case NODE_POOL:
		return a->as.pool.over == b->as.pool.over && a->as.pool.mean == b->as.pool.mean;
	case NODE_ABRELU:
		return same_number(a->as.abrelu.a, b->as.abrelu.a) && same_number(a->as.abrelu.b, b->as.abrelu.b);
	case NODE_ERF:
		return same_number(a->as.erf.a, b->as.erf.a) && same_number(a->as.erf.b, b->as.erf.b) &&
		       same_number(a->as.erf.c, b->as.erf.c);
	case NODE_SUM:
		return same_branches(a, b, match);
	case NODE_REPEAT:
		return a->as.repeat.count == b->as.repeat.count &&
		       same_layers(a->as.repeat.body, b->as.repeat.body, match);
	case NODE_AUGMENT:
	case NODE_PLANNED:
	case NODE_PRODUCT:
	case NODE_CONCAT:
	case NODE_KIND_COUNT:
		break;
	}
	return false;
}

/* Is the graph above `a` that above `b`? A fork must be a fork in both. */
static bool same_layers(const Node *a, const Node *b, Match *match)
{
	if (match->of[a->id])
		return match->of[a->id] == b;
	if (a->kind != b->kind || !a->input != !b->input || !same_type(&a->type, &b->type))
		return false;
	if (a->input && !same_layers(a->input, b->input, match))
		return false;
	if (!same_arguments(a, b, match))
		return false;
	match->of[a->id] = b;
	return true;
}

/* ---- trunks ---- */

uint32_t rec_trunks(Arena *arena, const Program *program, RecTrunk **trunks)
{
	uint32_t nets = program->network_count, count = 0;
	const Node **end = ARENA_ARRAY(arena, const Node *, nets + 1);
	bool *taken = ARENA_ARRAY(arena, bool, nets + 1);
	*trunks = ARENA_ARRAY(arena, RecTrunk, nets + 1);
	for (uint32_t i = 0; i < nets; i++)
		end[i] = trunk_end(arena, program->networks[i]);
	for (uint32_t i = 0; i < nets; i++) {
		const Network *first = program->networks[i];
		RecTrunk trunk = {.end = end[i], .members = ARENA_ARRAY(arena, uint32_t, nets)};
		Match match = {ARENA_ARRAY(arena, const Node *, first->node_count)};
		for (uint32_t j = i; j < nets && end[i] && !taken[i]; j++) {
			memset(match.of, 0, first->node_count * sizeof *match.of);
			if (end[j] && !taken[j] && same_layers(end[i], end[j], &match))
				trunk.members[trunk.count++] = j;
		}
		if (trunk.count < 2)
			continue;
		trunk.network = rec_split(arena, first, NULL, end[i]);
		trunk.heads = ARENA_ARRAY(arena, const Network *, trunk.count);
		for (uint32_t m = 0; m < trunk.count; m++) {
			const Network *member = program->networks[trunk.members[m]];
			trunk.heads[m] = rec_split(arena, member, end[trunk.members[m]], member->output);
			taken[trunk.members[m]] = true;
		}
		(*trunks)[count++] = trunk;
	}
	return count;
}
