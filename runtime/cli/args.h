/* Command lines: options from a table, and numbers. */
#ifndef ENTK_CLI_ARGS_H
#define ENTK_CLI_ARGS_H

#include "support/status.h"

#include <stdint.h>

/* A row of a command's option table; the table ends with a row whose name is NULL. Options are --name=VALUE, --name
 * VALUE or -l VALUE; they may stand after positional arguments; `--` ends them. */
typedef struct EntkOption {
	int id;               /* > 0, what entk_args_next returns */
	const char *name;     /* without dashes */
	char letter;          /* 0: none */
	const char *argument; /* "FILE"; "FILE .." may be given more than once; NULL: a flag */
	const char *help;
} EntkOption;

typedef struct EntkArgs {
	const char *usage; /* "gram X [Z] -o K.npz [options]" */
	const char *text;  /* a paragraph for --help, or NULL */
	const EntkOption *options;
	int argc;
	char **argv;
	int next;
	bool only_positional;
	uint64_t given;    /* a bit for each row of the table */
	const char *value; /* of the option or positional argument that entk_args_next returned */
} EntkArgs;

enum { ENTK_ARG_END = 0, ENTK_ARG_ERROR = -1, ENTK_ARG_POSITIONAL = -2 };

EntkArgs entk_args_begin(const char *usage, const char *text, const EntkOption *options, int argc, char **argv);
/* The next option's id with args->value, ENTK_ARG_POSITIONAL with args->value, ENTK_ARG_END, or ENTK_ARG_ERROR with
 * *error set (unknown option with "did you mean", value missing or not wanted). */
int entk_args_next(EntkArgs *args, EntkError *error);
/* Print usage and options on stdout, in lines of at most 80 columns; returns 0. In the text an empty line ends a paragraph; a
 * line that begins with two blanks is a row of a table, and more blanks continue its last column. */
int entk_args_help(const EntkArgs *args);
/* Print `text` in lines of at most 80 columns, the first of which begins in column `column`, the others behind `indent` blanks. */
void entk_print_wrapped(const char *text, size_t length, size_t column, size_t indent);

/* ---- values ---------------------------------------------------------------------------------------------------- */

/* Numbers from the command line: whole text, in range, or an error naming `option`. */
EntkStatus entk_parse_real(const char *option, const char *text, double low, double high, double *value,
			   EntkError *error);
EntkStatus entk_parse_count(const char *option, const char *text, uint64_t low, uint64_t high, uint64_t *value,
			    EntkError *error);
/* The value of --kernel where one or both are possible: nngp, ntk, both. */
EntkStatus entk_parse_kernels(const char *text, bool *nngp, bool *ntk, EntkError *error);
/* "25,50,100" into ascending, distinct sizes, at most `most` of them. */
EntkStatus entk_parse_sizes(const char *option, const char *text, size_t most, size_t *sizes, size_t *count,
			    EntkError *error);

#endif
