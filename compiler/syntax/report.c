/* Errors of the parser: one per item, as what follows a mistake is rarely another one. */
#include <stdarg.h>
#include <stdio.h>

#include "syntax/parser.h"

static __attribute__((format(printf, 4, 0))) bool item_error(Parser *parser, Span span, const char *code,
							     const char *format, va_list args)
{
	if (parser->item_failed)
		return false;
	parser->item_failed = true;
	char text[512];
	vsnprintf(text, sizeof text, format, args);
	return diag_error(parser->diag, span, code, "%s", text);
}

bool parser_error(Parser *parser, Span span, const char *code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	item_error(parser, span, code, format, args);
	va_end(args);
	return false;
}

bool parser_error_skip(Parser *parser, Span span, const char *code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	item_error(parser, span, code, format, args);
	va_end(args);
	parser->skipping = true;
	return false;
}
