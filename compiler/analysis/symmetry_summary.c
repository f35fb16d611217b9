/* What the proof says of a net as a whole, in the words of its user. */
#include "analysis/symmetry_internal.h"

/* The group of the last pool over elements on the way from the input to `node`, if every way has one, with the same group, and
 * none flattens what still moves with the input; else NULL. */
static const Group *pooled_over(const Network *network, const Node *node)
{
	const Group **found = NULL;
	Arena *arena = arena_create();
	found = ARENA_ARRAY(arena, const Group *, network->node_count);
	for (uint32_t id = 0; id <= node->id; id++) { /* inputs stand before the nodes that read them */
		const Node *n = network->nodes[id];
		bool elements = n->kind == NODE_POOL && n->as.pool.over != POOL_POSITIONS &&
				n->input->type.domain != DOMAIN_GRID;
		if (elements)
			found[id] = n->input->type.group;
		else if (n->kind == NODE_AUGMENT)
			found[id] = n->as.augment.group;
		else if (n->kind == NODE_FLATTEN && n->input->type.domain != DOMAIN_VECTOR)
			found[id] = NULL;
		else if (node_joins(n)) {
			found[id] = found[n->as.sum.branches[0]->id];
			for (uint32_t k = 1; k < n->as.sum.count; k++) {
				const Group *other = found[n->as.sum.branches[k]->id];
				if (!found[id] || !other || !group_equal(found[id], other))
					found[id] = NULL;
			}
		} else if (n->input != NULL)
			found[id] = found[n->input->id]; /* a repeat keeps the domain */
	}
	const Group *group = found[node->id];
	arena_destroy(arena);
	return group;
}

static const Node *find(const Network *network, NodeKind kind)
{
	for (uint32_t id = 0; id < network->node_count; id++)
		if (network->nodes[id]->kind == kind)
			return network->nodes[id];
	return NULL;
}

const char *symmetry_summary(Arena *arena, const Network *network)
{
	const Node *augment = find(network, NODE_AUGMENT), *lift = find(network, NODE_LIFT);
	if (augment)
		return arena_printf(arena, "invariant under %s: yes, by augmentation", augment->as.augment.group->name);
	if (!lift)
		return "invariance: none asked for, the net has no group";
	Symmetry symmetry = symmetry_analyse(arena, network);
	if (!symmetry.invariant)
		return arena_printf(arena, "invariant under %s: not proved, because of \"%s\": %s",
				    symmetry.group->name, symmetry.broken_at->label, symmetry.broken_reason);
	const Group *group = pooled_over(network, network->output);
	if (group)
		return arena_printf(arena, "invariant under %s: yes", group->name);
	return arena_printf(arena, "invariant under %s: no, the net does not end on a pool over the group",
			    symmetry.group->name);
}
