/* The checker's frame: items in order, symbols, defaults, --set. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "network/sema/internal.h"

/* ---- services of the checker's files -------------------------------------------------------------------------- */

static void begin_item(Checker *ch, const char *name)
{
	ch->item_name = name;
	ch->steps = 0;
	ch->depth = 0;
	ch->aborted = false;
	ch->use = NULL;
	ch->chain_count = 0;
}

/* ---- names that items define ---------------------------------------------------------------------------------- */

/* May the item bear its name? Reports. */
static bool name_is_free(Checker *ch, const AstItem *item)
{
	const Symbol *symbol = sema_find(ch, item->name);
	if (symbol == NULL)
		return true;
	if (symbol->kind != SYMBOL_LANGUAGE) {
		sema_error(ch, item->name_span, "E0602", "\"%s\" is defined twice", item->name);
		if (symbol->item != NULL)
			diag_note(ch->diag, symbol->item->name_span, "the first definition stands here");
		return false;
	}
	if (item->kind == AST_ACTIVATION && symbol->is_function)
		return true;
	return sema_error(ch, item->name_span, "E0603", "\"%s\" is %s and cannot be redefined", item->name,
			  sema_symbol_text(symbol));
}

static bool params_are_free(Checker *ch, const AstItem *item)
{
	bool ok = true;
	if (item->param_count > LIMIT_DEF_PARAMS)
		return sema_error(ch, item->name_span, "E0304", "a def has at most %u parameters", LIMIT_DEF_PARAMS);
	for (uint32_t i = 0; i < item->param_count; i++) {
		const Symbol *symbol = sema_find(ch, item->params[i]);
		if (symbol != NULL && symbol->kind == SYMBOL_LANGUAGE)
			ok = sema_error(ch, item->param_spans[i], "E0603", "\"%s\" is %s and cannot be redefined",
					item->params[i], sema_symbol_text(symbol));
		for (uint32_t k = 0; k < i; k++)
			ok = ok && strcmp(item->params[i], item->params[k]) != 0; /* reported by the parser */
	}
	return ok;
}

/* The item's symbol if its name is free, else a symbol that nobody finds. */
static Symbol *define(Checker *ch, const AstItem *item, SymbolKind kind, bool is_free)
{
	Symbol *symbol = is_free ? sema_add_symbol(ch, item->name, kind) : ARENA_NEW(ch->arena, Symbol);
	symbol->item = item;
	return symbol;
}

/* ---- let, param ----------------------------------------------------------------------------------------------- */

/* The expression to use: the item's or that of the last --set. */
static const AstExpr *set_value(Checker *ch, const AstItem *item)
{
	const AstExpr *value = item->value;
	for (uint32_t i = 0; i < ch->set_count; i++) {
		if (strcmp(ch->sets[i].name, item->name) == 0) {
			ch->set_used[i] = true;
			value = ch->sets[i].value;
		}
	}
	return value;
}

static const char *keyword_for(ValueKind kind)
{
	if (kind == VALUE_NET)
		return "def";
	return kind == VALUE_GROUP ? "group" : NULL;
}

static Value value_of_let(Checker *ch, const Scope *scope, const AstItem *item, const AstExpr *expr)
{
	Value value = {.kind = VALUE_POISON};
	if (expr == NULL || !sema_resolve(ch, expr, NULL, false))
		return value;
	ValueKind kind = sema_kind(ch, scope, expr);
	const char *keyword = keyword_for(kind);
	if (keyword != NULL) {
		sema_error(ch, expr->span, "E0606",
			   "a let holds a number, dims, a string, a list or a choice, this is %s",
			   sema_kind_text(kind));
		diag_hint(ch->diag, "Write \"%s %s = ...\".", keyword, item->name);
		return value;
	}
	return sema_value(ch, scope, expr);
}

static void check_let(Checker *ch, const Scope *scope, const AstItem *item)
{
	bool is_free = name_is_free(ch, item);
	Value value = value_of_let(ch, scope, item, set_value(ch, item));
	Symbol *symbol = define(ch, item, SYMBOL_LET, is_free);
	symbol->value = value;
	if (value.kind == VALUE_POISON)
		symbol->kind = SYMBOL_POISON;
}

static uint32_t add_param(Checker *ch, const AstItem *item, double value)
{
	if (ch->param_count == ch->param_capacity) {
		uint32_t capacity = ch->param_capacity == 0 ? 8 : 2 * ch->param_capacity;
		Param *params = ARENA_ARRAY(ch->arena, Param, capacity);
		if (ch->param_count > 0)
			memcpy(params, ch->params, ch->param_count * sizeof *params);
		ch->params = params;
		ch->param_capacity = capacity;
	}
	ch->params[ch->param_count] = (Param){.name = item->name, .span = item->name_span, .value = value};
	return ch->param_count++;
}

