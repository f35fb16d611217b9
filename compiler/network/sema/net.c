/* Pipelines: composition, joins of branches, repeats, uses of defs and nets. */
#include <string.h>

#include "network/sema/internal.h"

/* ---- nodes ---------------------------------------------------------------------------------------------------- */

static bool same_group(const Group *a, const Group *b)
{
	return a == b || (a != NULL && b != NULL && group_equal(a, b));
}

static bool same_place(const Type *a, const Type *b)
{
	return a->domain == b->domain && a->dim == b->dim && memcmp(a->shape, b->shape, sizeof a->shape) == 0 &&
	       same_group(a->group, b->group);
}

static bool same_type(const Type *a, const Type *b)
{
	return same_place(a, b) && a->channels == b->channels && a->gaussian == b->gaussian &&
	       a->centred == b->centred && a->theta_zero == b->theta_zero && a->width == b->width;
}

/* ---- joins ---------------------------------------------------------------------------------------------------- */

typedef struct Branch {
	Flow end;
	Span span;
} Branch;

typedef struct Branches {
	JoinKind kind;
	uint32_t axis; /* JOIN_CONCAT: of the grid, or CONCAT_CHANNELS */
	Span axis_span;
	Flow fork;
	Branch *list;
	uint32_t count, capacity;
} Branches;

static const char *join_text(const Branches *branches)
{
	if (branches->kind == JOIN_SUM)
		return "sum";
	return branches->kind == JOIN_PRODUCT ? "product" : "concatenation";
}

static void push_branch(Checker *ch, Branches *branches, Flow end, Span span)
{
	if (branches->count == branches->capacity) {
		uint32_t capacity = branches->capacity == 0 ? 4 : 2 * branches->capacity;
		Branch *list = ARENA_ARRAY(ch->arena, Branch, capacity);
		if (branches->count > 0)
			memcpy(list, branches->list, branches->count * sizeof *list);
		branches->list = list;
		branches->capacity = capacity;
	}
	branches->list[branches->count++] = (Branch){end, span};
}

/* Sums of sums from the same fork are one sum, and so are products: the rules for branches are the same (math.md 8). */
static void collect_branches(Checker *ch, const Scope *scope, const AstExpr *expr, AstExprKind operation,
			     Branches *branches)
{
	if (!sema_enter(ch, expr->span)) {
		branches->fork.poison = true;
		return;
	}
	const AstExpr *bare = expr;
	while (bare->kind == AST_PAREN)
		bare = bare->as.unary.inner;
	if (bare->kind == operation) {
		size_t base = ch->chain_count;
		for (expr = bare; expr->kind == operation; expr = expr->as.binary.left)
			sema_chain_push(ch, expr);
		collect_branches(ch, scope, expr, operation, branches);
		while (ch->chain_count > base)
			collect_branches(ch, scope, sema_chain_pop(ch)->as.binary.right, operation, branches);
	} else {
		Flow flow = branches->fork;
		flow.fresh = false;
		sema_apply(ch, scope, expr, &flow);
		push_branch(ch, branches, flow, expr->span);
	}
	sema_leave(ch);
}

/* Domains, groups and shapes are equal but for the axis along which branches are concatenated. */
static bool check_places(Checker *ch, const Branches *branches)
{
	const Branch *first = &branches->list[0];
	for (uint32_t i = 1; i < branches->count; i++) {
		const Branch *branch = &branches->list[i];
		Type type = branch->end.node->type;
		if (branches->axis < GRID_MAX_DIM)
			type.shape[branches->axis] = first->end.node->type.shape[branches->axis];
		if (same_place(&type, &first->end.node->type))
			continue;
		sema_error(ch, branch->span, "E0508",
			   "the branches of a %s must end alike: branch %u ends on %s, branch 1 on %s",
			   join_text(branches), i + 1, type_text(ch->arena, &branch->end.node->type),
			   type_text(ch->arena, &first->end.node->type));
		diag_note(ch->diag, first->span, "branch 1 stands here");
		diag_hint(ch->diag, "Give the branches equal filters, strides, paddings and lifts.");
		return false;
	}
	return true;
}

static char *channels_text(Arena *arena, uint32_t channels)
{
	return channels == 0 ? arena_printf(arena, "infinitely many") : arena_printf(arena, "%u", channels);
}

