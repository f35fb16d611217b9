/* Repeats that cannot be loops of slices, written out: those whose body pools, lifts or leaves a group, because such a
 * layer's value is an array of all displacements and not a slice. `all`: every repeat (--disable=repeat-loops), as long
 * as the result stays below a bound that keeps compilation quick. */
#include "network/copy.h"
#include "network/scopes.h"
#include "recursion/nets/nets.h"

/* `all` writes out repeats of at most so many layers; nothing is counted beyond the bound. */
enum { UNROLL_MAX_NODES = 4000, UNROLL_BOUND = 1 << 30 };

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

/* ---- how many layers ---- */

/* Layers of a scope, nodes in the bodies of its repeats once per time that they are written out; counted up to a bound. */
typedef struct Count {
	const Network *network;
	Scopes scopes;
	bool all;
} Count;

static bool is_written_out(const Count *c, const Node *repeat);

static uint64_t scope_size(const Count *c, const Node *output)
{
	uint64_t size = 0;
	for (uint32_t id = c->scopes.first[output->id]; id <= output->id && size < UNROLL_BOUND; id++) {
		const Node *node = c->network->nodes[id];
		if (c->scopes.output[id] != output)
			continue;
		size++;
		if (node->kind == NODE_AUGMENT)
			size += scope_size(c, node->as.augment.inner);
		if (node->kind == NODE_REPEAT) {
			uint64_t times = is_written_out(c, node) ? node->as.repeat.count : 1;
			uint64_t body = scope_size(c, node->as.repeat.body);
			size += body > UNROLL_BOUND / times ? UNROLL_BOUND : times * body;
		}
	}
	return size;
}

/* Without loops, as many repeats are written out as stay below a bound that keeps compilation quick. */
static bool is_written_out(const Count *c, const Node *repeat)
{
	if (holds_array(repeat->as.repeat.body, repeat->as.repeat.hole))
		return true;
	return c->all && repeat->as.repeat.count <= UNROLL_MAX_NODES / (scope_size(c, repeat->as.repeat.body) + 1);
}

uint64_t rec_written_out(const Network *network)
{
	Arena *arena = arena_create();
	Count c = {.network = network, .scopes = network_scopes(arena, network, network->output)};
	uint64_t size = scope_size(&c, network->output);
	arena_destroy(arena);
	return size;
}

/* ---- writing out ---- */

/* A repeat that cannot be a loop, or may not: its body as often as it says. */
static Node *write_out(Copier *copier, Node *node, Node **copies)
{
	if (node->kind != NODE_REPEAT || !is_written_out(copier->data, node))
		return NULL;
	Node *made = network_copy(copier, node->input, copies);
	for (uint32_t i = 0; i < node->as.repeat.count; i++) {
		Node **inner = network_copies(copier);
		inner[node->as.repeat.hole->id] = made;
		made = network_copy(copier, node->as.repeat.body, inner);
	}
	return made;
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
	Count c = {.network = network, .scopes = network_scopes(arena, network, network->output), .all = all};
	Copier copier = network_copier(arena, network, write_out, &c);
	return network_copied(&copier, network->output);
}
