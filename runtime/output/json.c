/* JSON writer: see json.h. */
#include "output/json.h"

#include "output/target.h"
#include "output/text.h"

#include <inttypes.h>
#include <string.h>

static bool is_flat(const EntkJson *json)
{
	return json->depth > 0 && json->flat[json->depth - 1];
}

static void new_line(EntkJson *json)
{
	entk_text_add(&json->text, "\n%*s", (int)(2 * json->depth), "");
}

/* What stands between two values. */
static void separate(EntkJson *json)
{
	if (json->after_key) {
		json->after_key = false;
		return;
	}
	if (json->depth == 0)
		return;
	if (json->filled[json->depth - 1])
		entk_text_add(&json->text, is_flat(json) ? ", " : ",");
	json->filled[json->depth - 1] = true;
	if (!is_flat(json))
		new_line(json);
}

static void open_bracket(EntkJson *json, char bracket, bool flat)
{
	bool inside_flat = is_flat(json);
	separate(json);
	entk_text_add(&json->text, "%c", bracket);
	if (json->depth == ENTK_JSON_DEPTH) {
		json->text.failed = true;
		return;
	}
	json->filled[json->depth] = false;
	json->flat[json->depth++] = flat || inside_flat;
}

void entk_json_object(EntkJson *json)
{
	open_bracket(json, '{', false);
}

void entk_json_array(EntkJson *json)
{
	open_bracket(json, '[', false);
}

void entk_json_flat_array(EntkJson *json)
{
	open_bracket(json, '[', true);
}

void entk_json_close(EntkJson *json, char bracket)
{
	if (json->depth == 0)
		return;
	bool flat = is_flat(json), filled = json->filled[json->depth - 1];
	json->depth--;
	if (filled && !flat)
		new_line(json);
	entk_text_add(&json->text, "%c", bracket);
}

void entk_json_key(EntkJson *json, const char *key)
{
	separate(json);
	entk_text_add_json_string(&json->text, key);
	entk_text_add(&json->text, ": ");
	json->after_key = true;
}

void entk_json_string(EntkJson *json, const char *value)
{
	separate(json);
	entk_text_add_json_string(&json->text, value);
}

void entk_json_number(EntkJson *json, double value)
{
	separate(json);
	entk_text_add_json_number(&json->text, value);
}

void entk_json_integer(EntkJson *json, int64_t value)
{
	separate(json);
	entk_text_add(&json->text, "%" PRId64, value);
}

void entk_json_bool(EntkJson *json, bool value)
{
	separate(json);
	entk_text_add(&json->text, value ? "true" : "false");
}

void entk_json_put_string(EntkJson *json, const char *key, const char *value)
{
	entk_json_key(json, key);
	entk_json_string(json, value);
}

void entk_json_put_number(EntkJson *json, const char *key, double value)
{
	entk_json_key(json, key);
	entk_json_number(json, value);
}

void entk_json_put_integer(EntkJson *json, const char *key, int64_t value)
{
	entk_json_key(json, key);
	entk_json_integer(json, value);
}

void entk_json_put_numbers(EntkJson *json, const char *key, const double *values, size_t count)
{
	entk_json_key(json, key);
	entk_json_flat_array(json);
	for (size_t i = 0; i < count; i++)
		entk_json_number(json, values[i]);
	entk_json_close(json, ']');
}

EntkStatus entk_json_write(EntkJson *json, const char *path, EntkError *error)
{
	entk_text_add(&json->text, "\n");
	if (json->text.failed)
		return entk_fail_memory(error, "the JSON text", json->text.size);
	return entk_write_text(path, json->text.bytes, json->text.size, error);
}

void entk_json_destroy(EntkJson *json)
{
	entk_text_destroy(&json->text);
	memset(json, 0, sizeof *json);
}
