/* Nonlinearities: what the rows of nonlinearities.def say of the language. */
#include "network/nonlinearity.h"
#include "network/sema/internal.h"

/* ---- the arguments of a function ------------------------------------------------------------------------------ */

/* Filled by the formulas of a row. */
struct PointwiseValues {
	Arena *arena;
	const LayerCall *call;
	const Nonlinearity *f;
	const Scalar **args;
	uint32_t count;
};

/* The i-th argument of the layer, or its default. */
static const Scalar *given(const PointwiseValues *v, uint32_t i, double otherwise)
{
	const ArgValue *arg = &v->call->args[i];
	return arg->given ? arg->value.as.number : scalar_const(v->arena, otherwise);
}

/* As many arguments as the list that the layer takes has numbers. */
static void take_list(PointwiseValues *v)
{
	const Value *list = &v->call->args[0].value;
	v->count = list->as.list.expr->as.list.count;
	v->args = ARENA_ARRAY(v->arena, const Scalar *, v->count + 1u);
	for (uint32_t i = 0; i < v->count; i++)
		v->args[i] = list->as.list.items[i].as.number;
}

/* x^n as a list of coefficients. */
static void take_power(PointwiseValues *v)
{
	uint32_t degree = (uint32_t)v->call->args[0].value.as.number->value;
	v->count = degree + 1;
	v->args = ARENA_ARRAY(v->arena, const Scalar *, v->count);
	for (uint32_t i = 0; i < v->count; i++)
		v->args[i] = scalar_const(v->arena, i == degree);
}

static void take(PointwiseValues *v, const Scalar *const *args, size_t count)
{
	v->count = (uint32_t)count;
	v->args = ARENA_ARRAY(v->arena, const Scalar *, count);
	for (size_t i = 0; i < count; i++)
		v->args[i] = args[i];
}

#define GIVEN(i, otherwise) given(v, i, otherwise)
#define NUMBER(x)           scalar_const(v->arena, x)
#define PLUS(x, y)          scalar_op(v->arena, SCALAR_ADD, x, y, NULL)
#define SCALED(x, n)        scalar_op(v->arena, SCALAR_MUL, x, NUMBER(n), NULL)
#define ROOT(x)             scalar_op(v->arena, SCALAR_SQRT, x, NULL, NULL)
#define VALUES(...)                                   \
	take(v, (const Scalar *const[]){__VA_ARGS__}, \
	     sizeof((const Scalar *const[]){__VA_ARGS__}) / sizeof(const Scalar *))
#define NO_VALUES  (void)v
#define THE_LIST   take_list(v)
#define POWER_LIST take_power(v)

#define FUNCTION(id, arguments, odd, factors, coefficients, operations, low, high)
#define LAYER_NAME(name, id, positional, required, arguments, values) \
	void sema_values_##name(PointwiseValues *v)                   \
	{                                                             \
		v->f = &nonlinearities[NONLINEARITY_##id];            \
		values;                                               \
	}
#include "network/nonlinearities.def"
#undef FUNCTION
#undef LAYER_NAME

/* ---- Gaussian features ---------------------------------------------------------------------------------------- */

/* Which layer made the features non-Gaussian? */
static const Node *culprit(const Node *node)
{
	for (;;) {
		/* while it is filled, a hole knows the node before its repeat */
		const Node *before = node->kind == NODE_HOLE ? node->as.repeat.hole : node->input;
		if (before == NULL || before->type.gaussian)
			return node;
		node = before;
	}
}

bool sema_needs_gaussian(Checker *ch, const LayerCall *call, Flow *flow)
{
	const Type *type = &flow->node->type;
	if (type->gaussian)
		return true;
	const Node *cause = culprit(flow->node);
	const char *insert = type->domain == DOMAIN_VECTOR ? "dense" : "conv or dense";
	if (type->theta_zero)
		sema_error(ch, call->span, "E0507",
			   "\"%s\" needs Gaussian features, the raw input has none before the first weight layer",
			   call->label);
	else if (call->layer->apply == sema_apply_pointwise && cause->kind == NODE_POINTWISE)
		sema_error(ch, call->span, "E0507",
			   "two nonlinearities in a row: \"%s\" needs Gaussian features, \"%s\" leaves none",
			   call->label, cause->label);
	else
		sema_error(ch, call->span, "E0507", "\"%s\" needs Gaussian features, which \"%s\" does not keep",
			   call->label, cause->label);
	if (!type->theta_zero)
		diag_note(ch->diag, cause->span, "\"%s\" stands here", cause->label);
	diag_hint(ch->diag, "Insert a weight layer (%s) before \"%s\".", insert, call->label);
	flow->poison = true;
	return false;
}

void sema_apply_pointwise(Checker *ch, const LayerCall *call, Flow *flow)
{
	PointwiseValues values = {.arena = ch->arena, .call = call};
	if (!sema_needs_gaussian(ch, call, flow))
		return;
	call->layer->values(&values);
	Type type = flow->node->type;
	type.gaussian = false;
	type.centred = type.centred && values.f->odd(values.args, values.count);
	flow->node = sema_new_node(ch, NODE_POINTWISE, call->span, call->label, flow->node, type);
	flow->node->as.pointwise.f = values.f;
	flow->node->as.pointwise.args = values.args;
	flow->node->as.pointwise.arg_count = values.count;
}
