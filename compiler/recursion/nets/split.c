/* Nets cut in two: the layers up to a node, and those behind it, which take its value as their data. */
#include "network/copy.h"
#include "recursion/nets/nets.h"

/* The node at which the net is cut becomes the input. */
static Node *cut_here(Copier *copier, Node *node, Node **copies)
{
	(void)copies;
	if (node != copier->data)
		return NULL;
	Node *made = network_add(copier, node);
	made->kind = NODE_INPUT;
	made->input = NULL;
	return made;
}

Network *rec_split(Arena *arena, const Network *network, const Node *cut, const Node *output)
{
	Copier copier = network_copier(arena, network, cut_here, cut);
	return network_copied(&copier, network->nodes[output->id]);
}