/* The raw input has finitely many channels; there is no finite network that adds it to a layer's output. */
static bool check_channels(Checker *ch, const Branches *branches)
{
	for (uint32_t i = 1; i < branches->count; i++) {
		uint32_t a = branches->list[0].end.node->type.channels, b = branches->list[i].end.node->type.channels;
		if (a == b)
			continue;
		sema_error(ch, branches->list[i].span, "E0508",
			   "the branches of a %s must have equal channels: branch %u has %s, branch 1 has %s",
			   join_text(branches), i + 1, channels_text(ch->arena, b), channels_text(ch->arena, a));
		diag_note(ch->diag, branches->list[0].span, "branch 1 stands here");
		diag_hint(ch->diag,
			  "Put a weight layer (dense, or conv(1x1)) into the branch that carries the raw input.");
		return false;
	}
	return true;
}

/* At most one branch that is not fresh; of sums and along an axis, at most one that is not centred. */
static bool check_independence(Checker *ch, const Branches *branches)
{
	const Branch *stale = NULL, *biased = NULL;
	for (uint32_t i = 0; i < branches->count; i++) {
		const Branch *branch = &branches->list[i];
		if (!branch->end.fresh && stale != NULL) {
			sema_error(ch, branch->span, "E0509",
				   "two branches of this %s depend on each other: neither has a weight layer on every "
				   "path",
				   join_text(branches));
			diag_note(ch->diag, stale->span, "the other branch stands here");
			diag_hint(ch->diag, "Put a weight layer (dense, conv) into one of them.");
			return false;
		}
		bool has_mean = branches->kind != JOIN_PRODUCT && !branch->end.node->type.centred;
		if (has_mean && biased != NULL) {
			sema_error(ch, branch->span, "E0509", "two branches of this %s have a mean that is not zero",
				   join_text(branches));
			diag_note(ch->diag, biased->span, "the other branch stands here");
			diag_hint(ch->diag, "End one of them on a weight layer (dense, conv), or use an odd "
					    "nonlinearity such as erf.");
			return false;
		}
		if (!branch->end.fresh)
			stale = branch;
		if (has_mean)
			biased = branch;
	}
	return true;
}

/* Concatenated channels enter the kernel in proportion to their numbers. */
static bool check_widths(Checker *ch, const Branches *branches)
{
	for (uint32_t i = 0; i < branches->count; i++) {
		if (branches->list[i].end.node->type.width > 0)
			continue;
		sema_error(ch, branches->list[i].span, "E0515",
			   "a concatenation of channels depends on the widths of its branches, branch %u has none",
			   i + 1);
		diag_hint(ch->diag, "Write width = n at the last weight layer of every branch.");
		return false;
	}
	return true;
}

static bool check_concat_axis(Checker *ch, const Branches *branches)
{
	const Type *type = &branches->list[0].end.node->type;
	if (branches->axis == CONCAT_CHANNELS || branches->axis < type_dim(type))
		return true;
	sema_error(ch, branches->axis_span, "E0506", "%s has no axis %u to concatenate along",
		   type_text(ch->arena, type), branches->axis);
	diag_hint(ch->diag, "Axes count from 0; without \"axis\" the channels are concatenated.");
	return false;
}

static bool check_branches(Checker *ch, const Branches *branches)
{
	if (!check_concat_axis(ch, branches) || !check_places(ch, branches))
		return false;
	if (branches->kind == JOIN_CONCAT && branches->axis == CONCAT_CHANNELS)
		return check_widths(ch, branches);
	return check_channels(ch, branches) && check_independence(ch, branches);
}

/* False when the limit is passed (reported). */
static bool concat_type(Checker *ch, const Branches *branches, Type *type)
{
	uint64_t channels = 0, width = 0, cells = 0;
	bool infinite = false;
	for (uint32_t i = 0; i < branches->count; i++) {
		const Type *branch = &branches->list[i].end.node->type;
		infinite = infinite || branch->channels == 0;
		channels += branch->channels;
		width += branch->width;
		cells += branches->axis < GRID_MAX_DIM ? branch->shape[branches->axis] : 0;
	}
	if (branches->axis == CONCAT_CHANNELS) {
		bool fits = width <= LIMIT_ELEMENTS && channels <= LIMIT_ELEMENTS / type_positions(type);
		type->channels = infinite ? 0 : (uint32_t)channels;
		type->width = (uint32_t)width;
		type->gaussian = false;
		return fits || sema_error(ch, branches->list[0].span, "E0405",
					  "the concatenation has more than %u elements", LIMIT_ELEMENTS);
	}
	uint64_t others = type->group != NULL ? type->group->order : type->channels > 0 ? type->channels : 1;
	others *= type_positions(type) / type->shape[branches->axis];
	if (cells > LIMIT_ELEMENTS / others)
		return sema_error(ch, branches->axis_span, "E0405", "the concatenation has more than %u elements",
				  LIMIT_ELEMENTS);
	type->shape[branches->axis] = (uint32_t)cells;
	return true;
}

