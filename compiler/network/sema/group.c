/* Group elements, groups by name, groups from generators.
 *
 * A group in the source does not know its grid yet: `generated(flip(0))` acts on signals, images and volumes. It is
 * closed when a layer asks for it. */
#include <string.h>

#include "network/sema/internal.h"

static const char *const planes[] = {"", "signals", "images", "volumes"};

/* ---- elements ------------------------------------------------------------------------------------------------- */

static bool axis_of(Checker *ch, const Scope *scope, const AstExpr *expr, uint32_t *axis)
{
	uint64_t value = 0;
	const Scalar *number = sema_number(ch, scope, expr);
	if (number == NULL || !sema_integer(ch, expr->span, number, "an axis", 0, GRID_MAX_DIM - 1, &value))
		return false;
	*axis = (uint32_t)value;
	return true;
}

static const Element *element_of_name(Checker *ch, const Scope *scope, const AstExpr *expr)
{
	const Value *local = sema_local(scope, expr->as.name.name);
	if (local != NULL && local->kind == VALUE_ELEMENT)
		return local->as.element;
	const Symbol *symbol = local == NULL ? sema_find(ch, expr->as.name.name) : NULL;
	if (symbol != NULL && symbol->kind == SYMBOL_LET && symbol->value.kind == VALUE_ELEMENT)
		return symbol->value.as.element;
	uint32_t wanted = symbol == NULL                    ? 0
			  : symbol->element == ELEMENT_FLIP ? 1
			  : symbol->element == ELEMENT_SWAP ? 2
							    : 0;
	if (symbol == NULL || symbol->element == ELEMENT_NONE || expr->as.name.arg_count != wanted) {
		if (symbol == NULL || symbol->element == ELEMENT_NONE)
			sema_wrong_kind(ch, expr->span, "a generator", "a group element", sema_kind(ch, scope, expr));
		return NULL;
	}
	Element *element = ARENA_NEW(ch->arena, Element);
	uint32_t a = 0, b = 0;
	switch (symbol->element) {
	case ELEMENT_NONE:
		break;
	case ELEMENT_ROT90:
		*element = (Element){grid_element_rot90(), 1, true};
		break;
	case ELEMENT_FLIP_X:
		*element = (Element){grid_element_flip(1), 1, false};
		break;
	case ELEMENT_FLIP_Y:
		*element = (Element){grid_element_flip(0), 0, false};
		break;
	case ELEMENT_FLIP:
		if (!axis_of(ch, scope, expr->as.name.args[0].value, &a))
			return NULL;
		*element = (Element){grid_element_flip(a), a, false};
		break;
	case ELEMENT_SWAP:
		if (!axis_of(ch, scope, expr->as.name.args[0].value, &a) ||
		    !axis_of(ch, scope, expr->as.name.args[1].value, &b))
			return NULL;
		if (a == b) {
			sema_error(ch, expr->span, "E0408", "\"swap\" needs two different axes, found %u twice", a);
			return NULL;
		}
		*element = (Element){grid_element_swap(a, b), a > b ? a : b, false};
		break;
	}
	return element;
}

static const Element *multiply(Checker *ch, const Element *g, const Element *h)
{
	Element *product = ARENA_NEW(ch->arena, Element);
	product->element = grid_element_product(GRID_MAX_DIM, g->element, h->element);
	product->top_axis = g->top_axis > h->top_axis ? g->top_axis : h->top_axis;
	product->planar = g->planar || h->planar;
	return product;
}

static const Element *element_operand(Checker *ch, const Scope *scope, const AstExpr *expr)
{
	if (expr->kind == AST_PAREN)
		return sema_element(ch, scope, expr->as.unary.inner);
	if (expr->kind == AST_NAME)
		return element_of_name(ch, scope, expr);
	if (expr->kind == AST_ADD || expr->kind == AST_SUB || expr->kind == AST_DIV || expr->kind == AST_POWER)
		sema_error(ch, expr->as.binary.operator_span, "E0604", "group elements are combined by \"*\" only");
	else
		sema_wrong_kind(ch, expr->span, "a generator", "a group element", sema_kind(ch, scope, expr));
	return NULL;
}

const Element *sema_element(Checker *ch, const Scope *scope, const AstExpr *expr)
{
	if (!sema_enter(ch, expr->span))
		return NULL;
	size_t base = ch->chain_count;
	while (expr->kind == AST_MUL) {
		sema_chain_push(ch, expr);
		expr = expr->as.binary.left;
	}
	const Element *element = element_operand(ch, scope, expr);
	while (ch->chain_count > base) {
		const AstExpr *node = sema_chain_pop(ch);
		const Element *right = element_operand(ch, scope, node->as.binary.right);
		element = element != NULL && right != NULL ? multiply(ch, element, right) : NULL;
	}
	sema_leave(ch);
	return element;
}

/* ---- groups --------------------------------------------------------------------------------------------------- */

