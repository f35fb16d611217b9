/* Repeats that cannot be loops of slices, written out: those whose body pools, lifts or leaves a group, because such a
 * layer's value is an array of all displacements and not a slice. `all`: every repeat (--disable=repeat-loops), as long
 * as the result stays below a bound that keeps compilation quick. */
#include "network/copy.h"
#include "recursion/nets/nets.h"

enum { UNROLL_MAX_NODES = 20000 };

static bool holds_array(const Node *node, const Node *hole)
{
	if (node == hole)
		return false;
	if (node_gathers(node) || node_has_relation(node, RELATION_LIFT))
		return true;
	if (node->kind == NODE_REPEAT && holds_array(node->as.repeat.body, node->as.repeat.hole))
		return true;
	Node *const *inputs;
	uint32_t count = node_inputs(node, &inputs);
	for (uint32_t i = 0; i < count; i++)
		if (holds_array(inputs[i], hole))
			return true;
	return false;
}

/* A repeat that cannot be a loop, or may not: its body as often as it says. */
static Node *write_out(Copier *copier, Node *node, Node **copies)
{
	const bool *all = copier->data;
	if (node->kind != NODE_REPEAT)
		return NULL;
	if (!holds_array(node->as.repeat.body, node->as.repeat.hole) &&
	    !(*all && (uint64_t)node->as.repeat.count * copier->from->node_count < UNROLL_MAX_NODES))
		return NULL;
	Node *made = network_copy(copier, node->input, copies);
	for (uint32_t i = 0; i < node->as.repeat.count; i++) {
		Node **inner = network_copies(copier);
		inner[node->as.repeat.hole->id] = made;
		made = network_copy(copier, node->as.repeat.body, inner);
	}
	return made;
}

uint64_t rec_written_out(const Network *network)
{
	uint64_t size = network->node_count;
	for (uint32_t i = 0; i < network->node_count; i++) {
		const Node *node = network->nodes[i];
		if (node->kind == NODE_REPEAT && holds_array(node->as.repeat.body, node->as.repeat.hole))
			size += (uint64_t)node->as.repeat.count * network->node_count;
	}
	return size;
}

const Network *rec_unroll(Arena *arena, const Network *network, bool all)
{
	bool needed = false;
	for (uint32_t i = 0; i < network->node_count; i++) {
		const Node *node = network->nodes[i];
		needed = needed || (node->kind == NODE_REPEAT &&
				    (all || holds_array(node->as.repeat.body, node->as.repeat.hole)));
	}
	if (!needed)
		return network;
	Copier copier = network_copier(arena, network, write_out, &all);
	return network_copied(&copier, network->output);
}
