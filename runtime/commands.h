/* The commands of a generated program, and what their command lines share.
 *
 * A command is a row of the table in commands.c. Its function gets argv[0] = the program's name (for messages) and
 * argv[1..] = its own arguments; it returns the exit status. */
#ifndef ENTK_COMMANDS_H
#define ENTK_COMMANDS_H

#include "entk_abi.h"
#include "gram.h"
#include "status.h"

typedef struct EntkCommand {
	const char *name;
	const char *summary; /* one line for `--help` */
	int (*run)(const EntkProgram *program, int argc, char **argv);
} EntkCommand;

int entk_command_info(const EntkProgram *program, int argc, char **argv);
int entk_command_gram(const EntkProgram *program, int argc, char **argv);
int entk_command_export(const EntkProgram *program, int argc, char **argv);
int entk_command_verify(const EntkProgram *program, int argc, char **argv);
int entk_command_merge(const EntkProgram *program, int argc, char **argv);
int entk_command_bench(const EntkProgram *program, int argc, char **argv);
int entk_command_fit(const EntkProgram *program, int argc, char **argv);
int entk_command_predict(const EntkProgram *program, int argc, char **argv);
int entk_command_eval(const EntkProgram *program, int argc, char **argv);
int entk_command_compare(const EntkProgram *program, int argc, char **argv);
int entk_command_check(const EntkProgram *program, int argc, char **argv);
int entk_command_spectrum(const EntkProgram *program, int argc, char **argv);

/* Everything that main() does. */
int entk_main(const EntkProgram *program, int argc, char **argv);

/* ---- options ------------------------------------------------------------------------------------------------- */

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
/* Print usage and options on stdout; returns 0. */
int entk_args_help(const EntkArgs *args);

/* Options that most commands have; put ENTK_COMMON_OPTIONS in the command's table and give unknown ids to entk_common_take. */
enum {
	ENTK_OPTION_HELP = 1000,
	ENTK_OPTION_NET,
	ENTK_OPTION_SET,
	ENTK_OPTION_THREADS,
	ENTK_OPTION_PROGRESS,
	ENTK_OPTION_QUIET
};
#define ENTK_COMMON_OPTIONS                                                                                    \
	{ENTK_OPTION_NET, "net", 0, "NAME", "only this net (default: all)"},                                   \
		{ENTK_OPTION_SET, "set", 0, "NAME=VALUE ..", "set a param; `info` lists them"},                \
		{ENTK_OPTION_THREADS, "threads", 't', "N", "threads (default: all cores)"},                    \
		{ENTK_OPTION_PROGRESS, "progress", 0, NULL, "show progress even where stderr is no terminal"}, \
		{ENTK_OPTION_QUIET, "quiet", 'q', NULL, "no progress"},                                        \
	{                                                                                                      \
		ENTK_OPTION_HELP, "help", 'h', NULL, "this text"                                               \
	}

typedef struct EntkCommon {
	const EntkProgram *program;
	const EntkNet *net; /* NULL: --net was not given, all nets are meant */
	double *params;     /* owned; program->param_count values */
	unsigned threads;   /* 0: all */
	bool *set;          /* owned; which of them --set has set */
	bool show_progress;
	bool help; /* --help was given: the command calls entk_args_help and returns */
	EntkProgress progress;
} EntkCommon;

EntkStatus entk_common_create(const EntkProgram *program, EntkCommon *common, EntkError *error);
void entk_common_destroy(EntkCommon *common);
/* Handle a common option's id. */
EntkStatus entk_common_take(EntkCommon *common, int id, const char *value, EntkError *error);
/* After the last option: do the layers allow the values that --set gave? What entkc checks when it compiles is checked with them. */
EntkStatus entk_common_check(const EntkCommon *common, EntkError *error);
/* Options for entk_gram: params, threads, progress, and cancellation by SIGINT and SIGTERM. */
EntkGramOptions entk_common_gram_options(EntkCommon *common);
/* Nets that are meant: `i` counts from 0; NULL after the last. */
const EntkNet *entk_common_net(const EntkCommon *common, size_t i);

/* Numbers from the command line: whole text, in range, or an error naming `option`. */
EntkStatus entk_parse_real(const char *option, const char *text, double low, double high, double *value,
			   EntkError *error);
/* An output that is one of the command's own inputs ("FILE", "FILE.npz:KEY", or NULL) would destroy it: a usage error. */
EntkStatus entk_check_distinct(const char *output, const char *input, EntkError *error);
EntkStatus entk_parse_count(const char *option, const char *text, uint64_t low, uint64_t high, uint64_t *value,
			    EntkError *error);
/* The value of --kernel where one or both are possible: nngp, ntk, both. */
EntkStatus entk_parse_kernels(const char *text, bool *nngp, bool *ntk, EntkError *error);

/* Non-zero after SIGINT or SIGTERM; handlers are installed by entk_main. */
const volatile int *entk_cancel_flag(void);

/* ---- JSON ------------------------------------------------------------------------------------------------------ */

/* A growing text; after a failed allocation `failed` is set and appends do nothing. Zero-initialize. */
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
