/* Names of the language, and the pass that checks names and the shape of calls.
 *
 * The pass runs once over every right-hand side where it is written, used or not: unknown names, wrong arguments'
 * names and numbers, features that this version lacks. Evaluation later fails silently on what was reported here. */
#include <string.h>

#include "network/sema/foreign_names.h"
#include "network/sema/internal.h"

/* ---- the language's own names -------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	ScalarOp op;
} functions[] = {
	{"sqrt", SCALAR_SQRT}, {"exp", SCALAR_EXP},   {"log", SCALAR_LOG},   {"sin", SCALAR_SIN},
	{"cos", SCALAR_COS},   {"tan", SCALAR_TAN},   {"tanh", SCALAR_TANH}, {"sinh", SCALAR_SINH},
	{"cosh", SCALAR_COSH}, {"atan", SCALAR_ATAN}, {"erf", SCALAR_ERF},   {"abs", SCALAR_ABS},
	{"min", SCALAR_MIN},   {"max", SCALAR_MAX},   {"sign", SCALAR_SIGN}, {"where", SCALAR_WHERE},
};

static const struct {
	const char *name;
	ElementName element;
} elements[] = {
	{"rot90", ELEMENT_ROT90}, {"flip_x", ELEMENT_FLIP_X}, {"flip_y", ELEMENT_FLIP_Y},
	{"flip", ELEMENT_FLIP},   {"swap", ELEMENT_SWAP},
};

static const char *const grid_groups[] = {"C1", "C2", "C4", "D1", "D2", "D4", "T", "O", "Oh"};
/* On sets and on the sphere: domains that come later. */
static const char *const later_groups[] = {"SO3", "C", "D", "S", "A"};

