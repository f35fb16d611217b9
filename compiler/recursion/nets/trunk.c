/* Trunks: layers that several nets of a program share ([KR-28] in docs/math.md).
 *
 * Where a net becomes a vector (its global pool, or flatten), its kernels are two numbers per pair, and everything before is nearly
 * all of the work. Nets whose layers agree up to there differ only in a head, a few operations per pair. */
#include <string.h>

#include "recursion/nets/nets.h"

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
	Node *const *inputs;
	uint32_t count = node_inputs(node, &inputs);
	if (node->kind != NODE_JOIN && count && inputs[0]->type.domain != DOMAIN_VECTOR) {
		entry->several = entry->node != NULL;
		entry->node = node;
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		find_entry(inputs[i], entry);
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

static bool same_numbers(const Scalar *const *a, const Scalar *const *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!same_number(a[i], b[i]))
			return false;
	return true;
}

static bool same_weights(const Node *a, const Node *b)
{
	if (a->as.weights.relation != b->as.weights.relation ||
	    !same_affine(&a->as.weights.affine, &b->as.weights.affine))
		return false;
	return a->as.weights.relation == RELATION_OWN ||
	       (same_window(&a->as.weights.window, &b->as.weights.window) &&
		same_support(&a->as.weights.support, &b->as.weights.support));
}

static bool same_map(const Node *a, const Node *b)
{
	if (a->as.map.kind != b->as.map.kind || a->as.map.over != b->as.map.over || a->as.map.mean != b->as.map.mean)
		return false;
	return a->as.map.kind != MAP_WINDOW || (same_window(&a->as.map.window, &b->as.map.window) &&
						a->as.map.normalize_edges == b->as.map.normalize_edges);
}

static bool same_scaling(const Node *a, const Node *b)
{
	return a->as.scaling.kind == b->as.scaling.kind && a->as.scaling.positions == b->as.scaling.positions &&
	       a->as.scaling.elements == b->as.scaling.elements && a->as.scaling.train == b->as.scaling.train &&
	       same_number(a->as.scaling.eps, b->as.scaling.eps) && same_number(a->as.scaling.keep, b->as.scaling.keep);
}

/* What the layer itself says, its inputs aside. */
static bool same_arguments(const Node *a, const Node *b, Match *match)
{
	switch (a->kind) {
	case NODE_INPUT:
	case NODE_HOLE:
		return true;
	case NODE_REPEAT:
		return a->as.repeat.count == b->as.repeat.count &&
		       same_layers(a->as.repeat.body, b->as.repeat.body, match);
	case NODE_POINTWISE:
		return a->as.pointwise.f == b->as.pointwise.f &&
		       a->as.pointwise.arg_count == b->as.pointwise.arg_count &&
		       same_numbers(a->as.pointwise.args, b->as.pointwise.args, a->as.pointwise.arg_count);
	case NODE_WEIGHTS:
		return same_weights(a, b);
	case NODE_MAP:
		return same_map(a, b);
	case NODE_SCALING:
		return same_scaling(a, b);
	case NODE_JOIN:
		return a->as.join.kind == b->as.join.kind && a->as.join.axis == b->as.join.axis;
	case NODE_AUGMENT:
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
	Node *const *a_inputs, *const *b_inputs;
	uint32_t count = node_inputs(a, &a_inputs);
	if (a->kind != b->kind || node_inputs(b, &b_inputs) != count || !same_type(&a->type, &b->type))
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!same_layers(a_inputs[i], b_inputs[i], match))
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
