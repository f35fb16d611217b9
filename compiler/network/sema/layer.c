/* One function per layer: checks the input's type and the arguments, appends the node, sets the type of the output.
 *
 * Flags (math.md 9): weight layers make features Gaussian and centred; nonlinearities make them non-Gaussian, and
 * centred no longer unless they are odd; flatten makes them non-Gaussian; pools keep both. */
#include <math.h>

#include "network/sema/internal.h"

/* ---- helpers -------------------------------------------------------------------------------------------------- */

static void fail(Flow *flow)
{
	flow->poison = true;
}

static bool check_elements(Checker *ch, Span span, uint64_t positions, uint64_t factor, const char *of)
{
	if (positions <= LIMIT_ELEMENTS / factor)
		return true;
	return sema_error(ch, span, "E0405", "%s has more than %u elements", of, LIMIT_ELEMENTS);
}

/* Appends a node whose only input is what flows in. */
static Node *append(Checker *ch, NodeKind kind, const LayerCall *call, Flow *flow, Type type)
{
	flow->node = sema_new_node(ch, kind, call->span, call->label, flow->node, type);
	return flow->node;
}

static void wrong_domain(Checker *ch, const LayerCall *call, Flow *flow, const char *wanted, const char *hint)
{
	sema_error(ch, call->span, "E0502", "\"%s\" needs %s, found %s", call->layer->name, wanted,
		   type_text(ch->arena, &flow->node->type));
	if (hint != NULL)
		diag_hint(ch->diag, "%s", hint);
	fail(flow);
}

/* ---- inputs --------------------------------------------------------------------------------------------------- */

static void start(Checker *ch, const LayerCall *call, Flow *flow, Type type)
{
	type.theta_zero = true;
	type.width = type.channels;
	if (ch->input != NULL) /* `augment(G, a)` holds the only input; sums of complete nets are refused earlier */
		ICE("a net has two inputs");
	ch->input = append(ch, NODE_INPUT, call, flow, type);
}

static void apply_vector(Checker *ch, const LayerCall *call, Flow *flow)
{
	uint64_t channels = 0;
	if (!sema_arg_integer(ch, call, ARG_N, 1, LIMIT_ELEMENTS, &channels)) {
		fail(flow);
		return;
	}
	start(ch, call, flow, (Type){.domain = DOMAIN_VECTOR, .shape = {1, 1, 1}, .channels = (uint32_t)channels});
}

static void apply_grid(Checker *ch, const LayerCall *call, Flow *flow, uint32_t dim)
{
	uint64_t channels = 1;
	Type type = {.domain = DOMAIN_GRID, .dim = dim, .shape = {1, 1, 1}};
	bool ok = sema_arg_dims(ch, call, ARG_SHAPE, dim, type.shape) &&
		  sema_arg_integer(ch, call, ARG_CHANNELS, 1, LIMIT_ELEMENTS, &channels);
	uint64_t positions = 1;
	for (uint32_t a = 0; ok && a < dim; a++) {
		ok = check_elements(ch, sema_arg(call, ARG_SHAPE)->span, positions, type.shape[a], "the shape");
		positions *= type.shape[a];
	}
	ok = ok && check_elements(ch, call->span, positions, channels, "the input");
	if (!ok) {
		fail(flow);
		return;
	}
	type.channels = (uint32_t)channels;
	start(ch, call, flow, type);
}

static void apply_signal(Checker *ch, const LayerCall *call, Flow *flow)
{
	apply_grid(ch, call, flow, 1);
}

static void apply_image(Checker *ch, const LayerCall *call, Flow *flow)
{
	apply_grid(ch, call, flow, 2);
}

static void apply_volume(Checker *ch, const LayerCall *call, Flow *flow)
{
	apply_grid(ch, call, flow, 3);
}

static void apply_augment(Checker *ch, const LayerCall *call, Flow *flow)
{
	const ArgValue *symmetry = sema_arg(call, ARG_SYMMETRY), *inner = sema_arg(call, ARG_INNER);
	Node *body = sema_apply_complete(ch, inner->value.as.net, inner->span);
	if (body == NULL) {
		fail(flow);
		return;
	}
	const Type *input = &ch->input->type;
	if (input->domain != DOMAIN_GRID) {
		sema_error(ch, inner->span, "E0510",
			   "\"augment\" needs a net on a signal, image or volume, found one on a %s",
			   type_text(ch->arena, input));
		fail(flow);
		return;
	}
	const Group *group = sema_group_on(ch, symmetry->value.as.group, input->dim, symmetry->span);
	if (group != NULL && !group_keeps_shape(group, input->shape)) {
		sema_error(ch, symmetry->span, "E0510", "%s does not map %s to itself", group->name,
			   type_text(ch->arena, input));
		diag_hint(ch->diag, "Use an input with equal sizes on the axes that the group exchanges.");
		group = NULL;
	}
	if (group == NULL) {
		fail(flow);
		return;
	}
	Node *node = sema_new_node(ch, NODE_AUGMENT, call->span, call->label, NULL, body->type);
	node->as.augment.group = group;
	node->as.augment.inner = body;
	flow->node = node;
	flow->fresh = true;
}

