#include "network/scopes.h"

typedef struct Finder {
	Scopes scopes;
	const Node **pending; /* a stack */
	uint32_t count;
} Finder;

static void read_by(Finder *f, const Node *output, const Node *node)
{
	f->scopes.readers[node->id]++;
	if (f->scopes.output[node->id] != NULL)
		return;
	f->scopes.output[node->id] = output;
	f->pending[f->count++] = node;
}

static void find_scope(Finder *f, const Node *output)
{
	f->scopes.first[output->id] = output->id;
	read_by(f, output, output);
	while (f->count > 0) {
		const Node *node = f->pending[--f->count];
		if (node->id < f->scopes.first[output->id])
			f->scopes.first[output->id] = node->id;
		Node *const *inputs;
		uint32_t count = node_inputs(node, &inputs);
		for (uint32_t i = 0; i < count; i++)
			read_by(f, output, inputs[i]);
	}
}

/* Outer scopes end on higher ids than those inside them: one pass from the end finds all. */
Scopes network_scopes(Arena *arena, const Network *network, const Node *output)
{
	uint32_t count = network->node_count;
	Finder f = {.pending = ARENA_ARRAY(arena, const Node *, count)};
	f.scopes.output = ARENA_ARRAY(arena, const Node *, count);
	f.scopes.first = ARENA_ARRAY(arena, uint32_t, count);
	f.scopes.readers = ARENA_ARRAY(arena, uint32_t, count);
	find_scope(&f, output);
	for (uint32_t id = output->id + 1; id-- > 0;) {
		const Node *node = network->nodes[id];
		if (f.scopes.output[id] == NULL)
			continue;
		if (node->kind == NODE_REPEAT)
			find_scope(&f, node->as.repeat.body);
		if (node->kind == NODE_AUGMENT)
			find_scope(&f, node->as.augment.inner);
	}
	return f.scopes;
}

const Node **network_repeats(Arena *arena, const Network *network)
{
	const Node **repeat = ARENA_ARRAY(arena, const Node *, network->node_count);
	for (uint32_t i = network->node_count; i-- > 0;) {
		const Node *node = network->nodes[i];
		if (node->kind == NODE_REPEAT) {
			repeat[node->as.repeat.body->id] = node;
			repeat[node->as.repeat.hole->id] = node;
		}
		if (repeat[i] == NULL || node->kind == NODE_HOLE)
			continue;
		Node *const *inputs;
		uint32_t count = node_inputs(node, &inputs);
		for (uint32_t k = 0; k < count; k++)
			repeat[inputs[k]->id] = repeat[i];
	}
	return repeat;
}