/* Sums and concatenations keep what all branches have; a product is never Gaussian, and centred with any factor. */
static Type join_type(const Branches *branches)
{
	Type type = branches->list[0].end.node->type;
	for (uint32_t i = 1; i < branches->count; i++) {
		const Type *branch = &branches->list[i].end.node->type;
		type.gaussian = type.gaussian && branch->gaussian;
		type.centred = branches->kind == JOIN_PRODUCT ? type.centred || branch->centred
							      : type.centred && branch->centred;
		type.theta_zero = type.theta_zero && branch->theta_zero;
		if (type.width == 0 || branch->width == 0)
			type.width += branch->width; /* given in one of them */
		else if (type.width != branch->width)
			type.width = 0;
	}
	if (branches->kind == JOIN_PRODUCT)
		type.gaussian = false;
	return type;
}

static void join(Checker *ch, const Branches *branches, Span span, const char *label, Flow *flow)
{
	bool poison = branches->fork.poison || ch->aborted;
	for (uint32_t i = 0; i < branches->count; i++)
		poison = poison || branches->list[i].end.poison;
	if (poison || !check_branches(ch, branches)) {
		flow->poison = true;
		return;
	}
	Type type = join_type(branches);
	if (branches->kind == JOIN_CONCAT && !concat_type(ch, branches, &type)) {
		flow->poison = true;
		return;
	}
	Node **nodes = ARENA_ARRAY(ch->arena, Node *, branches->count);
	bool fresh = true;
	for (uint32_t i = 0; i < branches->count; i++) {
		nodes[i] = branches->list[i].end.node;
		fresh = fresh && branches->list[i].end.fresh;
	}
	flow->node = sema_new_node(ch, NODE_JOIN, span, label, NULL, type);
	flow->node->as.join.kind = branches->kind;
	flow->node->as.join.branches = nodes;
	flow->node->as.join.count = branches->count;
	flow->node->as.join.axis = branches->axis;
	flow->fresh = flow->fresh || fresh;
}

static bool has_input(Checker *ch, Span span, const char *what, Flow *flow)
{
	if (flow->node != NULL || flow->poison)
		return true;
	sema_error(ch, span, "E0512", "%s has nothing before it: a net begins with an input", what);
	diag_hint(ch->diag, "Begin with vector(n), signal(W), image(HxW) or volume(DxHxW).");
	flow->poison = true;
	return false;
}

static void apply_sum(Checker *ch, const Scope *scope, const AstExpr *expr, Flow *flow)
{
	has_input(ch, expr->span, "a sum", flow);
	Branches branches = {.kind = JOIN_SUM, .axis = CONCAT_CHANNELS, .fork = *flow};
	collect_branches(ch, scope, expr, AST_ADD, &branches);
	join(ch, &branches, expr->span, "+", flow);
}

static void apply_product(Checker *ch, const Scope *scope, const AstExpr *expr, Flow *flow)
{
	has_input(ch, expr->span, "a product", flow);
	Branches branches = {.kind = JOIN_PRODUCT, .axis = CONCAT_CHANNELS, .fork = *flow};
	collect_branches(ch, scope, expr, AST_MUL, &branches);
	join(ch, &branches, expr->as.binary.operator_span, "*", flow);
}

void sema_apply_skip(Checker *ch, const Closure *inner, Span span, Flow *flow)
{
	Branches branches = {.kind = JOIN_SUM, .axis = CONCAT_CHANNELS, .fork = *flow};
	Flow end = *flow;
	end.fresh = false;
	push_branch(ch, &branches, end, span);
	sema_apply(ch, inner->scope, inner->expr, &end);
	branches.list[0].end = end;
	branches.list[0].span = inner->expr->span;
	end = *flow;
	end.fresh = false;
	push_branch(ch, &branches, end, span);
	join(ch, &branches, span, "+", flow);
}

