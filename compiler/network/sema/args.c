/* Arguments of layers: binding to the call or to default(...), kinds, ranges. */
#include <math.h>
#include <string.h>

#include "network/sema/internal.h"

/* ---- what an argument accepts --------------------------------------------------------------------------------- */

typedef enum ArgKind {
	WANT_SIZE,
	WANT_COUNT,
	WANT_REAL,
	WANT_STD,
	WANT_CHOICE,
	WANT_MASK,
	WANT_LIST,
	WANT_INDEX,
	WANT_AXES,
	WANT_MULTIPLIERS,
	WANT_NUMBERS,
	WANT_GROUP,
	WANT_NET
} ArgKind;

static ArgKind arg_kind(LayerArg arg)
{
	switch (arg) {
	case ARG_SHAPE:
	case ARG_FILTER:
	case ARG_WINDOW:
	case ARG_STRIDE:
	case ARG_DILATION:
		return WANT_SIZE;
	case ARG_CHANNELS:
	case ARG_BANDLIMIT:
	case ARG_NODES:
	case ARG_N:
	case ARG_WIDTH:
		return WANT_COUNT;
	case ARG_ALPHA:
	case ARG_A:
	case ARG_B:
	case ARG_C:
	case ARG_KEEP:
	case ARG_SHIFT:
		return WANT_REAL;
	case ARG_WEIGHT_STD:
	case ARG_BIAS_STD:
	case ARG_GAMMA:
	case ARG_EPS:
		return WANT_STD;
	case ARG_PADDING:
	case ARG_NORMALIZE_EDGES:
	case ARG_OVER:
	case ARG_PARAMETERIZATION:
	case ARG_MODE:
		return WANT_CHOICE;
	case ARG_MASK:
		return WANT_MASK;
	case ARG_SUPPORT:
		return WANT_LIST;
	case ARG_S:
		return WANT_MULTIPLIERS;
	case ARG_AXES:
		return WANT_AXES;
	case ARG_AXIS:
	case ARG_DEGREE:
		return WANT_INDEX;
	case ARG_COEFFICIENTS:
		return WANT_NUMBERS;
	case ARG_SYMMETRY:
		return WANT_GROUP;
	case ARG_INNER:
	case ARG_BRANCHES:
		return WANT_NET;
	case ARG_COUNT:
		break;
	}
	ICE("no such argument");
}

static bool choice_fits(LayerArg arg, Choice choice)
{
	switch (arg) {
	case ARG_PADDING:
		return choice == CHOICE_VALID || choice == CHOICE_SAME || choice == CHOICE_CIRCULAR;
	case ARG_NORMALIZE_EDGES:
		return choice == CHOICE_TRUE || choice == CHOICE_FALSE;
	case ARG_OVER:
		return choice == CHOICE_EVERYTHING || choice == CHOICE_POSITIONS || choice == CHOICE_ELEMENTS;
	case ARG_PARAMETERIZATION:
		return choice == CHOICE_NTK || choice == CHOICE_STANDARD;
	case ARG_MODE:
		return choice == CHOICE_TRAIN || choice == CHOICE_TEST;
	case ARG_AXES:
		return choice == CHOICE_POSITIONS || choice == CHOICE_ELEMENTS;
	default: /* the others take no choice */
		return false;
	}
}

static const char *choices_text(LayerArg arg)
{
	if (arg == ARG_PADDING)
		return "valid, same or circular";
	if (arg == ARG_NORMALIZE_EDGES)
		return "true or false";
	if (arg == ARG_MODE)
		return "train or test";
	if (arg == ARG_AXES)
		return "positions, elements or a list of these";
	return arg == ARG_OVER ? "everything, positions or elements" : "ntk or standard";
}

static bool check_choice(Checker *ch, LayerArg arg, const Value *value, Span span)
{
	if (value->kind != VALUE_CHOICE || !choice_fits(arg, value->choice)) {
		if (value->kind == VALUE_CHOICE)
			return sema_error(ch, span, "E0307", "%s is %s, found \"%s\"", sema_arg_name(arg),
					  choices_text(arg), sema_choice_name(value->choice));
		return sema_wrong_kind(ch, span, sema_arg_name(arg), choices_text(arg), value->kind);
	}
	return true;
}

