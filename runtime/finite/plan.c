/* The network written out as steps, scope by scope (network/scopes.h). */
#include <inttypes.h>
#include <string.h>

#include "base/diag.h"
#include "finite/activations/activation.h"
#include "finite/internal.h"
#include "network/scopes.h"

const char *finite_refusal(const Node *node)
{
	if (node->kind == NODE_POINTWISE && finite_activations[node->as.pointwise.f->id]->value == NULL)
		return "it is a kernel that no function has";
	return NULL;
}

typedef struct Planner {
	Arena *arena;
	FinitePlan *plan;
	uint32_t capacity, group_capacity;
	uint32_t copies;
	uint64_t entries; /* of the maps and matrices so far */
	Scopes scopes;
	uint32_t *step_of;   /* by node id: the step that holds its value in the scope's pass under way */
	TapMaps **taps;      /* by node id: shared by the repetitions */
	PoolMatrix **matrix; /* by node id */
	char **refusal;
} Planner;

static bool plan_scope(Planner *p, const Node *output);

#define TOO_MANY_CHANNELS "it would need more than 2^31 channels per unit of width"

static bool refuse(Planner *p, const Node *node, const char *reason)
{
	*p->refusal = arena_printf(p->arena, "layer \"%s\" has no finite counterpart: %s", node->label, reason);
	return false;
}

/* ---- steps ---------------------------------------------------------------------------------------------------- */

static bool add_step(Planner *p, StepOp op, const Node *node, uint32_t inputs, Step **added)
{
	FinitePlan *plan = p->plan;
	if (plan->step_count == FINITE_MAX_STEPS) {
		*p->refusal =
			arena_printf(p->arena, "its repeats written out, it has more than %d layers", FINITE_MAX_STEPS);
		return false;
	}
	if (plan->step_count == p->capacity) {
		p->capacity = 2 * p->capacity + 64;
		Step *steps = ARENA_ARRAY(p->arena, Step, p->capacity);
		if (plan->step_count > 0)
			memcpy(steps, plan->steps, plan->step_count * sizeof *steps);
		plan->steps = steps;
	}
	Step *step = &plan->steps[plan->step_count];
	uint32_t *list = ARENA_ARRAY(p->arena, uint32_t, inputs + 1u);
	Node *const *nodes;
	node_inputs(node, &nodes);
	for (uint32_t i = 0; i < inputs; i++)
		list[i] = p->step_of[nodes[i]->id];
	*step = (Step){.op = op, .node = node, .inputs = list, .input_count = inputs, .copies = p->copies};
	step->indices = type_size(&node->type);
	if (inputs > 0)
		step->channels = plan->steps[list[0]].channels;
	for (uint32_t i = 0; i < inputs; i++)
		step->trained |= plan->steps[list[i]].trained;
	p->step_of[node->id] = plan->step_count++;
	*added = step;
	return true;
}

static bool plan_input(Planner *p, const Node *node)
{
	Step *step;
	if (!add_step(p, STEP_INPUT, node, 0, &step))
		return false;
	step->channels = channels_fixed(node->type.channels);
	return true;
}

/* Is there room for the node's maps, if it has none yet? Each count is below 2^52. */
static bool fits(Planner *p, const Node *node)
{
	if (p->taps[node->id] == NULL && p->matrix[node->id] == NULL)
		p->entries += finite_entries(node);
	return p->entries <= FINITE_MAX_ENTRIES || refuse(p, node, "the index maps would not fit into memory");
}

static bool plan_weights(Planner *p, const Node *node)
{
	Step *step;
	if (!fits(p, node) || !add_step(p, STEP_WEIGHTS, node, 1, &step))
		return false;
	if (p->taps[node->id] == NULL)
		p->taps[node->id] = finite_tap_maps(p->arena, node);
	step->taps = p->taps[node->id];
	step->channels = channels_new(p->arena, &p->plan->channels);
	step->trained = true;
	return true;
}

static bool plan_pool(Planner *p, const Node *node)
{
	Step *step;
	if (!fits(p, node) || !add_step(p, STEP_POOL, node, 1, &step))
		return false;
	if (p->matrix[node->id] == NULL)
		p->matrix[node->id] = finite_pool_matrix(p->arena, node);
	step->matrix = p->matrix[node->id];
	return true;
}

static bool plan_flatten(Planner *p, const Node *node)
{
	Step *step;
	if (!add_step(p, STEP_FLATTEN, node, 1, &step))
		return false;
	step->channels = channels_times(step->channels, type_size(&node->input->type)); /* all below 2^31 */
	return true;
}

/* Branches of equal channels. */
static bool plan_alike(Planner *p, StepOp op, const Node *node)
{
	Step *step;
	if (!add_step(p, op, node, node->as.join.count, &step))
		return false;
	for (uint32_t i = 1; i < step->input_count; i++) {
		Channels other = p->plan->steps[step->inputs[i]].channels;
		if (!channels_unify(p->arena, &p->plan->channels, step->channels, other))
			return refuse(p, node, "its branches cannot be given the same number of channels");
	}
	return true;
}

/* [KR-63] The widths that the limit depends on are those of the source: their ratio is that of the channels. */
static bool plan_beside(Planner *p, const Node *node)
{
	Step *step;
	Node *const *branches = node->as.join.branches;
	uint64_t width = branches[0]->type.width;
	if (!add_step(p, STEP_CONCAT, node, node->as.join.count, &step))
		return false;
	for (uint32_t i = 1; i < step->input_count; i++) {
		Channels other = p->plan->steps[step->inputs[i]].channels;
		if (!channels_beside(p->arena, &p->plan->channels, step->channels, width, other,
				     branches[i]->type.width, &step->channels))
			return refuse(p, node, TOO_MANY_CHANNELS);
		width += branches[i]->type.width;
	}
	return true;
}

