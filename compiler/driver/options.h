/* The command line of entkc. */
#ifndef ENTK_OPTIONS_H
#define ENTK_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"

typedef enum OutputForm {
	FORM_PROGRAM, /* no --emit */
	FORM_AST,
	FORM_NETWORK,
	FORM_DOT,
	FORM_RECURSION,
	FORM_LLVM_IR,
	FORM_ASM,
	FORM_OBJECT,
	FORM_SHARED,
	FORM_FORMAT /* --format */
} OutputForm;

typedef struct Options {
	const char *input;  /* "-": stdin */
	const char *output; /* NULL: the default of the form */
	OutputForm form;
	bool form_given; /* --emit or --format */
	bool explain, explain_full, reference, f32;
	const char *cpu; /* NULL: the host */
	const char **disabled;
	uint32_t disabled_count;
	const char **sets; /* "NAME=EXPR" */
	uint32_t set_count;
	const char **include_dirs;
	uint32_t include_dir_count;
	bool coloured;
	DiagFormat diag;
} Options;

typedef enum OptionsResult {
	OPTIONS_RUN,
	OPTIONS_DONE, /* --help, --version, --cpu=help, --explain=CODE: printed */
	OPTIONS_WRONG /* reported to stderr */
} OptionsResult;

OptionsResult options_parse(Arena *arena, int argc, char **argv, Options *options);
bool options_from_stdin(const Options *options);
/* Does this form go to stdout when there is no -o? */
bool form_is_text(OutputForm form);

/* One line to stderr, "entkc: error: ...", for errors that belong to no place in a file. Long names are cut. */
void driver_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
