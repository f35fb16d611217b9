/* What the proof says of a net as a whole, in the words of its user. */
#include "analysis/internal.h"

/* The group of the last pool over elements on the way from the input to `node`, if every way has one, with the same group, and
 * none flattens what still moves with the input; else NULL. */
static const Group *pooled_over(const Network *network, const Node *node)
{
	const Group **found = NULL;
	Arena *arena = arena_create();
	found = ARENA_ARRAY(arena, const Group *, network->node_count);
	for (uint32_t id = 0; id <= node->id; id++) { /* inputs stand before the nodes that read them */
		const Node *n = network->nodes[id];
		Node *const *inputs;
		uint32_t count = node_inputs(n, &inputs);
		bool pool = node_has_map(n, MAP_POOL) && n->as.map.over != POOL_POSITIONS;
		if (pool && type_has_elements(&n->input->type))
			found[id] = n->input->type.group;
		else if (n->kind == NODE_AUGMENT)
			found[id] = n->as.augment.group;
		else if (count > 0 && !(node_has_map(n, MAP_FLATTEN) && n->input->type.domain != DOMAIN_VECTOR))
			found[id] = found[inputs[0]->id]; /* a repeat keeps the domain */
		for (uint32_t k = 1; k < count; k++) {
			const Group *other = found[inputs[k]->id];
			if (!found[id] || !other || !group_equal(found[id], other))
				found[id] = NULL;
		}
	}
	const Group *group = found[node->id];
	arena_destroy(arena);
	return group;
}

static const Node *find(const Network *network, bool (*is)(const Node *))
{
	for (uint32_t id = 0; id < network->node_count; id++)
		if (is(network->nodes[id]))
			return network->nodes[id];
	return NULL;
}

static bool is_augment(const Node *node)
{
	return node->kind == NODE_AUGMENT;
}

static bool is_lift(const Node *node)
{
	return node_has_relation(node, RELATION_LIFT);
}

const char *symmetry_summary(Arena *arena, const Network *network)
{
	const Node *augment = find(network, is_augment), *lift = find(network, is_lift);
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