/* ---- weight layers -------------------------------------------------------------------------------------------- */

static Type weighted(Type type)
{
	type.channels = type.width = 0;
	type.gaussian = type.centred = true;
	type.theta_zero = false;
	return type;
}

/* The arguments that all weight layers have, and what follows from them for the type. */
static bool affine_args(Checker *ch, const LayerCall *call, const Flow *flow, Affine *affine, Type *type)
{
	uint64_t width = 0;
	if (!sema_arg_affine(ch, call, affine) || !sema_arg_integer(ch, call, ARG_WIDTH, 1, LIMIT_ELEMENTS, &width))
		return false;
	if (affine->standard && flow->node->type.width == 0) {
		sema_error(ch, call->span, "E0515",
			   "\"%s\" in the standard parameterization depends on the width of the layer before it",
			   call->layer->name);
		diag_hint(ch->diag, "Write width = n at the weight layer before it.");
		return false;
	}
	if (width <= LIMIT_ELEMENTS / affine->s[1])
		type->width = (uint32_t)width * affine->s[1];
	return true;
}

static Node *append_weights(Checker *ch, Relation relation, const LayerCall *call, Flow *flow, Type type,
			    const Affine *affine)
{
	Node *node = append(ch, NODE_WEIGHTS, call, flow, type);
	node->as.weights.relation = relation;
	node->as.weights.affine = *affine;
	flow->fresh = true;
	return node;
}

static void apply_dense(Checker *ch, const LayerCall *call, Flow *flow)
{
	Affine affine;
	Type type = weighted(flow->node->type);
	if (affine_args(ch, call, flow, &affine, &type))
		append_weights(ch, RELATION_OWN, call, flow, type, &affine);
	else
		fail(flow);
}

/* math.md 4.2: p(t) + rho(r) y is a position for every r only if dilation (f - 1) is even or odd alike on axes that H
 * exchanges. */
static bool offsets_are_integers(Checker *ch, const LayerCall *call, const Group *group, const Window *window)
{
	for (uint32_t a = 0; a < group->dim; a++) {
		for (uint32_t b = a + 1; b < group->dim; b++) {
			uint64_t reach_a = (uint64_t)window->dilation[a] * (window->size[a] - 1u);
			uint64_t reach_b = (uint64_t)window->dilation[b] * (window->size[b] - 1u);
			if (!group_exchanges(group, a, b) || (reach_a + reach_b) % 2 == 0)
				continue;
			sema_error(ch, sema_arg(call, ARG_FILTER)->span, "E0504",
				   "%s exchanges axes %u and %u, where this filter reaches over %llu and %llu cells: "
				   "turned about "
				   "its centre it falls between positions",
				   group->name, a, b, (unsigned long long)reach_a + 1, (unsigned long long)reach_b + 1);
			return diag_hint(ch->diag, "Use lengths that are both odd or both even on these axes."), false;
		}
	}
	return true;
}

/* Conv, lift and group conv on a grid. `lifted`: NULL for a plain convolution on a grid. */
static void apply_filter(Checker *ch, const LayerCall *call, Flow *flow, Relation relation, const Group *group)
{
	Type type = weighted(flow->node->type);
	Window window;
	Support support;
	Affine affine;
	if (!sema_arg_given(call, ARG_FILTER)) {
		sema_error(ch, call->span, "E0303", "\"%s\" on %s needs a filter", call->layer->name,
			   type_text(ch->arena, &flow->node->type));
		diag_hint(ch->diag, "Write the filter's size, as in %s(%s3x3).", call->layer->name,
			  relation == RELATION_LIFT ? "C4, " : "");
		fail(flow);
		return;
	}
	bool ok = sema_window(ch, call, ARG_FILTER, &flow->node->type, PADDING_SAME, false, &window, type.shape);
	ok = ok && (group == NULL || offsets_are_integers(ch, call, group, &window));
	ok = ok && sema_support(ch, call, &window, type.dim, relation == RELATION_GROUP ? group : NULL, &support);
	if (ok && group != NULL) {
		type.domain = DOMAIN_GROUP_GRID;
		type.group = group;
		ok = check_elements(ch, call->span, type_positions(&type), group->order, "the lifted domain");
	}
	if (!ok || !affine_args(ch, call, flow, &affine, &type)) {
		fail(flow);
		return;
	}
	Node *node = append_weights(ch, relation, call, flow, type, &affine);
	node->as.weights.window = window;
	node->as.weights.support = support;
}