static Symbol *language_symbol(Checker *ch, const char *name)
{
	Symbol *symbol = sema_find(ch, name);
	return symbol != NULL ? symbol : sema_add_symbol(ch, name, SYMBOL_LANGUAGE);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void sema_add_language(Checker *ch)
{
	for (uint32_t i = 0; i < sema_layer_count; i++)
		language_symbol(ch, sema_layers[i].name)->layer = &sema_layers[i];
	for (size_t i = 0; i < COUNT(functions); i++) {
		Symbol *symbol = language_symbol(ch, functions[i].name);
		symbol->is_function = true;
		symbol->function = functions[i].op;
	}
	for (size_t i = 0; i < COUNT(elements); i++)
		language_symbol(ch, elements[i].name)->element = elements[i].element;
	for (int i = 0; i < CHOICE_COUNT; i++) {
		Symbol *symbol = language_symbol(ch, sema_choice_name((Choice)i));
		symbol->is_choice = true;
		symbol->choice = (Choice)i;
	}
	for (size_t i = 0; i < COUNT(grid_groups); i++) {
		GroupValue *group = ARENA_NEW(ch->arena, GroupValue);
		group->name = grid_groups[i];
		group->builtin = true;
		language_symbol(ch, grid_groups[i])->group = group;
	}
	for (size_t i = 0; i < COUNT(later_groups); i++)
		language_symbol(ch, later_groups[i])->is_later_group = true;
	language_symbol(ch, "pi")->is_pi = true;
	language_symbol(ch, "generated")->is_generated = true;
}

/* ---- did you mean -------------------------------------------------------------------------------------------- */

#define MAX_SUGGESTIONS 100 /* comparing names is quadratic in hostile files: answer only the first ones */
#define MAX_CANDIDATES  20000u

void sema_suggest(Checker *ch, const char *name, bool pipeline, const AstItem *def)
{
	if (ch->suggestions++ >= MAX_SUGGESTIONS || strlen(name) > 64)
		return;
	uint32_t def_params = def != NULL ? def->param_count : 0;
	const char **names = ARENA_ARRAY(ch->arena, const char *, (size_t)ch->symbol_count + def_params);
	size_t count = 0;
	for (uint32_t i = 0; i < def_params; i++)
		names[count++] = def->params[i];
	for (uint32_t i = 0; i < ch->bucket_count && count < MAX_CANDIDATES; i++) {
		for (const Symbol *symbol = ch->buckets[i]; symbol != NULL && count < MAX_CANDIDATES;
		     symbol = symbol->next) {
			bool net = symbol->layer != NULL || symbol->kind == SYMBOL_DEF || symbol->kind == SYMBOL_NET;
			if (symbol->kind != SYMBOL_POISON && (net || !pipeline))
				names[count++] = symbol->name;
		}
	}
	const char *nearest = diag_did_you_mean(name, names, count);
	if (nearest == NULL && pipeline)
		sema_suggest(ch, name, false, def);
	else if (nearest != NULL)
		diag_hint(ch->diag, "Did you mean \"%s\"?", nearest);
}

void sema_suggest_from(Checker *ch, const char *name, const char *const *names, size_t count)
{
	const char *nearest = diag_did_you_mean(name, names, count);
	if (nearest != NULL) {
		diag_hint(ch->diag, "Did you mean \"%s\"?", nearest);
		return;
	}
	char *list = arena_printf(ch->arena, "%s", count > 0 ? names[0] : "none");
	for (size_t i = 1; i < count; i++)
		list = arena_printf(ch->arena, "%s, %s", list, names[i]);
	diag_hint(ch->diag, "The arguments are: %s.", list);
}

void sema_suggest_argument(Checker *ch, const char *name, const char *const *names, size_t count)
{
	const char *hint = foreign_argument_hint(name);
	if (hint != NULL)
		diag_hint(ch->diag, "%s", hint);
	else
		sema_suggest_from(ch, name, names, count);
}

/* ---- the shape of calls --------------------------------------------------------------------------------------- */

/* Names given twice, and positional arguments behind named ones. */
static bool check_arg_order(Checker *ch, const AstArg *list, uint32_t count)
{
	bool ok = true;
	bool named = false;
	for (uint32_t i = 0; i < count; i++) {
		if (list[i].name == NULL) {
			if (named)
				ok = sema_error(ch, list[i].value->span, "E0304",
						"a positional argument cannot follow a named one");
			continue;
		}
		named = true;
		for (uint32_t j = 0; j < i && j < 64; j++) {
			if (list[j].name != NULL && strcmp(list[i].name, list[j].name) == 0) {
				ok = sema_error(ch, list[i].name_span, "E0302", "argument \"%s\" is given twice",
						list[i].name);
				break;
			}
		}
	}
	return ok;
}

static int layer_arg_index(const LayerRow *layer, const char *name)
{
	for (int i = 0; layer->args[i] != ARG_COUNT; i++)
		if (strcmp(sema_arg_name(layer->args[i]), name) == 0)
			return i;
	return -1;
}

/* One number too many is a habit from elsewhere: dense(512), conv(64, 3x3), avgpool(2, 2). */
static void hint_positional(Checker *ch, const LayerRow *layer, const AstExpr *value)
{
	bool weights = false, window = false;
	for (const LayerArg *arg = layer->args; *arg != ARG_COUNT; arg++) {
		weights = weights || *arg == ARG_WIDTH;
		window = window || *arg == ARG_FILTER || *arg == ARG_WINDOW;
	}
	if (value->kind != AST_NUMBER && value->kind != AST_DIMS)
		return;
	if (weights)
		diag_hint(ch->diag, "Networks are infinitely wide: no number of channels or units is given.");
	if (window && value->kind == AST_NUMBER)
		diag_hint(ch->diag, "Sizes of several axes are written as one word: 3x3.");
}

static bool check_layer_call(Checker *ch, const LayerRow *layer, const AstExpr *expr)
{
	if (layer->apply == NULL)
		return sema_error(ch, expr->as.name.name_span, "E0607", "layer \"%s\" is not available in this version",
				  layer->name);
	const AstArg *list = expr->as.name.args;
	uint32_t count = expr->as.name.arg_count, positional = 0, named_required = 0;
	const char *names[LAYER_MAX_ARGS];
	size_t name_count = 0;
	bool branches = layer->args[0] == ARG_BRANCHES; /* any number of nets, without names */
	for (const LayerArg *arg = layer->args + (branches ? 1 : 0); *arg != ARG_COUNT; arg++)
		names[name_count++] = sema_arg_name(*arg);
	bool ok = check_arg_order(ch, list, count);
	for (uint32_t i = 0; i < count; i++) {
		if (list[i].name != NULL) {
			int index = layer_arg_index(layer, list[i].name);
			if (branches && index == 0)
				index = -1;
			if (index < 0 && strcmp(list[i].name, "bandlimit") == 0) {
				ok = sema_error(ch, list[i].name_span, "E0607",
						"argument \"bandlimit\" belongs to spheres, which are not available in "
						"this version");
			} else if (index < 0) {
				ok = sema_error(ch, list[i].name_span, "E0301", "\"%s\" has no argument \"%s\"",
						layer->name, list[i].name);
				sema_suggest_argument(ch, list[i].name, names, name_count);
			} else if (index < (int)positional && !branches) {
				ok = sema_error(ch, list[i].name_span, "E0302", "argument \"%s\" is given twice",
						list[i].name);
			} else if (index < (int)layer->required) {
				named_required |= 1u << index;
			}
			continue;
		}
		if (positional == layer->positional && !branches) {
			ok = sema_error(ch, list[i].value->span, "E0304",
					layer->positional == 0 && name_count > 0
						? "the arguments of \"%s\" must be named"
					: layer->positional == 0 ? "\"%s\" takes no arguments"
								 : "too many positional arguments for \"%s\"",
					layer->name);
			hint_positional(ch, layer, list[i].value);
			if (name_count > 0)
				sema_suggest_from(ch, "", names, name_count);
			break;
		}
		positional++;
	}
	if (branches && ok && positional < 2)
		ok = sema_error(ch, expr->span, "E0303", "\"%s\" needs at least two branches", layer->name);
	for (uint32_t i = positional; ok && i < layer->required; i++)
		if (!(named_required >> i & 1u))
			ok = sema_error(ch, expr->span, "E0303", "\"%s\" needs the argument \"%s\"", layer->name,
					sema_arg_name(layer->args[i]));
	return ok;
}

static bool no_call(Checker *ch, const AstExpr *expr, const char *what)
{
	if (!expr->as.name.call)
		return true;
	return sema_error(ch, expr->span, "E0304", "\"%s\" is %s and takes no arguments", expr->as.name.name, what);
}

static bool check_def_call(Checker *ch, const AstItem *def, const AstExpr *expr)
{
	const AstArg *list = expr->as.name.args;
	uint32_t count = expr->as.name.arg_count, positional = 0;
	bool given[LIMIT_DEF_PARAMS] = {false};
	bool ok = check_arg_order(ch, list, count);
	for (uint32_t i = 0; ok && i < count; i++) {
		uint32_t index = 0;
		if (list[i].name == NULL) {
			index = positional++;
			if (index >= def->param_count) {
				ok = def->param_count == 0
					     ? no_call(ch, expr, "a def without parameters")
					     : sema_error(ch, list[i].value->span, "E0304",
							  "\"%s\" takes %u argument%s", def->name, def->param_count,
							  def->param_count == 1 ? "" : "s");
				break;
			}
		} else {
			while (index < def->param_count && strcmp(def->params[index], list[i].name) != 0)
				index++;
			if (index == def->param_count) {
				ok = sema_error(ch, list[i].name_span, "E0301", "\"%s\" has no argument \"%s\"",
						def->name, list[i].name);
				sema_suggest_from(ch, list[i].name, def->params, def->param_count);
				break;
			}
			if (given[index]) {
				ok = sema_error(ch, list[i].name_span, "E0302", "argument \"%s\" is given twice",
						list[i].name);
				break;
			}
		}
		given[index] = true;
	}
	for (uint32_t i = 0; ok && i < def->param_count; i++)
		if (!given[i])
			ok = sema_error(ch, expr->span, "E0303", "\"%s\" needs the argument \"%s\"", def->name,
					def->params[i]);
	return ok;
}

static bool check_function_call(Checker *ch, const Symbol *symbol, const AstExpr *expr)
{
	uint32_t arity = scalar_op_arity(symbol->function);
	for (uint32_t i = 0; i < expr->as.name.arg_count; i++)
		if (expr->as.name.args[i].name != NULL)
			return sema_error(ch, expr->as.name.args[i].name_span, "E0301",
					  "function \"%s\" takes its arguments by position", symbol->name);
	if (!expr->as.name.call || expr->as.name.arg_count != arity)
		return sema_error(ch, expr->span, "E0303", "function \"%s\" takes %u argument%s, found %u",
				  symbol->name, arity, arity == 1 ? "" : "s", expr->as.name.arg_count);
	return true;
}

static bool check_element_call(Checker *ch, const Symbol *symbol, const AstExpr *expr)
{
	uint32_t arity = symbol->element == ELEMENT_FLIP ? 1 : symbol->element == ELEMENT_SWAP ? 2 : 0;
	for (uint32_t i = 0; i < expr->as.name.arg_count; i++)
		if (expr->as.name.args[i].name != NULL)
			return sema_error(ch, expr->as.name.args[i].name_span, "E0301",
					  "\"%s\" takes its arguments by position", symbol->name);
	if (arity == 0 && expr->as.name.call)
		return sema_error(ch, expr->span, "E0304", "\"%s\" takes no arguments", symbol->name);
	if (arity != expr->as.name.arg_count)
		return sema_error(ch, expr->span, "E0303", "\"%s\" takes %u ax%s, found %u argument%s", symbol->name,
				  arity, arity == 1 ? "is" : "es", expr->as.name.arg_count,
				  expr->as.name.arg_count == 1 ? "" : "s");
	return true;
}

static bool all_positional(const AstExpr *expr)
{
	for (uint32_t i = 0; i < expr->as.name.arg_count; i++)
		if (expr->as.name.args[i].name != NULL)
			return false;
	return expr->as.name.arg_count > 0;
}

static bool is_param(const AstItem *def, const char *name)
{
	for (uint32_t i = 0; def != NULL && i < def->param_count; i++)
		if (strcmp(def->params[i], name) == 0)
			return true;
	return false;
}

/* ---- the pass ------------------------------------------------------------------------------------------------- */

static bool resolve_args(Checker *ch, const AstExpr *expr, const AstItem *def, const LayerRow *layer)
{
	bool ok = true;
	for (uint32_t i = 0; i < expr->as.name.arg_count; i++) {
		const AstArg *arg = &expr->as.name.args[i];
		bool inner = false;
		if (layer != NULL && layer->apply != NULL) {
			int index = arg->name != NULL ? layer_arg_index(layer, arg->name) : (int)i;
			inner = index >= 0 && (uint32_t)index < LAYER_MAX_ARGS - 1 && layer->args[index] == ARG_INNER;
			inner = inner || (layer->args[0] == ARG_BRANCHES && arg->name == NULL);
		}
		ok = sema_resolve(ch, arg->value, def, inner) && ok;
	}
	return ok;
}

static bool resolve_language(Checker *ch, const Symbol *symbol, const AstExpr *expr, const AstItem *def, bool pipeline)
{
	bool number = symbol->is_function && !pipeline && (symbol->layer == NULL || all_positional(expr));
	if (symbol->is_activation && !number)
		return false; /* reported where it is defined */
	const LayerRow *layer = number ? NULL : symbol->layer;
	bool ok;
	if (layer != NULL)
		ok = check_layer_call(ch, layer, expr);
	else if (symbol->is_function && pipeline) {
		ok = sema_error(ch, expr->as.name.name_span, "E0604",
				"\"%s\" is a function of numbers, a layer is wanted here", symbol->name);
		if (foreign_name_hint(symbol->name) != NULL)
			diag_hint(ch->diag, "%s", foreign_name_hint(symbol->name));
	} else if (symbol->is_function)
		ok = check_function_call(ch, symbol, expr);
	else if (symbol->element != ELEMENT_NONE)
		ok = check_element_call(ch, symbol, expr);
	else if (symbol->is_choice)
		ok = no_call(ch, expr, "a choice");
	else if (symbol->is_later_group)
		ok = sema_error(ch, expr->as.name.name_span, "E0607", "group \"%s\" is not available in this version",
				symbol->name);
	else if (symbol->group != NULL)
		ok = no_call(ch, expr, "a group");
	else if (symbol->is_pi)
		ok = no_call(ch, expr, "a number");
	else {
		ENTK_ASSERT(symbol->is_generated);
		ok = expr->as.name.call && expr->as.name.arg_count > 0;
		if (!ok)
			sema_error(ch, expr->span, "E0303", "\"generated\" needs at least one generator");
		for (uint32_t i = 0; ok && i < expr->as.name.arg_count; i++)
			if (expr->as.name.args[i].name != NULL)
				ok = sema_error(ch, expr->as.name.args[i].name_span, "E0301",
						"\"generated\" takes its generators by position");
	}
	if (layer != NULL && layer->apply == NULL)
		return ok; /* its arguments mean nothing yet */
	return resolve_args(ch, expr, def, layer) && ok;
}

/* The item of the same file that defines the name further down. */
static const AstItem *defined_later(const Checker *ch, const char *name)
{
	for (uint32_t i = 0; ch->file != NULL && i < ch->file->item_count; i++) {
		const AstItem *item = &ch->file->items[i];
		if (item->name != NULL && strcmp(item->name, name) == 0)
			return item;
	}
	return NULL;
}

static void unknown_name(Checker *ch, const AstExpr *expr, const AstItem *def, bool pipeline)
{
	const char *name = expr->as.name.name;
	Span span = expr->as.name.name_span;
	if (ch->item_name != NULL && strcmp(ch->item_name, name) == 0) {
		sema_error(ch, span, "E0605", "\"%s\" is used in its own definition", name);
		return;
	}
	const AstItem *later = ch->suggestions < MAX_SUGGESTIONS ? defined_later(ch, name) : NULL;
	if (later != NULL) {
		ch->suggestions++;
		sema_error(ch, span, "E0601", "\"%s\" is used before it is defined", name);
		diag_note(ch->diag, later->name_span, "the definition stands here");
		return;
	}
	sema_error(ch, span, "E0601", "unknown %s \"%s\"", pipeline ? "layer" : "name", name);
	const char *hint = pipeline ? foreign_name_hint(name) : NULL;
	if (hint != NULL)
		diag_hint(ch->diag, "%s", hint);
	else
		sema_suggest(ch, name, pipeline, def);
}

static bool resolve_name(Checker *ch, const AstExpr *expr, const AstItem *def, bool pipeline)
{
	const char *name = expr->as.name.name;
	if (is_param(def, name)) {
		if (expr->as.name.call)
			return sema_error(ch, expr->span, "E0304", "\"%s\" is a parameter and takes no arguments",
					  name);
		return true;
	}
	Symbol *symbol = sema_find(ch, name);
	if (symbol == NULL) {
		unknown_name(ch, expr, def, pipeline);
		resolve_args(ch, expr, def, NULL);
		return false;
	}
	switch (symbol->kind) {
	case SYMBOL_LANGUAGE:
		return resolve_language(ch, symbol, expr, def, pipeline);
	case SYMBOL_POISON:
		resolve_args(ch, expr, def, NULL);
		return false;
	case SYMBOL_DEF: {
		bool ok = check_def_call(ch, symbol->item, expr);
		return resolve_args(ch, expr, def, NULL) && ok && !symbol->poisoned;
	}
	case SYMBOL_LET:
	case SYMBOL_PARAM:
	case SYMBOL_GROUP:
	case SYMBOL_NET:
		return no_call(ch, expr, sema_symbol_text(symbol)) && !symbol->poisoned;
	}
	ICE("unknown symbol");
}

/* Does a chain of operators begin with something that is surely a net? Parameters of defs are not known yet. */
static bool begins_with_net(const Checker *ch, const AstExpr *expr, const AstItem *def)
{
	for (;;) {
		switch (expr->kind) {
		case AST_COMPOSE:
			return true;
		case AST_ADD:
		case AST_SUB:
		case AST_MUL:
		case AST_DIV:
		case AST_POWER:
			expr = expr->as.binary.left;
			continue;
		case AST_PAREN:
			expr = expr->as.unary.inner;
			continue;
		case AST_NAME: {
			const Symbol *symbol =
				is_param(def, expr->as.name.name) ? NULL : sema_find(ch, expr->as.name.name);
			if (symbol == NULL)
				return false;
			if (symbol->layer != NULL)
				return !symbol->is_function || !all_positional(expr);
			return symbol->kind == SYMBOL_DEF || symbol->kind == SYMBOL_NET;
		}
		case AST_NEGATE:
		case AST_NUMBER:
		case AST_DIMS:
		case AST_STRING:
		case AST_LIST:
		case AST_POISON:
			return false;
		}
	}
}

static bool resolve_leaf(Checker *ch, const AstExpr *expr, const AstItem *def, bool pipeline)
{
	bool ok = true;
	switch (expr->kind) {
	case AST_NAME:
		return resolve_name(ch, expr, def, pipeline);
	case AST_LIST:
		for (uint32_t i = 0; i < expr->as.list.count; i++)
			ok = sema_resolve(ch, expr->as.list.items[i], def, false) && ok;
		return ok;
	case AST_NUMBER:
	case AST_DIMS:
	case AST_STRING:
		return true;
	case AST_POISON:
		return false;
	case AST_PAREN:
	case AST_NEGATE:
	case AST_ADD:
	case AST_SUB:
	case AST_MUL:
	case AST_DIV:
	case AST_COMPOSE:
	case AST_POWER:
		break;
	}
	ICE("an operator is no leaf");
}

/* Operators, signs and parentheses without recursion: a stack of expressions, under each a marker (NULL: a number is
 * wanted, the expression itself: a net). A left operand stands where its operator stands; a right one begins anew. */
static void push(Checker *ch, const AstExpr *expr, bool pipeline)
{
	sema_chain_push(ch, pipeline ? expr : NULL);
	sema_chain_push(ch, expr);
}

static void push_root(Checker *ch, const AstExpr *expr, const AstItem *def, bool pipeline)
{
	push(ch, expr, pipeline || begins_with_net(ch, expr, def));
}

static bool resolve_inner(Checker *ch, const AstExpr *root, const AstItem *def, bool root_pipeline)
{
	size_t base = ch->chain_count;
	bool ok = true;
	push_root(ch, root, def, root_pipeline);
	while (ch->chain_count > base) {
		const AstExpr *expr = sema_chain_pop(ch);
		bool pipeline = sema_chain_pop(ch) != NULL;
		switch (expr->kind) {
		case AST_ADD:
		case AST_SUB:
		case AST_MUL:
		case AST_DIV:
		case AST_COMPOSE:
			push_root(ch, expr->as.binary.right, def, pipeline || expr->kind == AST_COMPOSE);
			push(ch, expr->as.binary.left, pipeline || expr->kind == AST_COMPOSE);
			break;
		case AST_POWER:
			push_root(ch, expr->as.binary.right, def, false);
			push(ch, expr->as.binary.left, pipeline);
			break;
		case AST_PAREN:
			push(ch, expr->as.unary.inner, pipeline);
			break;
		case AST_NEGATE:
			push_root(ch, expr->as.unary.inner, def, false);
			break;
		case AST_NAME:
		case AST_NUMBER:
		case AST_DIMS:
		case AST_STRING:
		case AST_LIST:
		case AST_POISON:
			ok = resolve_leaf(ch, expr, def, pipeline) && ok;
			break;
		}
	}
	return ok;
}

bool sema_resolve(Checker *ch, const AstExpr *expr, const AstItem *def, bool pipeline)
{
	if (!sema_enter(ch, expr->span))
		return false;
	bool ok = resolve_inner(ch, expr, def, pipeline);
	sema_leave(ch);
	return ok;
}