static void check_param(Checker *ch, const Scope *scope, const AstItem *item)
{
	bool is_free = name_is_free(ch, item);
	const AstExpr *expr = set_value(ch, item);
	const Scalar *number = NULL;
	if (expr != NULL && sema_resolve(ch, expr, NULL, false))
		number = sema_number(ch, scope, expr);
	if (number != NULL && !scalar_is_const(number)) {
		sema_error(ch, expr->span, "E0610", "the value of param \"%s\" depends on another param", item->name);
		diag_hint(ch->diag, "Write \"let %s = ...\" for a number that follows from params.", item->name);
		number = NULL;
	}
	Symbol *symbol = define(ch, item, number != NULL ? SYMBOL_PARAM : SYMBOL_POISON, is_free);
	if (number != NULL && is_free) {
		symbol->value.kind = VALUE_NUMBER;
		symbol->value.as.number = scalar_param(ch->arena, add_param(ch, item, number->value), number->value);
	}
}

/* ---- default -------------------------------------------------------------------------------------------------- */

static void unknown_default(Checker *ch, const AstArg *arg)
{
	const char *names[ARG_COUNT];
	size_t count = 0;
	for (int i = 0; i < ARG_COUNT; i++)
		if (sema_arg_in_default((LayerArg)i))
			names[count++] = sema_arg_name((LayerArg)i);
	sema_error(ch, arg->name_span, "E0301", "default(...) has no argument \"%s\"", arg->name);
	sema_suggest_argument(ch, arg->name, names, count);
}

/* The scope for what follows in the file. */
static const Scope *check_default(Checker *ch, const Scope *scope, const AstItem *item)
{
	const Defaults *defaults = scope->defaults;
	for (uint32_t i = 0; i < item->arg_count; i++) {
		const AstArg *arg = &item->args[i];
		int id = arg->name != NULL ? sema_arg_by_name(arg->name) : -1;
		bool ok = sema_resolve(ch, arg->value, NULL, false);
		if (arg->name == NULL) {
			sema_error(ch, arg->value->span, "E0304", "the arguments of default(...) must be named");
			continue;
		}
		bool twice = false;
		for (uint32_t k = 0; k < i && k < ARG_COUNT; k++)
			twice = twice || (item->args[k].name != NULL && strcmp(item->args[k].name, arg->name) == 0);
		if (twice) {
			sema_error(ch, arg->name_span, "E0302", "argument \"%s\" is given twice", arg->name);
			continue;
		}
		if (id < 0 || !sema_arg_in_default((LayerArg)id)) {
			unknown_default(ch, arg);
			continue;
		}
		Value value = ok ? sema_value(ch, scope, arg->value) : (Value){.kind = VALUE_POISON};
		if (!sema_check_arg(ch, (LayerArg)id, &value, arg->value->span))
			continue;
		Defaults *next = ARENA_NEW(ch->arena, Defaults);
		*next = (Defaults){.older = defaults, .arg = (LayerArg)id, .value = value, .span = arg->value->span};
		defaults = next;
	}
	Scope *result = ARENA_NEW(ch->arena, Scope);
	*result = (Scope){.defaults = defaults};
	return result;
}

/* ---- group, activation, def, net ------------------------------------------------------------------------------ */

static void check_group(Checker *ch, const Scope *scope, const AstItem *item)
{
	bool is_free = name_is_free(ch, item);
	GroupValue *group = NULL;
	if (sema_resolve(ch, item->value, NULL, false))
		group = sema_group(ch, scope, item->value, item->name);
	define(ch, item, group != NULL ? SYMBOL_GROUP : SYMBOL_POISON, is_free)->group = group;
}

static void check_activation(Checker *ch, const AstItem *item)
{
	sema_error(ch, item->span, "E0607", "activations of one's own are not available in this version");
	if (!name_is_free(ch, item))
		return;
	Symbol *symbol = sema_find(ch, item->name);
	if (symbol == NULL)
		symbol = define(ch, item, SYMBOL_POISON, true);
	symbol->is_activation = true; /* in a pipeline; tanh(1) remains a number */
}

static void check_def(Checker *ch, const Scope *scope, const AstItem *item)
{
	bool is_free = name_is_free(ch, item);
	bool ok = params_are_free(ch, item) && sema_resolve(ch, item->value, item, true);
	Symbol *symbol = define(ch, item, ok ? SYMBOL_DEF : SYMBOL_POISON, is_free);
	symbol->scope = scope;
}

