/* Normalisation and dropout, which multiply what arrives by numbers made of a sample's own variances; concatenation. */
#include "network/sema/internal.h"

static void fail(Flow *flow)
{
	flow->poison = true;
}

/* ---- normalisation -------------------------------------------------------------------------------------------- */

static bool axis_exists(const Type *type, Choice axis)
{
	return axis == CHOICE_ELEMENTS ? type_has_elements(type) : type_has_positions(type);
}

static bool check_axis(Checker *ch, const Type *type, Choice axis, Span span)
{
	if (axis_exists(type, axis))
		return true;
	return sema_error(ch, span, "E0506", "%s has no %s to normalise over", type_text(ch->arena, type),
			  sema_choice_name(axis));
}

static void append(Checker *ch, const LayerCall *call, Flow *flow, ScalingKind kind, Type type)
{
	flow->node = sema_new_node(ch, NODE_SCALING, call->span, call->label, flow->node, type);
	flow->node->as.scaling.kind = kind;
}

void sema_apply_layernorm(Checker *ch, const LayerCall *call, Flow *flow)
{
	const ArgValue *over = sema_arg(call, ARG_AXES);
	const Type *type = &flow->node->type;
	const Scalar *eps = scalar_const(ch->arena, 1e-12);
	bool positions = false, elements = false, ok = true;
	uint32_t count = !over->given                       ? 0
			 : over->value.kind == VALUE_CHOICE ? 1
							    : over->value.as.list.expr->as.list.count;
	for (uint32_t i = 0; i < count; i++) {
		bool single = over->value.kind == VALUE_CHOICE;
		Choice axis = single ? over->value.choice : over->value.as.list.items[i].choice;
		ok = check_axis(ch, type, axis,
				single ? over->span : over->value.as.list.expr->as.list.items[i]->span) &&
		     ok;
		positions = positions || axis == CHOICE_POSITIONS;
		elements = elements || axis == CHOICE_ELEMENTS;
	}
	if (!ok)
		fail(flow);
	if (!ok || !sema_needs_gaussian(ch, call, flow))
		return;
	sema_arg_real(call, ARG_EPS, &eps);
	append(ch, call, flow, SCALING_LAYERNORM, flow->node->type);
	flow->node->as.scaling.eps = eps;
	flow->node->as.scaling.positions = positions;
	flow->node->as.scaling.elements = elements;
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
	append(ch, call, flow, SCALING_DROPOUT, type);
	flow->node->as.scaling.keep = keep->value.as.number;
	flow->node->as.scaling.train = mode == CHOICE_TRAIN;
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
