/* Factors of variances: where they stand, and the parts that make them once per sample and tile. */
#include "network/nonlinearity.h"
#include "network/scopes.h"
#include "recursion/lower/lower.h"

#include <string.h>

/* ---- where they stand ---- */

/* Numbers per sample, position and element that a layer takes from its variances. */
static uint32_t factors_of(const Node *node)
{
	if (node->kind == NODE_POINTWISE)
		return node_factors(node);
	return node->kind == NODE_SCALING && node->as.scaling.kind == SCALING_LAYERNORM;
}

void lower_place_variances(Lower *l)
{
	const Network *network = l->network;
	RecProgram *program = l->program;
	const Node **parent = network_repeats(l->arena, network);
	program->vars = ARENA_ARRAY(l->arena, RecVar *, network->node_count);
	for (uint32_t i = 0; i < network->node_count; i++) {
		const Node *node = network->nodes[i];
		uint32_t planes = factors_of(node);
		if (!planes)
			continue;
		RecVar *var = ARENA_NEW(l->arena, RecVar);
		var->node = node;
		var->in_state = !type_has_positions(&node->type);
		var->planes = planes;
		var->elements = lower_elements(l, node);
		if (node->kind == NODE_SCALING && node->as.scaling.elements)
			var->elements = 1; /* all elements have one mean */
		if (node->kind == NODE_SCALING && node->as.scaling.positions)
			var->shape[0] = var->shape[1] = var->shape[2] = 1;
		else
			lower_shape(node, var->shape);
		var->positions = (uint64_t)var->shape[0] * var->shape[1] * var->shape[2];
		uint64_t size = var->planes * var->elements * var->positions;
		uint32_t depth = 0;
		for (const Node *p = parent[i]; p; p = parent[p->id])
			depth++;
		var->repeat_count = depth;
		var->repeats = ARENA_ARRAY(l->arena, const Node *, depth + 1u);
		var->strides = ARENA_ARRAY(l->arena, uint64_t, depth + 1u);
		for (const Node *p = parent[i]; p; p = parent[p->id]) {
			depth--;
			var->repeats[depth] = p;
			var->strides[depth] = size;
			size *= p->as.repeat.count;
		}
		uint64_t *total = var->in_state ? &program->state_numbers : &program->tile_numbers;
		var->offset = *total;
		*total += size;
		l->var_of[i] = var;
		program->vars[program->var_count++] = var;
	}
}

/* ---- their parts ---- */

typedef struct Pending {
	const Node **repeat; /* around it */
	bool *pending; /* per node: a nonlinearity, or a repeat that holds one, whose factors are still to be made */
	bool *wanted;
} Pending;

static void mark(Lower *l, const Node *node, Pending *p, bool pending, bool *seen)
{
	if (seen[node->id])
		return;
	seen[node->id] = true;
	p->pending[node->id] = pending && p->wanted[node->id];
	/* What is to be made is read by a stage; whole arrays gather windows in place, down to the layers below. */
	bool in_place = pending && l->options->no_slices && node_has_map(node, MAP_WINDOW);
	if (node_gathers(node) && !in_place)
		return;
	Node *const *inputs;
	uint32_t count = node_inputs(node, &inputs);
	for (uint32_t i = 0; i < count; i++)
		mark(l, inputs[i], p, pending, seen);
}

/* Factors of all nonlinearities of the tile (or of the state): stages on the diagonal t = t', with arrays of samples
 * against themselves where window pools or pools over elements stand before. */
void lower_factors(Lower *l, RecPart *part, bool in_state)
{
	const Network *network = l->network;
	uint32_t n = network->node_count;
	Pending p = {network_repeats(l->arena, network), ARENA_ARRAY(l->arena, bool, n), ARENA_ARRAY(l->arena, bool, n)};
	for (uint32_t i = 0; i < n; i++) {
		RecVar *var = l->var_of[i];
		if (!var || var->in_state != in_state)
			continue;
		const Node *outermost = network->nodes[i];
		while (p.repeat[outermost->id])
			outermost = p.repeat[outermost->id];
		p.wanted[outermost->id] = true;
	}
	memcpy(p.pending, p.wanted, n * sizeof *p.pending);
	bool *seen = ARENA_ARRAY(l->arena, bool, n);

	l->part = part;
	l->region = lower_plain_region(l);
	l->memo_count = 0;
	for (uint32_t i = n; i-- > 0;) {
		const Node *node = network->nodes[i];
		RecBlock made = {0};
		l->block = &made;
		for (uint32_t w = 0; w < l->region->want_count; w++) {
			Want *want = l->region->wants[w];
			if (want->node != node || want->done)
				continue;
			/* As in the pair part, in the same order of sums: K(x, x) must have the bits of the variance. */
			l->mode = LOWER_SELF;
			l->region->schedule = lower_plain_schedule(l);
			made = (RecBlock){0};
			l->block = &made;
			lower_stage(l, want);
			l->region->schedule = &schedule_slices;
			lower_prepend(&part->block, made);
			/* Its own nonlinearities must have their factors before it runs. */
			memset(seen, 0, n * sizeof *seen);
			if (want->kind == WANT_PLAIN)
				mark(l, node, &p, true, seen);
			else
				mark(l, node->input, &p, true, seen);
		}
		if (!p.pending[i])
			continue;
		l->mode = LOWER_DIAGONAL;
		made = (RecBlock){0};
		l->block = &made;
		RecDisp zero = lower_zero(l);
		uint32_t memo = l->memo_count;
		RecExpr *value = lower_instance(l, node, zero, false);
		if (value->op != REC_OP_LOAD)
			lower_nest(l, node, zero, false, value, REC_SINK_NONE, NULL);
		l->memo_count = memo;
		lower_prepend(&part->block, made);
		memset(seen, 0, n * sizeof *seen);
		mark(l, node, &p, false, seen);
	}
}