void sema_apply_concat(Checker *ch, const LayerCall *call, uint32_t axis, Span axis_span, Flow *flow)
{
	Branches branches = {.kind = JOIN_CONCAT, .axis = axis, .axis_span = axis_span, .fork = *flow};
	for (uint32_t i = 0; i < call->branch_count; i++) {
		const Closure *inner = call->branches[i].value.as.net;
		Flow end = *flow;
		end.fresh = false;
		sema_apply(ch, inner->scope, inner->expr, &end);
		push_branch(ch, &branches, end, call->branches[i].span);
	}
	join(ch, &branches, call->span, call->label, flow);
}

static bool count_layer(Checker *ch, Span span)
{
	if (++ch->layers <= LIMIT_LAYERS)
		return true;
	ch->aborted = true;
	return sema_error(ch, span, "E0401", "net \"%s\" has more than %u layers after unrolling", ch->item_name,
			  LIMIT_LAYERS);
}

/* ---- repeats -------------------------------------------------------------------------------------------------- */

static void replace_hole(Checker *ch, Node *hole, Node *by)
{
	for (uint32_t i = hole->id + 1; i < ch->node_count; i++) {
		Node *node = ch->nodes[i];
		if (node == NULL)
			continue;
		if (node->input == hole)
			node->input = by;
		for (uint32_t k = 0; node->kind == NODE_JOIN && k < node->as.join.count; k++)
			if (node->as.join.branches[k] == hole)
				node->as.join.branches[k] = by;
	}
	ch->nodes[hole->id] = NULL;
}

/* The body is tried on a hole. Where it reproduces the hole's type, one loop serves all that remain; otherwise the hole
 * is filled and the next repetition is tried on what came out. So repetitions that differ in channels, flags or
 * Theta = 0 are peeled off, and shrinking shapes are unrolled. */
static void repeat(Checker *ch, const Scope *scope, const AstExpr *expr, uint32_t count, Flow *flow)
{
	const AstExpr *body = expr->as.binary.left;
	Use use = {.outer = ch->use, .span = expr->span};
	for (uint32_t remaining = count; remaining > 0 && !flow->poison; remaining--) {
		use.repetition = count - remaining + 1;
		ch->use = use.repetition > 1 ? &use : use.outer;
		if (remaining == 1) {
			sema_apply(ch, scope, body, flow);
			break;
		}
		Node *hole = sema_new_node(ch, NODE_HOLE, expr->span, "repeat", NULL, flow->node->type);
		hole->as.repeat.hole = flow->node; /* for messages, while the hole is open */
		Flow inner = {.node = hole};
		sema_apply(ch, scope, body, &inner);
		hole->as.repeat.hole = NULL;
		flow->poison = inner.poison;
		if (inner.poison)
			break;
		flow->fresh = flow->fresh || inner.fresh;
		if (inner.node == hole) { /* nothing but identities */
			ch->nodes[hole->id] = NULL;
			break;
		}
		if (same_type(&inner.node->type, &hole->type)) {
			if (!count_layer(ch, expr->span))
				break;
			Node *node = sema_new_node(ch, NODE_REPEAT, expr->span, "^", flow->node, inner.node->type);
			node->as.repeat.hole = hole;
			node->as.repeat.body = inner.node;
			node->as.repeat.count = remaining;
			flow->node = node;
			break;
		}
		replace_hole(ch, hole, flow->node);
		flow->node = inner.node;
	}
	ch->use = use.outer;
}

static void apply_power(Checker *ch, const Scope *scope, const AstExpr *expr, Flow *flow)
{
	const AstExpr *exponent = expr->as.binary.right;
	uint64_t count = 0;
	const Scalar *number = sema_number(ch, scope, exponent);
	if (number == NULL ||
	    !sema_integer(ch, exponent->span, number, "the number of repetitions", 1, LIMIT_REPEAT, &count)) {
		flow->poison = true;
		count = 1;
	}
	if (count == 1 || flow->poison) {
		sema_apply(ch, scope, expr->as.binary.left, flow);
		return;
	}
	if (has_input(ch, expr->span, "a repeat", flow))
		repeat(ch, scope, expr, (uint32_t)count, flow);
}

/* ---- names ---------------------------------------------------------------------------------------------------- */

