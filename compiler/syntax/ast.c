/* Constructors of the syntax tree, one for each action of the grammar. They keep the tree's depth and the lengths of
 * lists within the limits of ast.h, so that every later walk may recurse. */
#include <stdlib.h>
#include <string.h>

#include "syntax/parser.h"

static AstExpr *new_expr(Parser *parser, AstExprKind kind, Span span, uint32_t depth)
{
	AstExpr *expr = ARENA_NEW(parser->arena, AstExpr);
	expr->kind = kind;
	expr->span = span;
	expr->depth = depth;
	return expr;
}

AstExpr *ast_poison(Parser *parser, Span span)
{
	return new_expr(parser, AST_POISON, span, 1);
}

/* A node above others, the deepest of which has `below` levels; poison when that makes too many. */
static AstExpr *new_parent(Parser *parser, AstExprKind kind, Span span, uint32_t below)
{
	if (below < AST_MAX_DEPTH)
		return new_expr(parser, kind, span, below + 1);
	parser_error_skip(parser, span, "E0203", "expression is nested deeper than %d operators", AST_MAX_DEPTH);
	return ast_poison(parser, span);
}

static uint32_t max(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

AstExpr *ast_name(Parser *parser, Span span, const char *name)
{
	AstExpr *expr = new_expr(parser, AST_NAME, span, 1);
	expr->as.name.name = name;
	expr->as.name.name_span = span;
	return expr;
}

AstExpr *ast_call(Parser *parser, Span span, const char *name, Span name_span, const AstArgs *args)
{
	AstExpr *expr = new_parent(parser, AST_NAME, span, args ? args->depth : 0);
	if (expr->kind == AST_POISON)
		return expr;
	expr->as.name.name = name;
	expr->as.name.name_span = name_span;
	expr->as.name.call = true;
	if (args) {
		expr->as.name.args = args->items;
		expr->as.name.arg_count = args->count;
	}
	return expr;
}

AstExpr *ast_string(Parser *parser, Span span, ParserText string)
{
	AstExpr *expr = new_expr(parser, AST_STRING, span, 1);
	expr->as.string.text = string.text;
	expr->as.string.length = string.length;
	return expr;
}

AstExpr *ast_list(Parser *parser, Span span, const AstExprs *items)
{
	AstExpr *expr = new_parent(parser, AST_LIST, span, items ? items->depth : 0);
	if (expr->kind == AST_LIST && items) {
		expr->as.list.items = items->items;
		expr->as.list.count = items->count;
	}
	return expr;
}

AstExpr *ast_binary(Parser *parser, AstExprKind kind, AstExpr *left, Span operator_span, AstExpr *right)
{
	Span span = {left->span.file, left->span.begin, right->span.end};
	AstExpr *expr = new_parent(parser, kind, span, max(left->depth, right->depth));
	if (expr->kind != AST_POISON) {
		expr->as.binary.left = left;
		expr->as.binary.right = right;
		expr->as.binary.operator_span = operator_span;
	}
	return expr;
}

AstExpr *ast_unary(Parser *parser, AstExprKind kind, Span span, AstExpr *inner)
{
	AstExpr *expr = new_parent(parser, kind, span, inner->depth);
	if (expr->kind != AST_POISON)
		expr->as.unary.inner = inner;
	return expr;
}

/* ---- lists ---- */

/* Room for one more of `count` elements: the array, grown to *capacity if need be. */
static void *grow(Parser *parser, void *items, uint32_t count, uint32_t *capacity, size_t size)
{
	if (count < *capacity)
		return items;
	*capacity = *capacity ? 2 * *capacity : 4;
	void *larger = arena_alloc(parser->arena, *capacity, size);
	if (count)
		memcpy(larger, items, count * size);
	return larger;
}

static bool is_full(Parser *parser, uint32_t count, Span span)
{
	if (count < AST_MAX_ELEMENTS)
		return false;
	parser_error_skip(parser, span, "E0204", "more than %u elements between two brackets", AST_MAX_ELEMENTS);
	return true;
}

AstExprs *ast_exprs(Parser *parser, AstExprs *list, AstExpr *expr)
{
	if (!list)
		list = ARENA_NEW(parser->arena, AstExprs);
	if (is_full(parser, list->count, expr->span))
		return list;
	list->items = grow(parser, list->items, list->count, &list->capacity, sizeof *list->items);
	list->items[list->count++] = expr;
	list->depth = max(list->depth, expr->depth);
	return list;
}

AstArgs *ast_args(Parser *parser, AstArgs *list, AstArg arg)
{
	if (!list)
		list = ARENA_NEW(parser->arena, AstArgs);
	if (is_full(parser, list->count, arg.value->span))
		return list;
	list->items = grow(parser, list->items, list->count, &list->capacity, sizeof *list->items);
	list->items[list->count++] = arg;
	list->depth = max(list->depth, arg.value->depth);
	return list;
}

AstNames *ast_names(Parser *parser, AstNames *list, const char *name, Span span)
{
	if (!list)
		list = ARENA_NEW(parser->arena, AstNames);
	if (is_full(parser, list->count, span))
		return list;
	uint32_t capacity = list->capacity;
	list->names = grow(parser, list->names, list->count, &capacity, sizeof *list->names);
	list->spans = grow(parser, list->spans, list->count, &list->capacity, sizeof *list->spans);
	list->names[list->count] = name;
	list->spans[list->count++] = span;
	return list;
}

/* ---- items ---- */

static AstItem *new_item(Parser *parser, AstItemKind kind, Span span)
{
	parser->items = grow(parser, parser->items, parser->item_count, &parser->item_capacity, sizeof *parser->items);
	AstItem *item = &parser->items[parser->item_count++];
	item->kind = kind;
	item->span = span;
	return item;
}

void ast_item_include(Parser *parser, Span span, Span path_span, ParserText path)
{
	if (parser->item_failed)
		return; /* the file would not be found under half a name */
	AstItem *item = new_item(parser, AST_INCLUDE, span);
	item->path = path.text;
	item->name_span = path_span;
}

void ast_item_default(Parser *parser, Span span, const AstArgs *args)
{
	AstItem *item = new_item(parser, AST_DEFAULT, span);
	item->args = args->items;
	item->arg_count = args->count;
}

static int compare_names(const void *left, const void *right, void *names)
{
	const uint32_t *a = left, *b = right;
	const char *const *all = names;
	int order = strcmp(all[*a], all[*b]);
	return order ? order : *a < *b ? -1 : 1;
}

/* A name twice among the parameters: sorted, for there may be many. */
static void check_params(Parser *parser, const AstNames *params)
{
	uint32_t *order = ARENA_ARRAY(parser->arena, uint32_t, params->count);
	for (uint32_t i = 0; i < params->count; i++)
		order[i] = i;
	qsort_r(order, params->count, sizeof *order, compare_names, params->names);
	for (uint32_t i = 1; i < params->count; i++) {
		uint32_t first = order[i - 1], again = order[i];
		if (strcmp(params->names[first], params->names[again]) != 0)
			continue;
		if (!parser->item_failed) {
			parser_error(parser, params->spans[again], "E0205", "parameter \"%s\" stands twice",
				     params->names[again]);
			diag_note(parser->diag, params->spans[first], "\"%s\" stands here first", params->names[first]);
		}
		return;
	}
}

void ast_item(Parser *parser, AstItemKind kind, Span span, const char *name, Span name_span, const AstNames *params,
	      AstExpr *value)
{
	AstItem *item = new_item(parser, kind, span);
	item->name = name;
	item->name_span = name_span;
	item->value = parser->value_failed ? ast_poison(parser, value->span) : value;
	if (params) {
		check_params(parser, params);
		item->params = params->names;
		item->param_spans = params->spans;
		item->param_count = params->count;
	}
}
