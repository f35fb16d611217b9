/* Layers of PLANNED rows: what they need and what they leave (math.md 6 to 9), but no kernel in this version. */
#include "network/sema_internal.h"

static void fail(Flow *flow)
{
	flow->poison = true;
}

/* ---- arguments for the table ---------------------------------------------------------------------------------- */

typedef struct ArgList {
	PlannedArg *list;
	uint32_t count, capacity;
} ArgList;

static void push_arg(Checker *ch, ArgList *args, PlannedArg arg)
{
	if (args->count == args->capacity) {
		uint32_t capacity = 2 * args->capacity + 4;
		PlannedArg *list = ARENA_ARRAY(ch->arena, PlannedArg, capacity);
		for (uint32_t i = 0; i < args->count; i++)
			list[i] = args->list[i];
		args->list = list;
		args->capacity = capacity;
	}
	args->list[args->count++] = arg;
}

/* A list of numbers gives "c0", "c1", ..; one of choices a text. */
static void push_list(Checker *ch, ArgList *args, const char *name, const Value *value)
{
	const char *text = "[";
	for (uint32_t i = 0; i < value->as.list.expr->as.list.count; i++) {
		const Value *item = &value->as.list.items[i];
		if (item->kind == VALUE_NUMBER)
			push_arg(ch, args, (PlannedArg){arena_printf(ch->arena, "c%u", i), item->as.number, NULL});
		else
			text = arena_printf(ch->arena, "%s%s%s", text, i == 0 ? "" : ", ",
					    sema_choice_name(item->choice));
	}
	if (value->as.list.expr->as.list.count == 0 || value->as.list.items[0].kind == VALUE_CHOICE)
		push_arg(ch, args, (PlannedArg){name, NULL, arena_printf(ch->arena, "%s]", text)});
}

static void append(Checker *ch, const LayerCall *call, Flow *flow, Type type, bool nonlinear)
{
	ArgList args = {0};
	for (uint32_t i = 0; call->layer->args[i] != ARG_COUNT; i++) {
		const Value *value = &call->args[i].value;
		const char *name = sema_arg_name(call->layer->args[i]);
		if (!call->args[i].given)
			continue;
		if (value->kind == VALUE_NUMBER)
			push_arg(ch, &args, (PlannedArg){name, value->as.number, NULL});
		else if (value->kind == VALUE_CHOICE)
			push_arg(ch, &args, (PlannedArg){name, NULL, sema_choice_name(value->choice)});
		else if (value->kind == VALUE_LIST)
			push_list(ch, &args, name, value);
	}
	flow->node = sema_new_node(ch, NODE_PLANNED, call->span, call->label, flow->node, type);
	flow->node->as.planned.args = args.list;
	flow->node->as.planned.arg_count = args.count;
	flow->node->as.planned.nonlinear = nonlinear;
}

/* ---- nonlinearities ------------------------------------------------------------------------------------------- */

static void append_nonlinearity(Checker *ch, const LayerCall *call, Flow *flow, bool odd)
{
	if (!sema_needs_gaussian(ch, call, flow))
		return;
	Type type = flow->node->type;
	type.gaussian = false;
	type.centred = type.centred && odd;
	append(ch, call, flow, type, true);
}

void sema_apply_pointwise(Checker *ch, const LayerCall *call, Flow *flow)
{
	append_nonlinearity(ch, call, flow, false);
}

static bool is_zero(const Scalar *number)
{
	return number == NULL || (scalar_is_const(number) && number->value == 0);
}

void sema_apply_pointwise_odd(Checker *ch, const LayerCall *call, Flow *flow)
{
	const Scalar *shift = NULL;
	for (uint32_t i = 0; call->layer->args[i] != ARG_COUNT; i++)
		if (call->layer->args[i] == ARG_C)
			sema_arg_real(call, ARG_C, &shift);
	append_nonlinearity(ch, call, flow, is_zero(shift));
}

