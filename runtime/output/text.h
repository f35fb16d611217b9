/* Texts that grow while they are written. */
#ifndef ENTK_OUTPUT_TEXT_H
#define ENTK_OUTPUT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* After a failed allocation `failed` is set and appends do nothing. Zero-initialize. */
typedef struct EntkText {
	char *bytes;
	size_t size, capacity;
	bool failed;
} EntkText;

void entk_text_add(EntkText *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A JSON string with quotes and escapes. */
void entk_text_add_json_string(EntkText *text, const char *string);
/* A JSON number (all digits that matter; null when not finite). */
void entk_text_add_json_number(EntkText *text, double value);
void entk_text_destroy(EntkText *text);

#endif
