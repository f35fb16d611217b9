/* Parts: the recursion for pairs, those for variances, and the order in which they are made.
 *
 * Lowering is driven by demand: the output asks for its value at one point; what cannot be computed on the spot (a sum over
 * all positions, the coarse level of a window pool, a plain level that a group reads) becomes a Want of the region, with
 * the box of displacements that its readers need. */
#include "recursion/lower/lower.h"
#include "recursion/nets/nets.h"

static void count_uses(Lower *l)
{
	for (uint32_t i = 0; i < l->network->node_count; i++) {
		Node *const *inputs;
		uint32_t count = node_inputs(l->network->nodes[i], &inputs);
		for (uint32_t k = 0; k < count; k++)
			l->uses[inputs[k]->id]++;
	}
}

static void lower_pair(Lower *l, RecPart *part)
{
	l->part = part;
	l->mode = LOWER_PAIR;
	l->region = lower_plain_region(l);
	l->region->schedule = lower_plain_schedule(l);
	l->memo_count = 0;
	RecBlock last = {0};
	l->block = &last;
	RecDisp zero = lower_zero(l);
	RecExpr *value = lower_instance(l, l->network->output, zero, false);
	lower_nest(l, l->network->output, zero, false, value, REC_SINK_OUTPUT, NULL);
	lower_serve(l, &part->block);
	lower_prepend(&last, part->block);
	part->block = last;
}

RecProgram *rec_lower(Arena *arena, const Network *source, const RecOptions *options)
{
	const Network *network = rec_unroll(arena, source, options->no_loops);
	RecProgram *program = ARENA_NEW(arena, RecProgram);
	Lower l = {.arena = arena, .network = network, .options = options, .program = program};
	program->network = network;
	l.many_layers = network->node_count > REC_MANY_LAYERS;
	program->base_count = 0;
	const Type *input = &network->input->type;
	rec_wide(input, input->shape, 1, program->input_shape);
	program->channels = input->channels;
	program->vector_input = input->domain == DOMAIN_VECTOR;
	program->input_theta = !input->theta_zero;
	l.uses = ARENA_ARRAY(arena, uint32_t, network->node_count);
	l.indexed = ARENA_ARRAY(arena, bool, network->node_count);
	l.var_of = ARENA_ARRAY(arena, RecVar *, network->node_count);
	count_uses(&l);
	int32_t zero[AXES] = {0, 0, 0};
	lower_new_base(&l, zero, zero); /* base 0 is the constant 0 */
	lower_find_indexed(&l);
	lower_place_variances(&l);
	lower_factors(&l, &program->variances, false);
	lower_factors(&l, &program->state, true);
	lower_pair(&l, &program->pair);
	if (!options->no_rows) {
		rec_schedule(arena, &program->variances);
		rec_schedule(arena, &program->state);
		rec_schedule(arena, &program->pair);
	}
	rec_plan(&program->variances);
	rec_plan(&program->state);
	rec_plan(&program->pair);
	rec_cost(arena, program);
	return program;
}
