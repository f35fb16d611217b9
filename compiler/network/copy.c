#include "network/copy.h"

#include <string.h>

Copier network_copier(Arena *arena, const Network *from, Node *(*replace)(Copier *, Node *, Node **), const void *data)
{
	Copier copier = {.arena = arena, .from = from, .replace = replace, .data = data};
	copier.to = ARENA_NEW(arena, Network);
	*copier.to = *from;
	copier.to->nodes = NULL;
	copier.to->node_count = 0;
	return copier;
}

Node **network_copies(Copier *copier)
{
	return ARENA_ARRAY(copier->arena, Node *, copier->from->node_count);
}

Node *network_add(Copier *copier, const Node *like)
{
	Network *to = copier->to;
	if (to->node_count == copier->capacity) {
		uint32_t capacity = 2 * copier->capacity + 64;
		Node **grown = ARENA_ARRAY(copier->arena, Node *, capacity);
		if (to->node_count)
			memcpy(grown, to->nodes, to->node_count * sizeof *grown);
		to->nodes = grown;
		copier->capacity = capacity;
	}
	Node *node = ARENA_NEW(copier->arena, Node);
	*node = *like;
	node->id = to->node_count;
	to->nodes[to->node_count++] = node;
	return node;
}

static Node *copy_join(Copier *copier, Node *node, Node **copies)
{
	Node **branches = ARENA_ARRAY(copier->arena, Node *, node->as.join.count);
	for (uint32_t i = 0; i < node->as.join.count; i++)
		branches[i] = network_copy(copier, node->as.join.branches[i], copies);
	Node *made = network_add(copier, node);
	made->as.join.branches = branches;
	return made;
}

static Node *copy_repeat(Copier *copier, Node *node, Node **copies)
{
	Node *input = network_copy(copier, node->input, copies);
	Node **inner = network_copies(copier);
	Node *hole = network_add(copier, node->as.repeat.hole);
	inner[node->as.repeat.hole->id] = hole;
	Node *body = network_copy(copier, node->as.repeat.body, inner);
	Node *made = network_add(copier, node);
	made->input = input;
	made->as.repeat.hole = hole;
	made->as.repeat.body = body;
	return made;
}

static Node *copy_augment(Copier *copier, Node *node)
{
	Node *inner = network_copy(copier, node->as.augment.inner, network_copies(copier));
	Node *made = network_add(copier, node);
	made->as.augment.inner = inner;
	return made;
}

static Node *copy_layer(Copier *copier, Node *node, Node **copies)
{
	Node *input = node->input ? network_copy(copier, node->input, copies) : NULL;
	Node *made = network_add(copier, node);
	made->input = input;
	return made;
}

Node *network_copy(Copier *copier, Node *node, Node **copies)
{
	if (copies[node->id])
		return copies[node->id];
	Node *made = copier->replace ? copier->replace(copier, node, copies) : NULL;
	if (!made)
		made = node->kind == NODE_JOIN      ? copy_join(copier, node, copies)
		       : node->kind == NODE_REPEAT  ? copy_repeat(copier, node, copies)
		       : node->kind == NODE_AUGMENT ? copy_augment(copier, node)
						    : copy_layer(copier, node, copies);
	copies[node->id] = made;
	return made;
}

Network *network_copied(Copier *copier, Node *output)
{
	Network *to = copier->to;
	to->output = network_copy(copier, output, network_copies(copier));
	for (uint32_t i = 0; i < to->node_count; i++)
		if (to->nodes[i]->kind == NODE_INPUT)
			to->input = to->nodes[i];
	return to;
}
