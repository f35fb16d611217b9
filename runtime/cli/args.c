/* Command lines: see args.h. */
#include "cli/args.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OPTIONS 64

EntkArgs entk_args_begin(const char *usage, const char *text, const EntkOption *options, int argc, char **argv)
{
	return (EntkArgs){.usage = usage, .text = text, .options = options, .argc = argc, .argv = argv, .next = 1};
}

static const EntkOption *find_option(const EntkOption *options, const char *name, size_t length, char letter)
{
	for (const EntkOption *o = options; o->name; o++)
		if (letter ? o->letter == letter : strlen(o->name) == length && memcmp(o->name, name, length) == 0)
			return o;
	return NULL;
}

static bool takes_many(const EntkOption *option)
{
	size_t length = strlen(option->argument);
	return length > 3 && strcmp(option->argument + length - 3, " ..") == 0;
}

static int fail_option(EntkError *error, const char *option, const char *what)
{
	entk_fail(error, ENTK_USAGE, option, "%s", what);
	return ENTK_ARG_ERROR;
}

static int unknown_option(const EntkArgs *args, const char *shown, const char *name, EntkError *error)
{
	const char *names[MAX_OPTIONS];
	size_t count = 0;
	for (const EntkOption *o = args->options; o->name && count < MAX_OPTIONS; o++)
		names[count++] = o->name;
	entk_fail(error, ENTK_USAGE, shown, "no such option");
	const char *near = entk_nearest(name, names, count);
	if (near)
		entk_fix(error, "did you mean --%s?", near);
	else
		entk_fix(error, "--help lists the options");
	return ENTK_ARG_ERROR;
}

int entk_args_next(EntkArgs *args, EntkError *error)
{
	if (args->next >= args->argc)
		return ENTK_ARG_END;
	char *word = args->argv[args->next++];
	if (!args->only_positional && strcmp(word, "--") == 0) {
		args->only_positional = true;
		return entk_args_next(args, error);
	}
	if (args->only_positional || word[0] != '-' || word[1] == '\0') {
		args->value = word;
		return ENTK_ARG_POSITIONAL;
	}
	const EntkOption *option;
	const char *value;
	if (word[1] == '-') {
		value = strchr(word, '=');
		size_t length = value ? (size_t)(value - word) - 2 : strlen(word + 2);
		option = find_option(args->options, word + 2, length, '\0');
		if (value)
			value++;
		if (!option) {
			char name[64];
			snprintf(name, sizeof name, "%.*s", (int)(length < 60 ? length : 60), word + 2);
			return unknown_option(args, word, name, error);
		}
	} else {
		option = find_option(args->options, NULL, 0, word[1]);
		value = word[2] ? word + 2 : NULL;
		if (!option)
			return unknown_option(args, word, word + 1, error);
	}
	if (!option->argument && value)
		return fail_option(error, word, "this option takes no value");
	if (option->argument && !value) {
		if (args->next >= args->argc) {
			entk_fail(error, ENTK_USAGE, word, "this option needs a value: --%s=%s", option->name,
				  option->argument);
			return ENTK_ARG_ERROR;
		}
		value = args->argv[args->next++];
	}
	const uint64_t bit = UINT64_C(1) << (option - args->options);
	if (option->argument && !takes_many(option) && (args->given & bit)) {
		entk_fail(error, ENTK_USAGE, word, "given twice: it takes one value");
		return ENTK_ARG_ERROR;
	}
	args->given |= bit;
	args->value = value;
	return option->id;
}

#define HELP_COLUMNS 80

void entk_print_wrapped(const char *text, size_t length, size_t column, size_t indent)
{
	const char *end = text + length;
	bool first = true; /* of its line: no blank before it */
	while (text < end) {
		size_t word = strcspn(text, " \n");
		word = word < (size_t)(end - text) ? word : (size_t)(end - text);
		if (word && !first && column + 1 + word > HELP_COLUMNS) {
			printf("\n%*s", (int)indent, "");
			column = indent;
			first = true;
		}
		if (word) {
			printf("%s%.*s", first ? "" : " ", (int)word, text);
			column += word + !first;
			first = false;
		}
		text += word;
		text += text < end;
	}
	putchar('\n');
}

static size_t blanks(const char *text)
{
	return strspn(text, " ");
}

