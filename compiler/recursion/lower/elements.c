/* Which levels keep the index r of an element beside q = r' r^-1. */
#include "recursion/lower/lower.h"

/* [KR-22] Which levels keep the index r beside q: those after a support that H does not map to itself. */
static bool reads_indexed(const Lower *l, const Node *node)
{
	Node *const *inputs;
	uint32_t count = node_inputs(node, &inputs);
	for (uint32_t i = 0; i < count; i++)
		if (l->indexed[inputs[i]->id])
			return true;
	return false;
}

static bool keeps_index(const Lower *l, const Node *node)
{
	if (node_has_relation(node, RELATION_LIFT))
		return l->options->no_relative_index || !support_is_symmetric(node);
	if (node_has_relation(node, RELATION_GROUP))
		return l->options->no_relative_index || (!support_is_left_invariant(node) &&
							 (reads_indexed(l, node) || !support_is_symmetric(node)));
	if (node->kind == NODE_REPEAT) /* the carried value has one form for all iterations */
		return l->indexed[node->as.repeat.hole->id] || reads_indexed(l, node) ||
		       l->indexed[node->as.repeat.body->id];
	return l->indexed[node->id] || reads_indexed(l, node);
}

void lower_find_indexed(Lower *l)
{
	bool changed = true;
	while (changed) {
		changed = false;
		for (uint32_t i = 0; i < l->network->node_count; i++) {
			const Node *node = l->network->nodes[i];
			bool was = l->indexed[i];
			if (!type_has_elements(&node->type))
				continue;
			l->indexed[i] = keeps_index(l, node);
			changed = changed || l->indexed[i] != was;
			if (node->kind != NODE_REPEAT)
				continue;
			bool *hole = &l->indexed[node->as.repeat.hole->id];
			changed = changed || l->indexed[i] != *hole;
			*hole = l->indexed[i];
		}
	}
}
