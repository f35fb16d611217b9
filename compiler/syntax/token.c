/* Tokens that carry a value, and what is said about text that is no token. A token that is wrong has been reported and
 * stands in the tree as poison, so that the parser goes on as if nothing had happened. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "syntax/parser.h"

#define MAX_NUMBER 400 /* characters of a number: no double needs more */

void token_name(Parser *parser, const char *text, size_t length)
{
	if (parser->skipping)
		return;
	if (length > AST_MAX_NAME) {
		parser_error(parser, parser->span, "E0108", "name of %zu characters, the longest has %d", length,
			     AST_MAX_NAME);
		parser->value_failed = true;
		length = AST_MAX_NAME;
	}
	parser->name = arena_copy(parser->arena, text, length);
}

static AstExpr *literal(Parser *parser, AstExprKind kind)
{
	AstExpr *expr = ast_poison(parser, parser->span);
	expr->kind = kind;
	return expr;
}

/* Digits up to `length` characters; saturates. */
static uint64_t integer(const char *text, size_t length)
{
	uint64_t value = 0;
	for (size_t i = 0; i < length; i++) {
		uint64_t digit = (uint64_t)(text[i] - '0');
		if (__builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, digit, &value))
			return UINT64_MAX;
	}
	return value;
}

static bool is_too_long(Parser *parser, size_t length)
{
	if (length <= MAX_NUMBER)
		return false;
	parser_error(parser, parser->span, "E0105", "number of %zu characters, the longest has %d", length, MAX_NUMBER);
	parser->literal = ast_poison(parser, parser->span);
	return true;
}

void token_number(Parser *parser, const char *text, size_t length)
{
	if (parser->skipping || is_too_long(parser, length))
		return;
	AstExpr *expr = literal(parser, AST_NUMBER);
	parser->literal = expr;
	const char *copy = arena_copy(parser->arena, text, length);
	expr->as.number.text = copy;
	expr->as.number.value = strtod(copy, NULL);
	expr->as.number.is_integer = strspn(copy, "0123456789") == length;
	if (expr->as.number.is_integer)
		expr->as.number.integer = integer(text, length);
	if (!isfinite(expr->as.number.value)) {
		parser_error(parser, parser->span, "E0105", "number is out of range, the largest is 1.8e308");
		expr->kind = AST_POISON;
	}
}

void token_bad_number(Parser *parser, const char *text, size_t length)
{
	int shown = length > 40 ? 40 : (int)length;
	const char *dots = length > 40 ? "..." : "";
	parser->literal = ast_poison(parser, parser->span);
	if (parser->item_failed)
		return;
	size_t digits = strspn(text, "0123456789");
	if (text[0] == '.') {
		parser_error(parser, parser->span, "E0104", "number \"%.*s%s\" begins with a point", shown, text, dots);
		diag_hint(parser->diag, "Write a digit before the point: 0.5.");
	} else if (text[digits] == '.' && digits + 1 == length) {
		parser_error(parser, parser->span, "E0104", "number \"%.*s%s\" ends with a point", shown, text, dots);
		diag_hint(parser->diag, "Write a digit after the point, or no point.");
	} else {
		parser_error(parser, parser->span, "E0103", "\"%.*s%s\" is neither a number nor a name", shown, text,
			     dots);
		if (text[digits] == 'X' || text[digits] == 'x')
			diag_hint(parser->diag, "Dims are whole numbers joined by a small x, as in 3x3.");
		else
			diag_hint(parser->diag, "A number is digits, a point and an exponent, as in 1.5e-3; a name "
						"begins with a letter.");
	}
}

void token_dims(Parser *parser, const char *text, size_t length)
{
	uint64_t size[AST_MAX_DIMS];
	uint32_t count = 0;
	for (size_t i = 0; i < length; count++) {
		size_t digits = strspn(text + i, "0123456789");
		if (count < AST_MAX_DIMS)
			size[count] = integer(text + i, digits);
		i += digits + 1;
	}
	parser->literal = ast_poison(parser, parser->span);
	if (count > AST_MAX_DIMS) {
		parser_error(parser, parser->span, "E0106", "dims of %u axes, at most %d are possible", count,
			     AST_MAX_DIMS);
		return;
	}
	parser->literal->kind = AST_DIMS;
	parser->literal->as.dims.count = count;
	memcpy(parser->literal->as.dims.size, size, count * sizeof *size);
}

static void set_string(Parser *parser, const char *text, size_t length)
{
	parser->string = (ParserText){arena_copy(parser->arena, text, length), length};
}

void token_string(Parser *parser, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c < 0x20 || c == 0x7f) {
			uint32_t at = parser->span.begin + 1 + (uint32_t)i;
			parser_error(parser, (Span){parser->file, at, at + 1}, "E0109",
				     "control character U+%04X in a string", c);
			break;
		}
	}
	set_string(parser, text, length);
}

void token_open_string(Parser *parser, const char *text, size_t length)
{
	if (!parser->item_failed) {
		/* the rest of the line may be long: mark its beginning */
		parser_error(parser, (Span){parser->file, parser->span.begin, parser->span.begin + 1}, "E0107",
			     "string has no end on its line");
		diag_hint(parser->diag, "Close it with a second \".");
	}
	if (length && text[length - 1] == '\r')
		length--;
	set_string(parser, text, length);
}

/* Characters that users are likely to write for one that the language has. */
static const char *replacement(const char *text)
{
	static const struct {
		const char *text, *hint;
	} table[] = {
		{"→", "Layers are joined with \"->\"."},
		{">", "Layers are joined with \"->\"."},
		{"|", "Layers are joined with \"->\"."},
		{"×", "Write dims with a small x, as in 3x3, and products with \"*\"."},
		{"·", "Products are written with \"*\"."},
		{"−", "Write the minus sign that is on the keyboard: \"-\"."},
		{"–", "Write the minus sign that is on the keyboard: \"-\"."},
		{"“", "Strings stand in plain double quotes."},
		{"”", "Strings stand in plain double quotes."},
		{"'", "Strings stand in double quotes."},
		{";", "Definitions need nothing between them."},
		{"{", "Pieces of a network are grouped by parentheses."},
		{"}", "Pieces of a network are grouped by parentheses."},
		{".", "A point belongs between two digits."},
		{"\xc2\xa0", "This is a no-break space; write an ordinary one."},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strncmp(text, table[i].text, strlen(table[i].text)) == 0)
			return table[i].hint;
	return NULL;
}

void token_unexpected(Parser *parser, const char *text, size_t length)
{
	if (parser->item_failed)
		return;
	size_t n = utf8_length(text, length);
	uint32_t code = utf8_decode(text, n);
	Span span = {parser->file, parser->span.begin, parser->span.begin + (uint32_t)(n ? n : 1)};
	bool printable = code > 0x20 && code != 0x7f && !(code >= 0x80 && code <= 0xa0);
	if (printable)
		parser_error(parser, span, "E0102", "unexpected character \"%.*s\"", (int)n, text);
	else
		parser_error(parser, span, "E0102", "unexpected character U+%04X", code);
	const char *hint = replacement(text);
	if (hint)
		diag_hint(parser->diag, "%s", hint);
	else if (code >= 0x80)
		diag_hint(parser->diag, "Names are made of the letters a-z and A-Z, digits and \"_\".");
}
