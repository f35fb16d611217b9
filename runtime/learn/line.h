/* The command line of the commands that learn (fit, predict, eval, compare, spectrum): read, run, cleaned up. */
#ifndef ENTK_LEARN_LINE_H
#define ENTK_LEARN_LINE_H

#include "cli/common.h"
#include "learn/options.h"

/* The beginning of every learning command's own struct. */
typedef struct EntkLearnLine {
	EntkCommon common;
	EntkLearn learn;
	const char *program_name;
	const char *arguments[2]; /* what stands without a name: "D.npz", "M.npz X" */
} EntkLearnLine;

typedef struct EntkLearnCommand {
	const char *usage, *text; /* for --help */
	const EntkOption *options;
	const char *names[2]; /* of the arguments, for messages: "a data set", "a model"; NULL: there is none */
	const char *fix;      /* what to do when one is missing */
	bool optional;        /* arguments may be missing; `check` decides */
	bool no_params;       /* params are not the command line's to set */
	/* An option of the command's own. */
	EntkStatus (*take)(EntkLearnLine *line, int id, const char *value, EntkError *error);
	/* Is the command line complete? NULL: always. */
	EntkStatus (*check)(EntkLearnLine *line, EntkError *error);
	EntkStatus (*run)(EntkLearnLine *line, EntkError *error);
	void (*destroy)(EntkLearnLine *line);
} EntkLearnCommand;

/* Reads the command line into `line`, runs, cleans up; the exit status. */
int entk_learn_main(const EntkProgram *program, const EntkLearnCommand *command, EntkLearnLine *line, int argc,
		    char **argv);

#endif