static void apply_layer(Checker *ch, const Scope *scope, const AstExpr *expr, const LayerRow *layer, Flow *flow)
{
	LayerCall call;
	if (layer->apply == NULL || !count_layer(ch, expr->span)) {
		flow->poison = true;
		return;
	}
	if (layer->role == ROLE_INPUT && flow->node != NULL && !flow->poison) {
		sema_error(ch, expr->span, "E0511", "\"%s\" can only stand at the beginning of a net", layer->name);
		flow->poison = true;
	}
	if (layer->role == ROLE_LAYER && flow->node == NULL && !flow->poison)
		has_input(ch, expr->span, arena_printf(ch->arena, "\"%s\"", layer->name), flow);
	sema_bind_args(ch, scope, layer, expr, &call);
	if (call.poisoned)
		flow->poison = true;
	if (!flow->poison)
		layer->apply(ch, &call, flow);
}

static void apply_def(Checker *ch, const Scope *scope, const AstExpr *expr, const Symbol *symbol, Flow *flow)
{
	const AstItem *def = symbol->item;
	Value *values = ARENA_ARRAY(ch->arena, Value, def->param_count);
	uint32_t position = 0;
	for (uint32_t i = 0; i < expr->as.name.arg_count; i++) { /* checked by the pass over names */
		const AstArg *arg = &expr->as.name.args[i];
		uint32_t index = arg->name == NULL ? position++ : 0;
		while (arg->name != NULL && index < def->param_count && strcmp(def->params[index], arg->name) != 0)
			index++;
		if (index < def->param_count)
			values[index] = sema_value(ch, scope, arg->value);
	}
	Scope *inner = ARENA_NEW(ch->arena, Scope);
	*inner = (Scope){.def = def, .values = values, .defaults = symbol->scope->defaults};
	Use use = {.outer = ch->use, .span = expr->span, .name = def->name};
	ch->use = &use;
	sema_apply(ch, inner, def->value, flow);
	ch->use = use.outer;
}

static void apply_net(Checker *ch, const AstExpr *expr, const Symbol *symbol, Flow *flow)
{
	if (flow->node != NULL && !flow->poison) {
		sema_error(ch, expr->span, "E0511",
			   "net \"%s\" has an input of its own, it can only stand at the beginning of a net",
			   symbol->name);
		diag_hint(ch->diag, "Name the part without its input with \"def\".");
		flow->poison = true;
		return;
	}
	Use use = {.outer = ch->use, .span = expr->span, .name = symbol->name};
	ch->use = &use;
	sema_apply(ch, symbol->scope, symbol->item->value, flow);
	ch->use = use.outer;
}

static void not_a_net(Checker *ch, const Scope *scope, const AstExpr *expr, Flow *flow)
{
	sema_wrong_kind(ch, expr->span, "a pipeline", "a net", sema_kind(ch, scope, expr));
	flow->poison = true;
}

static void apply_name(Checker *ch, const Scope *scope, const AstExpr *expr, Flow *flow)
{
	const Value *local = sema_local(scope, expr->as.name.name);
	const Symbol *symbol = local == NULL ? sema_find(ch, expr->as.name.name) : NULL;
	if (local != NULL && local->kind == VALUE_NET) {
		sema_apply(ch, local->as.net->scope, local->as.net->expr, flow);
	} else if (symbol == NULL || symbol->kind == SYMBOL_POISON || symbol->poisoned || symbol->is_activation) {
		if (local != NULL)
			sema_wrong_kind(ch, expr->span, "a pipeline", "a net", local->kind);
		flow->poison = true; /* otherwise reported already */
	} else if (symbol->layer != NULL) {
		apply_layer(ch, scope, expr, symbol->layer, flow);
	} else if (symbol->kind == SYMBOL_DEF) {
		apply_def(ch, scope, expr, symbol, flow);
	} else if (symbol->kind == SYMBOL_NET) {
		apply_net(ch, expr, symbol, flow);
	} else if (symbol->is_function) {
		flow->poison = true; /* reported by the pass over names */
	} else {
		not_a_net(ch, scope, expr, flow);
	}
}

/* ---- expressions ---------------------------------------------------------------------------------------------- */

