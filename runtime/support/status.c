/* Errors as values: see status.h. */
#include "support/status.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

EntkStatus entk_fail(EntkError *error, EntkStatus status, const char *where, const char *format, ...)
{
	va_list arguments;
	error->status = status;
	error->fix[0] = '\0';
	/* `where` may be the error's own text: a caller that adds context. */
	char place[sizeof error->where];
	snprintf(place, sizeof place, "%s", where ? where : "");
	memcpy(error->where, place, sizeof place);
	va_start(arguments, format);
	vsnprintf(error->what, sizeof error->what, format, arguments);
	va_end(arguments);
	return status;
}

EntkStatus entk_fix(EntkError *error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error->fix, sizeof error->fix, format, arguments);
	va_end(arguments);
	return error->status;
}

EntkStatus entk_fail_memory(EntkError *error, const char *what, size_t bytes)
{
	return entk_fail(error, ENTK_MEMORY, NULL, "out of memory: %s needs %zu bytes", what, bytes);
}

int entk_exit_status(EntkStatus status)
{
	switch (status) {
	case ENTK_OK:
		return 0;
	case ENTK_USAGE:
	case ENTK_INPUT:
		return 1;
	case ENTK_NUMERICAL:
		return 2;
	case ENTK_MEMORY:
	case ENTK_SYSTEM:
	case ENTK_INTERNAL:
		return 3;
	case ENTK_INTERRUPTED:
		return 130;
	}
	return 3;
}

/* Keys and file names come from outside: a newline or an escape sequence in them must not reach the terminal. */
static void add_clean(char *line, size_t size, const char *text)
{
	size_t length = strlen(line);
	for (; *text && length + 1 < size; text++)
		line[length++] = ((unsigned char)*text < 32 || *text == 127) ? '?' : *text;
	line[length] = '\0';
}

int entk_error_print(const char *program, const EntkError *error)
{
	char line[2048] = "";
	if (error->where[0]) {
		add_clean(line, sizeof line, error->where);
		add_clean(line, sizeof line, ": ");
	}
	add_clean(line, sizeof line, error->what);
	if (error->fix[0]) {
		add_clean(line, sizeof line, "; ");
		add_clean(line, sizeof line, error->fix);
	}
	fprintf(stderr, "%s: error: %s\n", program, line);
	return entk_exit_status(error->status);
}

bool entk_multiply(size_t a, size_t b, size_t *product)
{
	return !__builtin_mul_overflow(a, b, product);
}

void *entk_allocate(size_t count, size_t size, const char *what, EntkError *error)
{
	size_t bytes;
	if (!entk_multiply(count, size, &bytes) || bytes > PTRDIFF_MAX) {
		entk_fail(error, ENTK_MEMORY, NULL, "out of memory: %s needs %zu x %zu bytes", what, count, size);
		return NULL;
	}
	void *memory = calloc(bytes ? bytes : 1, 1);
	if (!memory)
		entk_fail_memory(error, what, bytes);
	return memory;
}

void *entk_allocate_aligned(size_t count, size_t size, const char *what, EntkError *error)
{
	size_t bytes;
	void *memory = NULL;
	if (!entk_multiply(count, size, &bytes) || bytes > PTRDIFF_MAX - 64) {
		entk_fail(error, ENTK_MEMORY, NULL, "out of memory: %s needs %zu x %zu bytes", what, count, size);
		return NULL;
	}
	if (posix_memalign(&memory, 64, bytes ? bytes : 1) != 0) {
		entk_fail_memory(error, what, bytes);
		return NULL;
	}
	return memory;
}

/* Edit distance, or something above 2 as soon as it is clear. Names longer than 64 are near to nothing. */
static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned row[65];
	if (n > 64 || m > 64)
		return 99;
	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m];
}

const char *entk_nearest(const char *name, const char *const *names, size_t count)
{
	const char *nearest = NULL;
	unsigned best = 3;
	for (size_t i = 0; i < count; i++) {
		unsigned d = distance(name, names[i]);
		/* Two edits turn any word of two letters into any other. */
		if (d < best && d < strlen(name)) {
			best = d;
			nearest = names[i];
		}
	}
	return nearest;
}