static void add_network(Checker *ch, Network *network)
{
	if (ch->network_count == ch->network_capacity) {
		uint32_t capacity = ch->network_capacity == 0 ? 4 : 2 * ch->network_capacity;
		Network **networks = ARENA_ARRAY(ch->arena, Network *, capacity);
		if (ch->network_count > 0)
			memcpy(networks, ch->networks, ch->network_count * sizeof *networks);
		ch->networks = networks;
		ch->network_capacity = capacity;
	}
	ch->networks[ch->network_count++] = network;
}

static void check_net(Checker *ch, const Scope *scope, const AstItem *item)
{
	bool is_free = name_is_free(ch, item);
	bool ok = sema_resolve(ch, item->value, NULL, true);
	Network *network = ch->aborted ? NULL : sema_build_network(ch, item, scope);
	ok = ok && network != NULL;
	Symbol *symbol = define(ch, item, ok ? SYMBOL_NET : SYMBOL_POISON, is_free);
	symbol->scope = scope;
	if (ok)
		add_network(ch, network);
}

/* ---- files ---------------------------------------------------------------------------------------------------- */

static void check_file(Checker *ch, const AstFile *file)
{
	const Scope *scope = ARENA_NEW(ch->arena, Scope); /* defaults hold for one file */
	for (uint32_t i = 0; i < file->item_count; i++) {
		const AstItem *item = &file->items[i];
		begin_item(ch, item->name);
		ch->file = file;
		switch (item->kind) {
		case AST_INCLUDE:
			if (item->included != NULL)
				check_file(ch, item->included); /* the parser bounds the depth of includes */
			break;
		case AST_LET:
			check_let(ch, scope, item);
			break;
		case AST_PARAM:
			check_param(ch, scope, item);
			break;
		case AST_DEFAULT:
			scope = check_default(ch, scope, item);
			break;
		case AST_GROUP:
			check_group(ch, scope, item);
			break;
		case AST_ACTIVATION:
			check_activation(ch, item);
			break;
		case AST_DEF:
			check_def(ch, scope, item);
			break;
		case AST_NET:
			check_net(ch, scope, item);
			break;
		}
	}
}

static void check_sets(Checker *ch)
{
	for (uint32_t i = 0; i < ch->set_count; i++) {
		if (ch->set_used[i])
			continue;
		const SetOption *set = &ch->sets[i];
		const Symbol *symbol = sema_find(ch, set->name);
		if (symbol != NULL) {
			if (symbol->kind == SYMBOL_POISON)
				continue;
			sema_error(ch, set->span, "E0609", "--set changes lets and params, \"%s\" is %s", set->name,
				   sema_symbol_text(symbol));
			continue;
		}
		sema_error(ch, set->span, "E0608", "--set: there is no let or param \"%s\"", set->name);
		const char **names = ARENA_ARRAY(ch->arena, const char *, ch->symbol_count);
		size_t count = 0;
		for (uint32_t b = 0; b < ch->bucket_count; b++)
			for (const Symbol *s = ch->buckets[b]; s != NULL; s = s->next)
				if (s->kind == SYMBOL_LET || s->kind == SYMBOL_PARAM)
					names[count++] = s->name;
		const char *nearest = count < 20000 ? diag_did_you_mean(set->name, names, count) : NULL;
		if (nearest != NULL)
			diag_hint(ch->diag, "Did you mean \"%s\"?", nearest);
	}
}

Program *sema_check(Arena *arena, SourceSet *sources, Diag *diag, const AstFile *file, const SetOption *sets,
		    uint32_t set_count)
{
	Checker checker = {.arena = arena, .diag = diag, .sets = sets, .set_count = set_count};
	Checker *ch = &checker;
	uint32_t errors_before = diag_error_count(diag);
	ch->set_used = ARENA_ARRAY(arena, bool, set_count);
	sema_add_language(ch);
	check_file(ch, file);
	begin_item(ch, NULL);
	check_sets(ch);
	if (diag_error_count(diag) == errors_before && ch->network_count == 0 && errors_before == 0) {
		sema_error(ch, (Span){.file = file->file}, "E0514", "this file defines no net");
		diag_hint(diag, "Define one, such as: net n = vector(10) -> dense -> relu -> dense.");
	}
	if (diag_error_count(diag) > 0)
		return NULL;
	Program *program = ARENA_NEW(arena, Program);
	program->networks = ch->networks;
	program->network_count = ch->network_count;
	program->params = ch->params;
	program->param_count = ch->param_count;
	program->sources = sources;
	return program;
}
