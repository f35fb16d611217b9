/* Full data augmentation: augment(G, inner) is the mean of K(g x, g' x') over g and g' ([KR-19] in docs/math.md).
 *
 * The net is split at its AUGMENT: the inner net's recursion runs on turned samples, and the layers behind it start from
 * the mean. One sum over g' suffices where K(g x, g x') = K(x, x') can be read off the layers. */
#include <string.h>

#include "analysis/symmetry.h"
#include "recursion/geometry.h"
#include "recursion/nets/nets.h"

/* Does G map every window and support onto itself, so that turning both samples changes nothing? Sufficient. */
static bool turns_with(const Network *inner, const Group *group)
{
	for (uint32_t i = 0; i < inner->node_count; i++) {
		const Node *node = inner->nodes[i];
		if (node_has_relation(node, RELATION_LIFT) || node_has_relation(node, RELATION_GROUP))
			return false;
		if (!node_window(node))
			continue;
		Geometry g = geometry_of(node);
		for (uint32_t q = 0; q < group->order; q++) {
			Geometry r = geometry_right(&g, group, q);
			if (memcmp(&g, &r, sizeof g) != 0)
				return false;
		}
		if (!node_has_relation(node, RELATION_CONV) || node->as.weights.support.full)
			continue;
		Node as_lift = *node; /* the same question that a lift's support answers */
		as_lift.as.weights.relation = RELATION_LIFT;
		as_lift.type.group = group;
		if (!support_is_symmetric(&as_lift))
			return false;
	}
	return true;
}

RecAugment rec_augment(Arena *arena, const Network *network)
{
	RecAugment a = {.inner = network};
	for (uint32_t i = 0; i < network->node_count; i++) {
		Node *node = network->nodes[i];
		if (node->kind != NODE_AUGMENT)
			continue;
		a.group = node->as.augment.group;
		a.inner = rec_split(arena, network, NULL, node->as.augment.inner);
		a.outer = rec_split(arena, network, node, network->output);
		a.left_views = turns_with(a.inner, a.group) ? 1 : a.group->order;
	}
	return a;
}