/* On a bare H the taps are the elements alone. */
static void apply_bare_conv(Checker *ch, const LayerCall *call, Flow *flow)
{
	static const LayerArg refused[] = {ARG_FILTER, ARG_STRIDE, ARG_DILATION, ARG_PADDING, ARG_MASK};
	Type type = weighted(flow->node->type);
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		const ArgValue *arg = sema_arg(call, refused[i]);
		if (!arg->at_call)
			continue;
		sema_error(ch, arg->span, "E0505", "\"conv\" on %s, which has no positions, takes no %s",
			   type.group->name, sema_arg_name(refused[i]));
		diag_hint(ch->diag, "Write conv alone, or conv(elements = [...]).");
		fail(flow);
		return;
	}
	Window window = {.size = {1, 1, 1}, .stride = {1, 1, 1}, .dilation = {1, 1, 1}, .padding = PADDING_VALID};
	Support support;
	Affine affine;
	if (!sema_support(ch, call, &window, type.dim, type.group, &support) ||
	    !affine_args(ch, call, flow, &affine, &type)) {
		fail(flow);
		return;
	}
	Node *node = append_weights(ch, RELATION_GROUP, call, flow, type, &affine);
	node->as.weights.window = window;
	node->as.weights.support = support;
}

static void apply_conv(Checker *ch, const LayerCall *call, Flow *flow)
{
	const Type *type = &flow->node->type;
	switch (type->domain) {
	case DOMAIN_VECTOR:
		wrong_domain(ch, call, flow, "a grid or a group", "On a vector use dense.");
		return;
	case DOMAIN_GRID:
		if (sema_arg(call, ARG_SUPPORT)->given) {
			sema_error(ch, sema_arg(call, ARG_SUPPORT)->span, "E0505",
				   "\"conv\" on %s, which has no group elements, takes no elements",
				   type_text(ch->arena, type));
			diag_hint(ch->diag, "Insert a lift before this layer.");
			fail(flow);
			return;
		}
		apply_filter(ch, call, flow, RELATION_CONV, NULL);
		return;
	case DOMAIN_GROUP_GRID:
		apply_filter(ch, call, flow, RELATION_GROUP, type->group);
		return;
	case DOMAIN_GROUP:
		apply_bare_conv(ch, call, flow);
		return;
	}
	ICE("unknown domain");
}

static void apply_lift(Checker *ch, const LayerCall *call, Flow *flow)
{
	const Type *type = &flow->node->type;
	const ArgValue *symmetry = sema_arg(call, ARG_SYMMETRY);
	if (type->domain != DOMAIN_GRID) {
		bool lifted = type->domain == DOMAIN_GROUP_GRID;
		wrong_domain(ch, call, flow, "a signal, image or volume",
			     lifted ? "The features are lifted already: conv is the group convolution here; "
				      "pool(over = elements) leads back to the grid."
				    : NULL);
		return;
	}
	const Group *group = sema_group_on(ch, symmetry->value.as.group, type->dim, symmetry->span);
	if (group == NULL) {
		fail(flow);
		return;
	}
	apply_filter(ch, call, flow, RELATION_LIFT, group);
}

/* ---- pools and flatten ---------------------------------------------------------------------------------------- */

static Node *append_map(Checker *ch, MapKind kind, const LayerCall *call, Flow *flow, Type type)
{
	Node *node = append(ch, NODE_MAP, call, flow, type);
	node->as.map.kind = kind;
	return node;
}

static void apply_window_pool(Checker *ch, const LayerCall *call, Flow *flow, bool mean)
{
	Type type = flow->node->type;
	Window window;
	Choice normalize = CHOICE_FALSE;
	if (!type_has_positions(&type)) {
		wrong_domain(ch, call, flow, "a grid", NULL);
		return;
	}
	if (!sema_window(ch, call, ARG_WINDOW, &flow->node->type, PADDING_VALID, true, &window, type.shape)) {
		fail(flow);
		return;
	}
	if (mean)
		sema_arg_choice(call, ARG_NORMALIZE_EDGES, &normalize);
	Node *node = append_map(ch, MAP_WINDOW, call, flow, type);
	node->as.map.window = window;
	node->as.map.mean = mean;
	node->as.map.normalize_edges = normalize == CHOICE_TRUE;
}