/* x^n, and the Hermite function of degree n. */
void sema_apply_power(Checker *ch, const LayerCall *call, Flow *flow)
{
	uint64_t degree = 0;
	if (!sema_arg_integer(ch, call, ARG_DEGREE, 0, LIMIT_DEGREE, &degree))
		fail(flow);
	else
		append_nonlinearity(ch, call, flow, degree % 2 == 1);
}

void sema_apply_rectified(Checker *ch, const LayerCall *call, Flow *flow)
{
	append_nonlinearity(ch, call, flow, false);
}

void sema_apply_polynomial(Checker *ch, const LayerCall *call, Flow *flow)
{
	const ArgValue *coefficients = sema_arg(call, ARG_COEFFICIENTS);
	uint32_t count = coefficients->value.as.list.expr->as.list.count;
	if (count < 1 || count > LIMIT_DEGREE + 1) {
		sema_error(ch, coefficients->span, "E0305", "a polynomial has 1 to %u coefficients, found %u",
			   LIMIT_DEGREE + 1, count);
		fail(flow);
		return;
	}
	bool odd = true;
	for (uint32_t i = 0; i < count; i += 2)
		odd = odd && is_zero(coefficients->value.as.list.items[i].as.number);
	append_nonlinearity(ch, call, flow, odd);
}

/* ---- normalisation -------------------------------------------------------------------------------------------- */

static bool axis_exists(const Type *type, Choice axis)
{
	if (axis == CHOICE_ELEMENTS)
		return type->domain == DOMAIN_GROUP_GRID || type->domain == DOMAIN_GROUP;
	return type->domain == DOMAIN_GROUP_GRID || type->domain == DOMAIN_GRID;
}

static bool check_axis(Checker *ch, const Type *type, Choice axis, Span span)
{
	if (axis_exists(type, axis))
		return true;
	return sema_error(ch, span, "E0506", "%s has no %s to normalise over", type_text(ch->arena, type),
			  sema_choice_name(axis));
}

void sema_apply_layernorm(Checker *ch, const LayerCall *call, Flow *flow)
{
	const ArgValue *over = sema_arg(call, ARG_AXES);
	const Type *type = &flow->node->type;
	bool ok = true;
	if (over->given && over->value.kind == VALUE_CHOICE)
		ok = check_axis(ch, type, over->value.choice, over->span);
	for (uint32_t i = 0;
	     over->given && over->value.kind == VALUE_LIST && i < over->value.as.list.expr->as.list.count; i++)
		ok = check_axis(ch, type, over->value.as.list.items[i].choice,
				over->value.as.list.expr->as.list.items[i]->span) &&
		     ok;
	if (!ok)
		fail(flow);
	else if (sema_needs_gaussian(ch, call, flow))
		append(ch, call, flow, flow->node->type, false);
}

void sema_apply_dropout(Checker *ch, const LayerCall *call, Flow *flow)
{
	const ArgValue *keep = sema_arg(call, ARG_KEEP);
	Choice mode = CHOICE_TRAIN;
	Type type = flow->node->type;
	double rate = keep->value.as.number->value;
	if (!(rate > 0 && rate <= 1)) {
		sema_error(ch, keep->span, "E0305", "keep must be above 0 and at most 1, found %g", rate);
		fail(flow);
		return;
	}
	if (type.theta_zero) {
		sema_error(ch, call->span, "E0507", "\"dropout\" stands on the raw input");
		diag_hint(ch->diag, "Insert a weight layer before \"dropout\".");
		fail(flow);
		return;
	}
	sema_arg_choice(call, ARG_MODE, &mode);
	type.gaussian = type.gaussian && mode == CHOICE_TEST;
	append(ch, call, flow, type, false);
}

/* ---- concatenation -------------------------------------------------------------------------------------------- */

void sema_apply_concat_layer(Checker *ch, const LayerCall *call, Flow *flow)
{
	const ArgValue *given = sema_arg(call, ARG_AXIS);
	uint64_t axis = CONCAT_CHANNELS;
	if (sema_arg_integer(ch, call, ARG_AXIS, 0, GRID_MAX_DIM - 1, &axis))
		sema_apply_concat(ch, call, (uint32_t)axis, given->span, flow);
	else
		fail(flow);
}
