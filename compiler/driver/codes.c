/* See codes.h. */
#include "driver/codes.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define WIDTH 80

static const struct {
	const char *code, *phase, *what, *cure;
} entries[] = {
#include "codes.inc"
};

bool code_looks_like(const char *text)
{
	return strchr("EWew", text[0]) && text[0] && text[1] && strspn(text + 1, "0123456789") == strlen(text + 1);
}

/* Words of `text` behind `lead`, in lines that are no wider than a terminal. */
static void print_wrapped(FILE *to, const char *lead, const char *text)
{
	size_t indent = strlen(lead), column = indent;
	fputs(lead, to);
	for (bool first = true; *text; first = false) {
		size_t length = strcspn(text, " ");
		if (!first && column + 1 + length > WIDTH) {
			fprintf(to, "\n%*s", (int)indent, "");
			column = indent;
			first = true;
		}
		fprintf(to, "%s%.*s", first ? "" : " ", (int)length, text);
		column += length + !first;
		text += length;
		text += *text == ' ';
	}
	putc('\n', to);
}

bool code_explain(const char *code, FILE *to)
{
	for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
		if (strcasecmp(code, entries[i].code) != 0)
			continue;
		fprintf(to, "%s  %s\n", entries[i].code, entries[i].phase);
		print_wrapped(to, "  what  ", entries[i].what);
		print_wrapped(to, "  cure  ", entries[i].cure);
		return true;
	}
	return false;
}