static bool check_axes(Checker *ch, const Value *value, Span span)
{
	if (value->kind != VALUE_LIST)
		return check_choice(ch, ARG_AXES, value, span);
	for (uint32_t i = 0; i < value->as.list.expr->as.list.count; i++) {
		const Value *item = &value->as.list.items[i];
		Span place = value->as.list.expr->as.list.items[i]->span;
		if (item->kind == VALUE_POISON || !check_choice(ch, ARG_AXES, item, place))
			return false;
		for (uint32_t k = 0; k < i; k++) /* at most two differ: this ends at the third */
			if (value->as.list.items[k].choice == item->choice)
				return sema_error(ch, place, "E0310", "over lists \"%s\" twice",
						  sema_choice_name(item->choice));
	}
	return true;
}

static bool check_numbers(Checker *ch, LayerArg arg, const Value *value, Span span)
{
	if (value->kind != VALUE_LIST)
		return sema_wrong_kind(ch, span, sema_arg_name(arg), "a list of numbers", value->kind);
	for (uint32_t i = 0; i < value->as.list.expr->as.list.count; i++) {
		const Value *item = &value->as.list.items[i];
		if (item->kind != VALUE_NUMBER)
			return sema_wrong_kind(ch, value->as.list.expr->as.list.items[i]->span, sema_arg_name(arg),
					       "numbers", item->kind);
	}
	return true;
}

static bool check_coefficients(Checker *ch, const Value *value, Span span)
{
	if (!check_numbers(ch, ARG_COEFFICIENTS, value, span))
		return false;
	uint32_t count = value->as.list.expr->as.list.count;
	if (count >= 1 && count <= LIMIT_DEGREE + 1)
		return true;
	return sema_error(ch, span, "E0305", "a polynomial has 1 to %u coefficients, found %u", LIMIT_DEGREE + 1,
			  count);
}

static bool check_multipliers(Checker *ch, const Value *value, Span span)
{
	if (!check_numbers(ch, ARG_S, value, span))
		return false;
	const AstExpr *list = value->as.list.expr;
	if (list->as.list.count != 2)
		return sema_error(ch, span, "E0311", "s is a list of two integers, found %u", list->as.list.count);
	for (uint32_t i = 0; i < 2; i++) {
		uint64_t ignored;
		if (!sema_integer(ch, list->as.list.items[i]->span, value->as.list.items[i].as.number, "s", 1,
				  LIMIT_ELEMENTS, &ignored))
			return false;
	}
	return true;
}

static bool check_std(Checker *ch, LayerArg arg, const Value *value, Span span)
{
	if (arg == ARG_BIAS_STD && value->kind == VALUE_CHOICE && value->choice == CHOICE_NONE)
		return true;
	if (value->kind != VALUE_NUMBER)
		return sema_wrong_kind(ch, span, sema_arg_name(arg), "a number", value->kind);
	if (value->as.number->value < 0)
		return sema_error(ch, span, "E0305", "%s must be at least 0, found %g", sema_arg_name(arg),
				  value->as.number->value);
	return true;
}

