/* Writing JSON: objects, arrays and values one after another; commas, line breaks and indentation come by themselves. */
#ifndef ENTK_OUTPUT_JSON_H
#define ENTK_OUTPUT_JSON_H

#include "output/text.h"
#include "support/status.h"

#include <stdint.h>

#define ENTK_JSON_DEPTH 16

/* Zero-initialize. Memory that runs out is noticed at the end, by entk_json_write. */
typedef struct EntkJson {
	EntkText text;
	unsigned depth;
	bool filled[ENTK_JSON_DEPTH]; /* is there a value in the open object or array already? */
	bool flat[ENTK_JSON_DEPTH];   /* on one line */
	bool after_key;
} EntkJson;

void entk_json_object(EntkJson *json); /* opens one */
void entk_json_array(EntkJson *json);
void entk_json_flat_array(EntkJson *json);          /* on one line, for numbers */
void entk_json_close(EntkJson *json, char bracket); /* '}' or ']' */
void entk_json_key(EntkJson *json, const char *key);

void entk_json_string(EntkJson *json, const char *value);
void entk_json_number(EntkJson *json, double value); /* null when not finite */
void entk_json_integer(EntkJson *json, int64_t value);
void entk_json_bool(EntkJson *json, bool value);

/* A key and its value. */
void entk_json_put_string(EntkJson *json, const char *key, const char *value);
void entk_json_put_number(EntkJson *json, const char *key, double value);
void entk_json_put_integer(EntkJson *json, const char *key, int64_t value);
void entk_json_put_numbers(EntkJson *json, const char *key, const double *values, size_t count);

/* Write the text with a final newline to a file, or to stdout for "-". */
EntkStatus entk_json_write(EntkJson *json, const char *path, EntkError *error);
void entk_json_destroy(EntkJson *json);

#endif
