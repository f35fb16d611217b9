/* A growing text, mostly for JSON: see text.h. */
#include "output/text.h"

#include "base/number.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(EntkText *text, size_t more)
{
	if (text->failed)
		return false;
	if (text->size + more + 1 > text->capacity) {
		size_t capacity = 2 * text->capacity + more + 256;
		char *bytes = realloc(text->bytes, capacity);
		if (!bytes) {
			text->failed = true;
			return false;
		}
		text->bytes = bytes;
		text->capacity = capacity;
	}
	return true;
}

void entk_text_add(EntkText *text, const char *format, ...)
{
	va_list arguments, again;
	va_start(arguments, format);
	va_copy(again, arguments);
	int length = vsnprintf(NULL, 0, format, arguments);
	if (length >= 0 && reserve(text, (size_t)length)) {
		vsnprintf(text->bytes + text->size, (size_t)length + 1, format, again);
		text->size += (size_t)length;
	}
	va_end(again);
	va_end(arguments);
}

void entk_text_add_json_string(EntkText *text, const char *string)
{
	entk_text_add(text, "\"");
	for (const unsigned char *c = (const unsigned char *)string; *c; c++) {
		if (*c == '"' || *c == '\\')
			entk_text_add(text, "\\%c", *c);
		else if (*c == '\n')
			entk_text_add(text, "\\n");
		else if (*c < 32)
			entk_text_add(text, "\\u%04x", *c);
		else
			entk_text_add(text, "%c", *c);
	}
	entk_text_add(text, "\"");
}

void entk_text_add_json_number(EntkText *text, double value)
{
	char number[ENTK_NUMBER_SIZE];
	entk_text_add(text, "%s", isfinite(value) ? entk_number_text(value, number) : "null");
}

void entk_text_destroy(EntkText *text)
{
	free(text->bytes);
	memset(text, 0, sizeof *text);
}