static void apply_inner(Checker *ch, const Scope *scope, const AstExpr *expr, Flow *flow)
{
	while (expr->kind == AST_PAREN)
		expr = expr->as.unary.inner;
	size_t base = ch->chain_count;
	switch (expr->kind) {
	case AST_COMPOSE:
		for (; expr->kind == AST_COMPOSE; expr = expr->as.binary.left)
			sema_chain_push(ch, expr);
		sema_apply(ch, scope, expr, flow);
		while (ch->chain_count > base)
			sema_apply(ch, scope, sema_chain_pop(ch)->as.binary.right, flow);
		return;
	case AST_ADD:
		apply_sum(ch, scope, expr, flow);
		return;
	case AST_POWER:
		apply_power(ch, scope, expr, flow);
		return;
	case AST_NAME:
		apply_name(ch, scope, expr, flow);
		return;
	case AST_MUL:
		if (sema_kind(ch, scope, expr) == VALUE_NET)
			apply_product(ch, scope, expr, flow);
		else
			not_a_net(ch, scope, expr, flow);
		return;
	case AST_SUB:
	case AST_DIV:
		if (sema_kind(ch, scope, expr) == VALUE_NET)
			sema_error(ch, expr->as.binary.operator_span, "E0604",
				   "\"%s\" stands between numbers, nets have \"->\", \"+\" and \"^\"",
				   expr->kind == AST_SUB ? "-" : "/");
		else
			not_a_net(ch, scope, expr, flow);
		flow->poison = true;
		return;
	case AST_NUMBER:
	case AST_DIMS:
	case AST_STRING:
	case AST_LIST:
	case AST_NEGATE:
		not_a_net(ch, scope, expr, flow);
		return;
	case AST_POISON:
		flow->poison = true;
		return;
	case AST_PAREN:
		break;
	}
	ICE("a parenthesis is left");
}

void sema_apply(Checker *ch, const Scope *scope, const AstExpr *expr, Flow *flow)
{
	if (!sema_enter(ch, expr->span)) {
		flow->poison = true;
		return;
	}
	apply_inner(ch, scope, expr, flow);
	sema_leave(ch);
}

/* ---- whole nets ----------------------------------------------------------------------------------------------- */

static bool ends_on_vector(Checker *ch, const Flow *flow, Span span)
{
	if (flow->node->type.domain == DOMAIN_VECTOR)
		return true;
	sema_error(ch, span, "E0513", "a net ends on a vector, this one ends on %s",
		   type_text(ch->arena, &flow->node->type));
	return diag_hint(ch->diag, "Add pool (the mean over all positions and group elements) or flatten."), false;
}

Node *sema_apply_complete(Checker *ch, const Closure *inner, Span span)
{
	Flow flow = {.node = NULL};
	sema_apply(ch, inner->scope, inner->expr, &flow);
	if (flow.poison || !ends_on_vector(ch, &flow, span))
		return NULL;
	return flow.node;
}

static Network *finish(Checker *ch, const AstItem *item, Node *output)
{
	Network *network = ARENA_NEW(ch->arena, Network);
	uint32_t count = 0;
	for (uint32_t i = 0; i < ch->node_count; i++)
		if (ch->nodes[i] != NULL)
			count++;
	network->nodes = ARENA_ARRAY(ch->arena, Node *, count);
	for (uint32_t i = 0; i < ch->node_count; i++) {
		if (ch->nodes[i] == NULL)
			continue;
		ch->nodes[i]->id = network->node_count;
		network->nodes[network->node_count++] = ch->nodes[i];
	}
	network->name = item->name;
	network->span = item->name_span;
	network->input = ch->input;
	network->output = output;
	return network;
}

Network *sema_build_network(Checker *ch, const AstItem *item, const Scope *scope)
{
	Flow flow = {.node = NULL};
	ch->nodes = NULL;
	ch->node_count = ch->node_capacity = 0;
	ch->input = NULL;
	ch->layers = 0;
	ch->use = NULL;
	sema_apply(ch, scope, item->value, &flow);
	if (flow.poison || ch->aborted) {
		ENTK_ASSERT(diag_error_count(ch->diag) > 0);
		return NULL;
	}
	const AstExpr *last = item->value; /* the end of the pipeline, for the message */
	while (last->kind == AST_PAREN || last->kind == AST_COMPOSE)
		last = last->kind == AST_PAREN ? last->as.unary.inner : last->as.binary.right;
	if (!ends_on_vector(ch, &flow, last->span))
		return NULL;
	return finish(ch, item, flow.node);
}
