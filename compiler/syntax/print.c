/* --emit=ast: one node per line, children indented below it, each with its place. */
#include "syntax/ast.h"

#define MAX_INDENT 100u /* deeper nodes tell their depth in front: long chains stay readable and the output linear */

typedef struct Printer {
	const SourceSet *sources;
	FILE *to;
} Printer;

static void begin_line(const Printer *printer, uint32_t depth)
{
	uint32_t indent = depth < MAX_INDENT ? depth : MAX_INDENT;
	fprintf(printer->to, "%*s", (int)(2 * indent), "");
	if (depth > MAX_INDENT)
		fprintf(printer->to, "%u: ", depth);
}

static void end_line(const Printer *printer, Span span)
{
	const SourceFile *file = &printer->sources->files[span.file];
	SourcePlace begin = source_place(file, span.begin), end = source_place(file, span.end);
	fprintf(printer->to, "  %u:%u-%u:%u\n", begin.line, begin.column, end.line, end.column);
}

static void print_expr(const Printer *printer, const AstExpr *expr, uint32_t depth);

static void print_args(const Printer *printer, const AstArg *args, uint32_t count, uint32_t depth)
{
	for (uint32_t i = 0; i < count; i++) {
		if (!args[i].name) {
			print_expr(printer, args[i].value, depth);
			continue;
		}
		begin_line(printer, depth);
		fprintf(printer->to, "argument %s", args[i].name);
		end_line(printer, args[i].name_span);
		print_expr(printer, args[i].value, depth + 1);
	}
}

static const char *kind_text(const AstExpr *expr)
{
	switch (expr->kind) {
	case AST_NAME:
		return expr->as.name.call ? "call" : "name";
	case AST_NUMBER:
		return "number";
	case AST_DIMS:
		return "dims";
	case AST_STRING:
		return "string";
	case AST_LIST:
		return "list";
	case AST_ADD:
		return "+";
	case AST_SUB:
		return "-";
	case AST_MUL:
		return "*";
	case AST_DIV:
		return "/";
	case AST_COMPOSE:
		return "->";
	case AST_POWER:
		return "^";
	case AST_NEGATE:
		return "negate";
	case AST_PAREN:
		return "parentheses";
	case AST_POISON:
		return "error";
	}
	return "";
}

static void print_text(const Printer *printer, const AstExpr *expr)
{
	if (expr->kind == AST_NAME) {
		fprintf(printer->to, " %s", expr->as.name.name);
	} else if (expr->kind == AST_NUMBER) {
		fprintf(printer->to, " %s", expr->as.number.text);
	} else if (expr->kind == AST_STRING) {
		fprintf(printer->to, " \"%s\"", expr->as.string.text);
	} else if (expr->kind == AST_DIMS) {
		/* as written: sizes that no integer holds are saturated in the tree */
		const char *text = printer->sources->files[expr->span.file].text;
		fprintf(printer->to, " %.*s", (int)(expr->span.end - expr->span.begin), text + expr->span.begin);
	}
}

static void print_expr(const Printer *printer, const AstExpr *expr, uint32_t depth)
{
	begin_line(printer, depth);
	fputs(kind_text(expr), printer->to);
	print_text(printer, expr);
	end_line(printer, expr->span);
	switch (expr->kind) {
	case AST_NAME:
		print_args(printer, expr->as.name.args, expr->as.name.arg_count, depth + 1);
		break;
	case AST_LIST:
		for (uint32_t i = 0; i < expr->as.list.count; i++)
			print_expr(printer, expr->as.list.items[i], depth + 1);
		break;
	case AST_ADD:
	case AST_SUB:
	case AST_MUL:
	case AST_DIV:
	case AST_COMPOSE:
	case AST_POWER:
		print_expr(printer, expr->as.binary.left, depth + 1);
		print_expr(printer, expr->as.binary.right, depth + 1);
		break;
	case AST_NEGATE:
	case AST_PAREN:
		print_expr(printer, expr->as.unary.inner, depth + 1);
		break;
	case AST_NUMBER:
	case AST_DIMS:
	case AST_STRING:
	case AST_POISON:
		break;
	}
}

static const char *item_text(AstItemKind kind)
{
	switch (kind) {
	case AST_INCLUDE:
		return "include";
	case AST_LET:
		return "let";
	case AST_PARAM:
		return "param";
	case AST_DEFAULT:
		return "default";
	case AST_GROUP:
		return "group";
	case AST_ACTIVATION:
		return "activation";
	case AST_DEF:
		return "def";
	case AST_NET:
		return "net";
	}
	return "";
}

static void print_file(const Printer *printer, const AstFile *file, uint32_t depth);

static void print_item(const Printer *printer, const AstItem *item, uint32_t depth)
{
	begin_line(printer, depth);
	fputs(item_text(item->kind), printer->to);
	if (item->name)
		fprintf(printer->to, " %s", item->name);
	for (uint32_t i = 0; i < item->param_count; i++)
		fprintf(printer->to, "%s%s%s", i ? ", " : "(", item->params[i], i + 1 == item->param_count ? ")" : "");
	if (item->path)
		fprintf(printer->to, " \"%s\"", item->path);
	end_line(printer, item->span);
	print_args(printer, item->args, item->arg_count, depth + 1);
	if (item->value)
		print_expr(printer, item->value, depth + 1);
	if (item->included)
		print_file(printer, item->included, depth + 1);
}

static void print_file(const Printer *printer, const AstFile *file, uint32_t depth)
{
	begin_line(printer, depth);
	fprintf(printer->to, "file %s\n", printer->sources->files[file->file].path);
	for (uint32_t i = 0; i < file->item_count; i++)
		print_item(printer, &file->items[i], depth + 1);
}

void ast_print(const AstFile *file, const SourceSet *sources, FILE *to)
{
	const Printer printer = {sources, to};
	print_file(&printer, file, 0);
}
