/* Repeats that cannot be loops of slices, written out: those whose body pools, lifts or leaves a group, because such a
 * layer's value is an array of all displacements and not a slice. `all`: every repeat (--disable=repeat-loops), as long
 * as the result stays below a bound that keeps compilation quick. */
#include <string.h>

#include "recursion/lower.h"

enum { UNROLL_MAX_NODES = 20000 };

typedef struct Unroll {
	Arena *arena;
	const Network *from;
	Network *to;
	uint32_t capacity;
	bool all;
} Unroll;

static bool holds_array(const Node *node, const Node *hole)
{
	if (node == hole)
		return false;
	switch (node->kind) {
	case NODE_LIFT:
	case NODE_WINDOW_POOL:
	case NODE_POOL:
	case NODE_FLATTEN:
	case NODE_AUGMENT:
		return true;
	case NODE_SUM:
		for (uint32_t i = 0; i < node->as.sum.count; i++)
			if (holds_array(node->as.sum.branches[i], hole))
				return true;
		return false;
	case NODE_REPEAT:
		return holds_array(node->as.repeat.body, node->as.repeat.hole) || holds_array(node->input, hole);
	case NODE_INPUT:
	case NODE_HOLE:
	case NODE_DENSE:
	case NODE_CONV:
	case NODE_GROUP_CONV:
	case NODE_ABRELU:
	case NODE_ERF:
	case NODE_PLANNED:
	case NODE_PRODUCT:
	case NODE_CONCAT:
	case NODE_KIND_COUNT:
		break;
	}
	return node->input && holds_array(node->input, hole);
}

static Node *add(Unroll *u, const Node *like)
{
	if (u->to->node_count == u->capacity) {
		uint32_t capacity = 2 * u->capacity + 64;
		Node **grown = ARENA_ARRAY(u->arena, Node *, capacity);
		if (u->to->node_count)
			memcpy(grown, u->to->nodes, u->to->node_count * sizeof *grown);
		u->to->nodes = grown;
		u->capacity = capacity;
	}
	Node *node = ARENA_NEW(u->arena, Node);
	*node = *like;
	node->id = u->to->node_count;
	u->to->nodes[u->to->node_count++] = node;
	return node;
}

/* Copy `node` and what it depends on; copies[id] are those already made. */
static Node *copy(Unroll *u, Node *node, Node **copies)
{
	if (copies[node->id])
		return copies[node->id];
	Node *made;
	if (node->kind == NODE_SUM) {
		Node **branches = ARENA_ARRAY(u->arena, Node *, node->as.sum.count);
		for (uint32_t i = 0; i < node->as.sum.count; i++)
			branches[i] = copy(u, node->as.sum.branches[i], copies);
		made = add(u, node);
		made->as.sum.branches = branches;
	} else if (node->kind == NODE_REPEAT) {
		Node *input = copy(u, node->input, copies);
		bool unroll = holds_array(node->as.repeat.body, node->as.repeat.hole) ||
			      (u->all && (uint64_t)node->as.repeat.count * u->from->node_count < UNROLL_MAX_NODES);
		if (unroll) {
			made = input;
			for (uint32_t i = 0; i < node->as.repeat.count; i++) {
				Node **inner = ARENA_ARRAY(u->arena, Node *, u->from->node_count);
				inner[node->as.repeat.hole->id] = made;
				made = copy(u, node->as.repeat.body, inner);
			}
		} else {
			Node **inner = ARENA_ARRAY(u->arena, Node *, u->from->node_count);
			Node *hole = add(u, node->as.repeat.hole);
			inner[node->as.repeat.hole->id] = hole;
			Node *body = copy(u, node->as.repeat.body, inner);
			made = add(u, node);
			made->input = input;
			made->as.repeat.hole = hole;
			made->as.repeat.body = body;
		}
	} else if (node->kind == NODE_AUGMENT) {
		Node *inner = copy(u, node->as.augment.inner, copies);
		made = add(u, node);
		made->as.augment.inner = inner;
	} else {
		Node *input = node->input ? copy(u, node->input, copies) : NULL;
		made = add(u, node);
		made->input = input;
	}
	copies[node->id] = made;
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
	Unroll u = {.arena = arena, .from = network, .all = all};
	u.to = ARENA_NEW(arena, Network);
	*u.to = *network;
	u.to->nodes = NULL;
	u.to->node_count = 0;
	Node **copies = ARENA_ARRAY(arena, Node *, network->node_count);
	u.to->output = copy(&u, network->output, copies);
	for (uint32_t i = 0; i < u.to->node_count; i++)
		if (u.to->nodes[i]->kind == NODE_INPUT)
			u.to->input = u.to->nodes[i];
	return u.to;
}