/* The bytes of a block: a paragraph, or a row of a table with the lines that continue it. */
static size_t block_length(const char *text)
{
	enum { ROW = 2 };
	bool row = blanks(text) >= ROW;
	size_t length = strcspn(text, "\n");
	while (text[length] == '\n' && text[length + 1] && text[length + 1] != '\n') {
		size_t next = blanks(text + length + 1);
		if (row ? next <= ROW : next >= ROW)
			break;
		length += 1 + strcspn(text + length + 1, "\n");
	}
	return length;
}

static void print_text(const char *text)
{
	while (*text) {
		size_t length = block_length(text), line = strcspn(text, "\n"), column = 0;
		/* A row's last column begins behind the last two blanks of its first line. */
		for (size_t i = 2; blanks(text) >= 2 && i < line; i++)
			if (text[i - 1] == ' ' && text[i - 2] == ' ' && text[i] != ' ')
				column = i;
		printf("%.*s", (int)column, text);
		entk_print_wrapped(text + column, length - column, column, column);
		text += length + (text[length] == '\n');
		for (; *text == '\n'; text++)
			putchar('\n');
	}
}

int entk_args_help(const EntkArgs *args)
{
	enum { LEFT = 27 };
	printf("usage: %s %s\n", args->argv[0], args->usage);
	if (args->text) {
		putchar('\n');
		print_text(args->text);
	}
	printf("\nOptions:\n");
	for (const EntkOption *o = args->options; o->name; o++) {
		char left[64], letter[8] = "";
		if (o->letter)
			snprintf(letter, sizeof letter, "-%c, ", o->letter);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->argument ? "=" : "",
			 o->argument ? o->argument : "");
		if (strlen(left) > 24)
			printf("  %s\n%*s", left, LEFT, "");
		else
			printf("  %-24s ", left);
		entk_print_wrapped(o->help, strlen(o->help), LEFT, LEFT);
	}
	return 0;
}

/* ---- numbers --------------------------------------------------------------------------------------------------- */

EntkStatus entk_parse_real(const char *option, const char *text, double low, double high, double *value,
			   EntkError *error)
{
	char *end;
	errno = 0;
	double number = strtod(text, &end);
	if (end == text || *end || isnan(number))
		return entk_fail(error, ENTK_USAGE, option, "expected a number, got \"%s\"", text);
	if (errno == ERANGE || number < low || number > high)
		return entk_fail(error, ENTK_USAGE, option, "expected a number between %g and %g, got %s", low, high,
				 text);
	*value = number;
	return ENTK_OK;
}

EntkStatus entk_parse_count(const char *option, const char *text, uint64_t low, uint64_t high, uint64_t *value,
			    EntkError *error)
{
	char *end;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	/* strtoull accepts blanks and a minus sign. */
	if (*text < '0' || *text > '9' || *end)
		return entk_fail(error, ENTK_USAGE, option, "expected a whole number, got \"%s\"", text);
	if (errno == ERANGE || number < low || number > high)
		return entk_fail(error, ENTK_USAGE, option, "expected a whole number between %llu and %llu, got %s",
				 (unsigned long long)low, (unsigned long long)high, text);
	*value = number;
	return ENTK_OK;
}

EntkStatus entk_parse_kernels(const char *text, bool *nngp, bool *ntk, EntkError *error)
{
	*nngp = strcmp(text, "ntk") != 0;
	*ntk = strcmp(text, "nngp") != 0;
	if (*nngp && *ntk && strcmp(text, "both") != 0)
		return entk_fail(error, ENTK_USAGE, "--kernel", "expected nngp, ntk or both, got \"%s\"", text);
	return ENTK_OK;
}

EntkStatus entk_parse_sizes(const char *option, const char *text, size_t most, size_t *sizes, size_t *count,
			    EntkError *error)
{
	*count = 0;
	for (const char *start = text;; start++) {
		size_t length = strcspn(start, ",");
		char number[32];
		uint64_t size;
		snprintf(number, sizeof number, "%.*s", (int)(length < 31 ? length : 31), start);
		EntkStatus status = entk_parse_count(option, number, 1, UINT32_MAX / 2, &size, error);
		if (status != ENTK_OK)
			return status;
		if (*count == most)
			return entk_fail(error, ENTK_USAGE, option, "more than %zu sizes", most);
		if (*count > 0 && size <= sizes[*count - 1])
			return entk_fail(error, ENTK_USAGE, option, "%llu after %zu, expected ascending sizes",
					 (unsigned long long)size, sizes[*count - 1]);
		sizes[(*count)++] = (size_t)size;
		start += length;
		if (*start == '\0')
			return ENTK_OK;
	}
}