bool sema_check_arg(Checker *ch, LayerArg arg, const Value *value, Span span)
{
	const char *name = sema_arg_name(arg);
	uint64_t count = 0;
	if (value->kind == VALUE_POISON)
		return false;
	switch (arg_kind(arg)) {
	case WANT_SIZE:
		if (value->kind != VALUE_DIMS && value->kind != VALUE_NUMBER)
			return sema_wrong_kind(ch, span, name, "dims or an integer", value->kind);
		return value->kind == VALUE_DIMS ||
		       sema_integer(ch, span, value->as.number, name, 1, LIMIT_ELEMENTS, &count);
	case WANT_COUNT:
		if (value->kind != VALUE_NUMBER)
			return sema_wrong_kind(ch, span, name, "an integer", value->kind);
		return sema_integer(ch, span, value->as.number, name, 1, LIMIT_ELEMENTS, &count);
	case WANT_REAL:
		return value->kind == VALUE_NUMBER || sema_wrong_kind(ch, span, name, "a number", value->kind);
	case WANT_STD:
		return check_std(ch, arg, value, span);
	case WANT_CHOICE:
		return check_choice(ch, arg, value, span);
	case WANT_MASK:
		return value->kind == VALUE_STRING || value->kind == VALUE_LIST ||
		       sema_wrong_kind(ch, span, name, "a string or a list of strings", value->kind);
	case WANT_LIST:
		return value->kind == VALUE_LIST || sema_wrong_kind(ch, span, name, "a list", value->kind);
	case WANT_INDEX:
		if (value->kind != VALUE_NUMBER)
			return sema_wrong_kind(ch, span, name, "an integer", value->kind);
		return sema_integer(ch, span, value->as.number, name, 0,
				    arg == ARG_DEGREE ? LIMIT_DEGREE : GRID_MAX_DIM - 1, &count);
	case WANT_AXES:
		return check_axes(ch, value, span);
	case WANT_MULTIPLIERS:
		return check_multipliers(ch, value, span);
	case WANT_NUMBERS:
		return check_coefficients(ch, value, span);
	case WANT_GROUP:
		return value->kind == VALUE_GROUP || sema_wrong_kind(ch, span, name, "a group", value->kind);
	case WANT_NET:
		return value->kind == VALUE_NET || sema_wrong_kind(ch, span, name, "a net", value->kind);
	}
	ICE("unknown kind of argument");
}

/* ---- binding -------------------------------------------------------------------------------------------------- */

static const AstArg *find_at_call(const LayerRow *layer, const AstExpr *expr, uint32_t index)
{
	for (uint32_t i = 0; i < expr->as.name.arg_count; i++) {
		const AstArg *arg = &expr->as.name.args[i];
		if (arg->name == NULL ? i == index && index < layer->positional
				      : strcmp(arg->name, sema_arg_name(layer->args[index])) == 0)
			return arg;
	}
	return NULL;
}

static void bind_default(const Scope *scope, LayerArg arg, ArgValue *out)
{
	for (const Defaults *d = scope->defaults; d != NULL; d = d->older) {
		if (d->arg == arg) {
			*out = (ArgValue){.value = d->value, .span = d->span, .given = true};
			return;
		}
	}
}

/* The arguments without a name. */
static void bind_branches(Checker *ch, const Scope *scope, const AstExpr *expr, LayerCall *call)
{
	ArgValue *branches = ARENA_ARRAY(ch->arena, ArgValue, expr->as.name.arg_count);
	for (uint32_t i = 0; i < expr->as.name.arg_count; i++) {
		const AstExpr *value = expr->as.name.args[i].value;
		if (expr->as.name.args[i].name != NULL)
			continue;
		ArgValue *out = &branches[call->branch_count++];
		*out = (ArgValue){.span = value->span, .given = true, .at_call = true};
		out->value = sema_value(ch, scope, value);
		if (!sema_check_arg(ch, ARG_BRANCHES, &out->value, out->span))
			call->poisoned = true;
	}
	call->branches = branches;
	if (call->branch_count < 2)
		call->poisoned = true; /* reported by the pass over names */
}

void sema_bind_args(Checker *ch, const Scope *scope, const LayerRow *layer, const AstExpr *expr, LayerCall *call)
{
	*call = (LayerCall){.layer = layer, .span = expr->span, .label = expr->as.name.name};
	for (uint32_t i = 0; layer->args[i] != ARG_COUNT; i++) {
		if (layer->args[i] == ARG_BRANCHES) {
			bind_branches(ch, scope, expr, call);
			continue;
		}
		ArgValue *out = &call->args[i];
		const AstArg *arg = find_at_call(layer, expr, i);
		if (arg == NULL) {
			if (sema_arg_in_default(layer->args[i]))
				bind_default(scope, layer->args[i], out);
			if (i < layer->required)
				call->poisoned = true; /* reported by the pass over names */
			continue;
		}
		out->span = arg->value->span;
		out->given = out->at_call = true;
		out->value = sema_value(ch, scope, arg->value);
		if (!sema_check_arg(ch, layer->args[i], &out->value, out->span))
			call->poisoned = true;
	}
}

