/* Warnings: see warn.h. */
#include "cli/warn.h"

#include <stdarg.h>
#include <stdio.h>

void entk_warn(const char *program, const char *where, const char *format, ...)
{
	va_list arguments;
	fprintf(stderr, "%s: warning: %s%s", program, where, *where ? ": " : "");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

void entk_warn_error(const char *program, const EntkError *error)
{
	char text[sizeof error->what + sizeof error->fix + 4];
	snprintf(text, sizeof text, "%s%s%s", error->what, error->fix[0] ? "; " : "", error->fix);
	entk_warn(program, error->where, "%s", text);
}