static void apply_avgpool(Checker *ch, const LayerCall *call, Flow *flow)
{
	apply_window_pool(ch, call, flow, true);
}

static void apply_sumpool(Checker *ch, const LayerCall *call, Flow *flow)
{
	apply_window_pool(ch, call, flow, false);
}

static Type as_vector(Type type)
{
	return (Type){
		.domain = DOMAIN_VECTOR,
		.shape = {1, 1, 1},
		.channels = type.channels,
		.width = type.width,
		.gaussian = type.gaussian,
		.centred = type.centred,
		.theta_zero = type.theta_zero,
	};
}

static void apply_global_pool(Checker *ch, const LayerCall *call, Flow *flow, bool mean)
{
	Type type = flow->node->type;
	Choice over = CHOICE_EVERYTHING;
	sema_arg_choice(call, ARG_OVER, &over);
	if (type.domain == DOMAIN_VECTOR) {
		wrong_domain(ch, call, flow, "positions or group elements to run over",
			     "The features are a vector already: leave the pool out.");
		return;
	}
	bool has_elements = type.domain != DOMAIN_GRID;
	if ((over == CHOICE_ELEMENTS && !has_elements) || (over == CHOICE_POSITIONS && !type_has_positions(&type))) {
		sema_error(ch, sema_arg(call, ARG_OVER)->span, "E0506", "%s has no %s to pool over",
			   type_text(ch->arena, &type), sema_choice_name(over));
		fail(flow);
		return;
	}
	/* With only positions or only elements, these are everything. */
	PoolOver pool = POOL_EVERYTHING;
	if (over == CHOICE_POSITIONS && has_elements)
		pool = POOL_POSITIONS;
	if (over == CHOICE_ELEMENTS && type_has_positions(&type))
		pool = POOL_ELEMENTS;
	if (pool == POOL_EVERYTHING) {
		type = as_vector(type);
	} else if (pool == POOL_ELEMENTS) {
		type.domain = DOMAIN_GRID;
		type.group = NULL;
	} else {
		type.domain = DOMAIN_GROUP;
		for (uint32_t a = 0; a < GRID_MAX_DIM; a++)
			type.shape[a] = 1;
	}
	Node *node = append_map(ch, MAP_POOL, call, flow, type);
	node->as.map.over = pool;
	node->as.map.mean = mean;
}

static void apply_pool(Checker *ch, const LayerCall *call, Flow *flow)
{
	apply_global_pool(ch, call, flow, true);
}

static void apply_sum_pool(Checker *ch, const LayerCall *call, Flow *flow)
{
	apply_global_pool(ch, call, flow, false);
}

static void apply_flatten(Checker *ch, const LayerCall *call, Flow *flow)
{
	Type type = as_vector(flow->node->type);
	type.gaussian = false;
	type.channels *= (uint32_t)type_positions(&flow->node->type); /* checked at the input: at most 2^31 - 1 */
	uint64_t indices = type_size(&flow->node->type);
	type.width = type.width <= LIMIT_ELEMENTS / indices ? type.width * (uint32_t)indices : 0;
	append_map(ch, MAP_FLATTEN, call, flow, type);
}

static void apply_identity(Checker *ch, const LayerCall *call, Flow *flow)
{
	(void)ch;
	(void)call;
	(void)flow; /* adds no node */
}

static void apply_skip(Checker *ch, const LayerCall *call, Flow *flow)
{
	sema_apply_skip(ch, sema_arg(call, ARG_INNER)->value.as.net, call->span, flow);
}

/* ---- the table ------------------------------------------------------------------------------------------------ */

const LayerRow sema_layers[] = {
#define LAYER(name, role, apply, positional, required, ...) \
	{name, role, apply, positional, required, {__VA_ARGS__, ARG_COUNT}, NULL},
#define LATER(name, role) {name, role, NULL, 0, 0, {ARG_COUNT}, NULL},
#include "network/sema/layers.def"
#undef LAYER
#undef LATER
#define FUNCTION(id, arguments, odd, factors, coefficients, operations, low, high)
#define TAKES(...) __VA_ARGS__
#define LAYER_NAME(name, id, positional, required, takes, ...) \
	{#name, ROLE_LAYER, sema_apply_pointwise, positional, required, {takes, ARG_COUNT}, sema_values_##name},
#include "network/nonlinearities.def"
#undef FUNCTION
#undef LAYER_NAME
};

const uint32_t sema_layer_count = sizeof sema_layers / sizeof sema_layers[0];