const ArgValue *sema_arg(const LayerCall *call, LayerArg arg)
{
	for (uint32_t i = 0; call->layer->args[i] != ARG_COUNT; i++)
		if (call->layer->args[i] == arg)
			return &call->args[i];
	ICE("layer %s has no argument %s", call->layer->name, sema_arg_name(arg));
}

bool sema_arg_given(const LayerCall *call, LayerArg arg)
{
	return sema_arg(call, arg)->given;
}

/* ---- getters: the values have passed sema_check_arg ----------------------------------------------------------- */

void sema_arg_real(const LayerCall *call, LayerArg arg, const Scalar **out)
{
	const ArgValue *value = sema_arg(call, arg);
	if (value->given)
		*out = value->value.as.number;
}

bool sema_arg_integer(Checker *ch, const LayerCall *call, LayerArg arg, uint64_t low, uint64_t high, uint64_t *out)
{
	const ArgValue *value = sema_arg(call, arg);
	if (!value->given)
		return true;
	return sema_integer(ch, value->span, value->value.as.number, sema_arg_name(arg), low, high, out);
}

bool sema_arg_dims(Checker *ch, const LayerCall *call, LayerArg arg, uint32_t dim, uint32_t *out)
{
	const ArgValue *value = sema_arg(call, arg);
	const char *name = sema_arg_name(arg);
	if (!value->given)
		return true;
	if (value->value.kind == VALUE_NUMBER) {
		uint64_t size = 0;
		if (!sema_integer(ch, value->span, value->value.as.number, name, 1, LIMIT_ELEMENTS, &size))
			return false;
		for (uint32_t a = 0; a < dim; a++)
			out[a] = (uint32_t)size;
		return true;
	}
	const AstExpr *dims = value->value.as.literal;
	if (dims->as.dims.count != dim) {
		sema_error(ch, value->span, "E0308", "%s of \"%s\" needs %u ax%s here, found %u", name,
			   call->layer->name, dim, dim == 1 ? "is" : "es", dims->as.dims.count);
		if (!value->at_call)
			diag_note(ch->diag, call->span, "this layer takes the default");
		diag_hint(ch->diag, "One number stands for all axes.");
		return false;
	}
	for (uint32_t a = 0; a < dim; a++) {
		if (dims->as.dims.size[a] < 1)
			return sema_error(ch, value->span, "E0305",
					  "%s must be at least 1 on every axis, found 0 on axis %u", name, a);
		if (dims->as.dims.size[a] > LIMIT_ELEMENTS)
			return sema_error(ch, value->span, "E0305",
					  "%s must be at most %u on every axis, axis %u has more", name, LIMIT_ELEMENTS,
					  a);
		out[a] = (uint32_t)dims->as.dims.size[a];
	}
	return true;
}

void sema_arg_choice(const LayerCall *call, LayerArg arg, Choice *out)
{
	const ArgValue *value = sema_arg(call, arg);
	if (value->given)
		*out = value->value.choice;
}

bool sema_arg_affine(Checker *ch, const LayerCall *call, Affine *out)
{
	const ArgValue *bias = sema_arg(call, ARG_BIAS_STD), *s = sema_arg(call, ARG_S);
	Choice parameterization = CHOICE_NTK;
	sema_arg_choice(call, ARG_PARAMETERIZATION, &parameterization);
	*out = (Affine){.standard = parameterization == CHOICE_STANDARD, .s = {1, 1}};
	if (!out->standard && s->at_call) {
		sema_error(ch, s->span, "E0311", "s belongs to the standard parameterization");
		diag_hint(ch->diag, "Write parameterization = standard as well, or leave s out.");
		return false;
	}
	for (uint32_t i = 0; i < 2 && out->standard && s->given; i++) /* integers: checked */
		out->s[i] = (uint32_t)s->value.as.list.items[i].as.number->value;
	sema_arg_real(call, ARG_WEIGHT_STD, &out->weight_std);
	if (out->weight_std == NULL)
		out->weight_std = scalar_const(ch->arena, 1.0);
	if (bias->given && bias->value.kind == VALUE_NUMBER)
		out->bias_std = bias->value.as.number;
	return true;
}