static GroupValue *group_of_generators(Checker *ch, const Scope *scope, const AstExpr *call, const char *name)
{
	uint32_t count = call->as.name.arg_count;
	uint32_t strings = 0;
	Element *generators = ARENA_ARRAY(ch->arena, Element, count);
	bool ok = count > 0;
	for (uint32_t i = 0; i < count; i++) {
		const AstExpr *arg = call->as.name.args[i].value;
		if (sema_kind(ch, scope, arg) == VALUE_STRING) {
			strings++;
			continue;
		}
		const Element *element = sema_element(ch, scope, arg);
		if (element != NULL)
			generators[i] = *element;
		ok = ok && element != NULL;
	}
	if (ok && strings == count) {
		sema_permutations(ch, scope, call);
		return NULL;
	}
	if (ok && strings > 0)
		ok = sema_error(ch, call->span, "E0408",
				"generators are either permutations or elements that act on a grid");
	if (!ok)
		return NULL;
	GroupValue *group = ARENA_NEW(ch->arena, GroupValue);
	group->name = name != NULL ? name : "generated group";
	group->span = call->span;
	group->generators = generators;
	group->generator_count = count;
	return group;
}

GroupValue *sema_group(Checker *ch, const Scope *scope, const AstExpr *expr, const char *name)
{
	while (expr->kind == AST_PAREN)
		expr = expr->as.unary.inner;
	if (expr->kind == AST_NAME) {
		const Value *local = sema_local(scope, expr->as.name.name);
		const Symbol *symbol = local == NULL ? sema_find(ch, expr->as.name.name) : NULL;
		if (local != NULL && local->kind == VALUE_GROUP)
			return local->as.group;
		if (symbol != NULL && symbol->kind == SYMBOL_LANGUAGE && symbol->is_generated)
			return group_of_generators(ch, scope, expr, name);
		if (symbol != NULL && symbol->group != NULL)
			return symbol->group;
	}
	sema_wrong_kind(ch, expr->span, "this place", "a group", sema_kind(ch, scope, expr));
	return NULL;
}

static const Group *close_on(Checker *ch, GroupValue *group, uint32_t dim, Span span)
{
	GridElement *generators = ARENA_ARRAY(ch->arena, GridElement, group->generator_count);
	for (uint32_t i = 0; i < group->generator_count; i++) {
		const Element *g = &group->generators[i];
		if (g->top_axis >= dim || (g->planar && dim != 2)) {
			sema_error(ch, span, "E0409", "generator %u of \"%s\" does not act on %s", i + 1, group->name,
				   planes[dim]);
			if (g->planar)
				diag_hint(ch->diag,
					  "\"rot90\" turns images; on volumes write it as flip(1) * swap(0, 1).");
			else
				diag_hint(ch->diag, "Axes of %s go from 0 to %u.", planes[dim], dim - 1);
			return NULL;
		}
		generators[i] = g->element;
	}
	if (ch->generated_count++ >= LIMIT_GENERATED) {
		sema_error(ch, span, "E0407", "the program makes more than %u groups from generators", LIMIT_GENERATED);
		return NULL;
	}
	return group_generate(ch->arena, group->name, dim, generators, group->generator_count);
}

const Group *sema_group_on(Checker *ch, GroupValue *group, uint32_t dim, Span span)
{
	ENTK_ASSERT(dim >= 1 && dim <= GRID_MAX_DIM);
	if (group->on[dim] != NULL)
		return group->on[dim];
	if (!group->builtin) {
		group->on[dim] = close_on(ch, group, dim, span);
		return group->on[dim];
	}
	group->on[dim] = group_builtin(ch->arena, group->name, dim);
	if (group->on[dim] == NULL) {
		sema_error(ch, span, "E0409", "there is no group \"%s\" on %s", group->name, planes[dim]);
		diag_hint(ch->diag, "Built-in groups on %s: %s; others are made with generated(...).", planes[dim],
			  group_builtin_names(dim));
	}
	return group->on[dim];
}

/* ---- permutations --------------------------------------------------------------------------------------------- */

/* Sets of items come later; their groups are closed all the same, so that the limit is checked. */

#define MAX_ITEMS      1024u
#define MAX_GENERATORS 64u

static void skip_blanks(const AstExpr *string, size_t *at)
{
	while (*at < string->as.string.length &&
	       (string->as.string.text[*at] == ' ' || string->as.string.text[*at] == '\t'))
		++*at;
}

/* One integer from 1 to MAX_ITEMS; 0: none here, or too large. */
static uint32_t read_item(const AstExpr *string, size_t *at)
{
	uint32_t item = 0;
	for (; *at < string->as.string.length; ++*at) {
		char c = string->as.string.text[*at];
		if (c < '0' || c > '9')
			break;
		item = 10 * item + (uint32_t)(c - '0');
		if (item > MAX_ITEMS)
			return 0;
	}
	return item;
}

