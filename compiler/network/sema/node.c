/* New nodes of the net that is being built. */
#include <string.h>

#include "network/sema/internal.h"

Node *sema_new_node(Checker *ch, NodeKind kind, Span span, const char *label, Node *input, Type type)
{
	if (ch->node_count == ch->node_capacity) {
		uint32_t capacity = ch->node_capacity == 0 ? 64 : 2 * ch->node_capacity;
		Node **nodes = ARENA_ARRAY(ch->arena, Node *, capacity);
		if (ch->node_count > 0)
			memcpy(nodes, ch->nodes, ch->node_count * sizeof *nodes);
		ch->nodes = nodes;
		ch->node_capacity = capacity;
	}
	Node *node = ARENA_NEW(ch->arena, Node);
	node->kind = kind;
	node->id = ch->node_count; /* until the net is complete: its place in ch->nodes */
	node->span = span;
	node->label = label;
	node->input = input;
	node->type = type;
	ch->nodes[ch->node_count++] = node;
	return node;
}