static bool plan_join(Planner *p, const Node *node)
{
	switch (node->as.join.kind) {
	case JOIN_SUM:
		return plan_alike(p, STEP_SUM, node);
	case JOIN_PRODUCT:
		return plan_alike(p, STEP_PRODUCT, node);
	case JOIN_CONCAT:
		return node->as.join.axis == CONCAT_CHANNELS ? plan_beside(p, node) : plan_alike(p, STEP_CONCAT, node);
	}
	ICE("no kind of join");
}

static bool plan_scaling(Planner *p, const Node *node)
{
	Step *step;
	if (node->as.scaling.kind == SCALING_LAYERNORM)
		return add_step(p, STEP_LAYERNORM, node, 1, &step);
	if (node->as.scaling.train) {
		p->plan->drops = true;
		return add_step(p, STEP_DROPOUT, node, 1, &step);
	}
	p->step_of[node->id] = p->step_of[node->input->id]; /* drops nothing */
	return true;
}

/* [KR-14] */
static bool plan_repeat(Planner *p, const Node *node)
{
	uint32_t current = p->step_of[node->input->id];
	for (uint32_t i = 0; i < node->as.repeat.count; i++) {
		p->step_of[node->as.repeat.hole->id] = current;
		if (!plan_scope(p, node->as.repeat.body))
			return false;
		if (p->step_of[node->as.repeat.body->id] == current && node->as.repeat.body == node->as.repeat.hole)
			break; /* an empty body */
		current = p->step_of[node->as.repeat.body->id];
	}
	p->step_of[node->id] = current;
	return true;
}

/* [KR-15] The inner net runs on all copies of a sample; the mean over them has the augmented kernels. */
static bool plan_augment(Planner *p, const Node *node)
{
	FinitePlan *plan = p->plan;
	const Group *group = node->as.augment.group;
	if ((uint64_t)p->copies * group->order > FINITE_MAX_COPIES)
		return refuse(p, node, "its groups make more than 4096 copies of a sample");
	if (plan->group_count == p->group_capacity) {
		p->group_capacity = 2 * p->group_capacity + 4;
		const Group **groups = ARENA_ARRAY(p->arena, const Group *, p->group_capacity);
		if (plan->group_count > 0)
			memcpy(groups, plan->groups, plan->group_count * sizeof *groups);
		plan->groups = groups;
	}
	plan->groups[plan->group_count++] = group;
	p->copies *= group->order;
	if (!plan_scope(p, node->as.augment.inner))
		return false;
	p->copies /= group->order;
	Step *step;
	if (!add_step(p, STEP_AUGMENT, node, 0, &step))
		return false;
	uint32_t inner = p->step_of[node->as.augment.inner->id];
	uint32_t *inputs = ARENA_ARRAY(p->arena, uint32_t, 1);
	inputs[0] = inner;
	step->inputs = inputs;
	step->input_count = 1;
	step->channels = plan->steps[inner].channels;
	step->trained = plan->steps[inner].trained;
	return true;
}

static bool plan_node(Planner *p, const Node *node)
{
	Step *step;
	const char *reason = finite_refusal(node);
	if (reason != NULL)
		return refuse(p, node, reason);
	switch (node->kind) {
	case NODE_INPUT:
		return plan_input(p, node);
	case NODE_HOLE: /* set by its repeat */
		return true;
	case NODE_REPEAT:
		return plan_repeat(p, node);
	case NODE_AUGMENT:
		return plan_augment(p, node);
	case NODE_POINTWISE:
		return add_step(p, STEP_POINTWISE, node, 1, &step);
	case NODE_WEIGHTS:
		return plan_weights(p, node);
	case NODE_MAP:
		return node->as.map.kind == MAP_FLATTEN ? plan_flatten(p, node) : plan_pool(p, node);
	case NODE_SCALING:
		return plan_scaling(p, node);
	case NODE_JOIN:
		return plan_join(p, node);
	case NODE_KIND_COUNT:
		break;
	}
	ICE("a node that is not refused has no step");
}

static bool plan_scope(Planner *p, const Node *output)
{
	for (uint32_t id = p->scopes.first[output->id]; id <= output->id; id++)
		if (p->scopes.output[id] == output && !plan_node(p, p->plan->network->nodes[id]))
			return false;
	return true;
}

/* Counts are asked for with any width later: none may be absurd. */
static bool check_channels(Planner *p)
{
	for (uint32_t s = 0; s < p->plan->step_count; s++) {
		Step *step = &p->plan->steps[s];
		if (!channels_unify(p->arena, &p->plan->channels, step->channels, step->channels))
			return refuse(p, step->node, TOO_MANY_CHANNELS);
	}
	return true;
}

FinitePlan *finite_plan(Arena *arena, const Network *network, char **refusal)
{
	uint32_t count = network->node_count;
	FinitePlan *plan = ARENA_NEW(arena, FinitePlan);
	plan->network = network;
	Planner p = {.arena = arena, .plan = plan, .copies = 1, .refusal = refusal};
	p.scopes = network_scopes(arena, network, network->output);
	p.step_of = ARENA_ARRAY(arena, uint32_t, count);
	p.taps = ARENA_ARRAY(arena, TapMaps *, count);
	p.matrix = ARENA_ARRAY(arena, PoolMatrix *, count);
	*refusal = NULL;
	if (!plan_scope(&p, network->output) || !check_channels(&p))
		return NULL;
	/* The output is the last step but for an empty pipeline behind it: an identity. */
	plan->step_count = p.step_of[network->output->id] + 1;
	return plan;
}