/* "(1 2 3)(4 5)" into `perm` (items from 0). */
static bool read_cycles(Checker *ch, const AstExpr *string, Span span, uint16_t *perm)
{
	bool used[MAX_ITEMS] = {false};
	size_t at = 0;
	for (uint32_t i = 0; i < MAX_ITEMS; i++)
		perm[i] = (uint16_t)i;
	skip_blanks(string, &at);
	bool ok = at < string->as.string.length;
	while (ok && at < string->as.string.length) {
		ok = string->as.string.text[at++] == '(';
		uint32_t first = 0, last = 0;
		for (;;) {
			skip_blanks(string, &at);
			if (!ok || (at < string->as.string.length && string->as.string.text[at] == ')'))
				break;
			uint32_t item = read_item(string, &at);
			ok = item != 0 && !used[item - 1];
			if (!ok)
				break;
			used[item - 1] = true;
			if (first == 0)
				first = item;
			else
				perm[last - 1] = (uint16_t)(item - 1);
			last = item;
		}
		ok = ok && at < string->as.string.length && first != 0;
		if (ok)
			perm[last - 1] = (uint16_t)(first - 1);
		at++;
		skip_blanks(string, &at);
	}
	if (!ok)
		return sema_error(
			ch, span, "E0408",
			"a permutation is written in cycles of different items from 1 to %u, like \"(1 2 3)(4 5)\"",
			MAX_ITEMS);
	return true;
}

typedef struct PermSet {
	uint32_t degree, count;
	uint16_t *perms;      /* (GROUP_MAX_ORDER + 1) x degree */
	uint32_t table[4096]; /* open addressing; place + 1, 0: empty */
} PermSet;

/* False: it was there. */
static bool insert_perm(PermSet *set, const uint16_t *perm)
{
	uint32_t hash = 2166136261u;
	for (uint32_t i = 0; i < set->degree; i++)
		hash = (hash ^ perm[i]) * 16777619u;
	size_t size = set->degree * sizeof *perm;
	uint32_t place = hash % 4096u;
	for (; set->table[place] != 0; place = (place + 1) % 4096u)
		if (memcmp(set->perms + (size_t)(set->table[place] - 1) * set->degree, perm, size) == 0)
			return false;
	memcpy(set->perms + (size_t)set->count * set->degree, perm, size);
	set->table[place] = ++set->count;
	return true;
}

/* Number of elements of the closure, at most GROUP_MAX_ORDER + 1. */
static uint32_t close_permutations(Arena *arena, const uint16_t *generators, uint32_t count, uint32_t degree)
{
	PermSet *set = ARENA_NEW(arena, PermSet);
	set->degree = degree;
	set->perms = ARENA_ARRAY(arena, uint16_t, (size_t)(GROUP_MAX_ORDER + 1) * degree);
	uint16_t product[MAX_ITEMS];
	for (uint32_t i = 0; i < degree; i++)
		product[i] = (uint16_t)i;
	insert_perm(set, product);
	for (uint32_t next = 0; next < set->count; next++) {
		for (uint32_t g = 0; g < count; g++) {
			const uint16_t *element = set->perms + (size_t)next * degree;
			for (uint32_t i = 0; i < degree; i++)
				product[i] = generators[(size_t)g * MAX_ITEMS + element[i]];
			if (insert_perm(set, product) && set->count > GROUP_MAX_ORDER)
				return set->count;
		}
	}
	return set->count;
}

static void permutations(Checker *ch, const Scope *scope, const AstExpr *call, Arena *scratch)
{
	uint32_t count = call->as.name.arg_count;
	uint16_t *generators = ARENA_ARRAY(scratch, uint16_t, (size_t)count * MAX_ITEMS);
	uint32_t degree = 0;
	for (uint32_t g = 0; g < count; g++) {
		const AstExpr *arg = call->as.name.args[g].value;
		uint16_t *perm = generators + (size_t)g * MAX_ITEMS;
		Value value = sema_value(ch, scope, arg);
		if (value.kind != VALUE_STRING || !read_cycles(ch, value.as.literal, arg->span, perm))
			return;
		for (uint32_t i = degree; i < MAX_ITEMS; i++)
			if (perm[i] != i)
				degree = i + 1;
	}
	if (degree > 0 && close_permutations(scratch, generators, count, degree) > GROUP_MAX_ORDER)
		sema_error(ch, call->span, "E0407", "the group has more than %d elements", GROUP_MAX_ORDER);
	else
		sema_error(ch, call->span, "E0607",
			   "groups of permutations act on sets, which are not available in this version");
}

void sema_permutations(Checker *ch, const Scope *scope, const AstExpr *call)
{
	if (call->as.name.arg_count > MAX_GENERATORS) {
		sema_error(ch, call->span, "E0407", "a group has at most %u generators", MAX_GENERATORS);
	} else if (ch->generated_count++ >= LIMIT_GENERATED) {
		sema_error(ch, call->span, "E0407", "the program makes more than %u groups from generators",
			   LIMIT_GENERATED);
	} else {
		Arena *scratch = arena_create();
		permutations(ch, scope, call, scratch);
		arena_destroy(scratch);
	}
}
