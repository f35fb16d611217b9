/* Nets cut in two: the layers up to a node, and those behind it, which take its value as their data. */
#include "recursion/lower.h"

typedef struct Copy {
	Arena *arena;
	const Node *cut;
	Node **copies; /* by id */
	Network *to;
} Copy;

static Node *copy(Copy *c, Node *node)
{
	if (c->copies[node->id])
		return c->copies[node->id];
	Node *made = ARENA_NEW(c->arena, Node);
	*made = *node;
	c->copies[node->id] = made;
	if (node == c->cut) {
		made->kind = NODE_INPUT;
		made->input = NULL;
	} else if (node->kind == NODE_SUM) {
		made->as.sum.branches = ARENA_ARRAY(c->arena, Node *, node->as.sum.count);
		for (uint32_t i = 0; i < node->as.sum.count; i++)
			made->as.sum.branches[i] = copy(c, node->as.sum.branches[i]);
	} else if (node->input) {
		made->input = copy(c, node->input);
	}
	if (made->kind == NODE_INPUT)
		c->to->input = made;
	if (made->kind == NODE_REPEAT) {
		made->as.repeat.hole = copy(c, node->as.repeat.hole);
		made->as.repeat.body = copy(c, node->as.repeat.body);
	}
	made->id = c->to->node_count;
	c->to->nodes[c->to->node_count++] = made;
	return made;
}

Network *rec_split(Arena *arena, const Network *network, const Node *cut, const Node *output)
{
	Network *to = ARENA_NEW(arena, Network);
	*to = *network;
	to->nodes = ARENA_ARRAY(arena, Node *, network->node_count);
	to->node_count = 0;
	Copy c = {arena, cut, ARENA_ARRAY(arena, Node *, network->node_count), to};
	to->output = copy(&c, network->nodes[output->id]);
	return to;
}
