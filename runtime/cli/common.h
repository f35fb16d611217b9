/* Options that most commands have, and what the commands make of them: nets, params, threads, outputs. */
#ifndef ENTK_CLI_COMMON_H
#define ENTK_CLI_COMMON_H

#include "cli/args.h"
#include "entk_abi.h"
#include "gram/compute.h"
#include "support/status.h"

/* Put ENTK_COMMON_OPTIONS in the command's table and give unknown ids to entk_common_take. */
enum {
	ENTK_OPTION_HELP = 1000,
	ENTK_OPTION_NET,
	ENTK_OPTION_SET,
	ENTK_OPTION_THREADS,
	ENTK_OPTION_PROGRESS,
	ENTK_OPTION_QUIET
};
#define ENTK_COMMON_OPTIONS                                                                                    \
	{ENTK_OPTION_NET, "net", 0, "NAME,..", "only these nets (default: all)"},                              \
		{ENTK_OPTION_SET, "set", 0, "NAME=VALUE ..", "set a param; `info` lists them"},                \
		{ENTK_OPTION_THREADS, "threads", 't', "N", "threads (default: all cores)"},                    \
		{ENTK_OPTION_PROGRESS, "progress", 0, NULL, "show progress even where stderr is no terminal"}, \
		{ENTK_OPTION_QUIET, "quiet", 'q', NULL, "no progress"},                                        \
	{                                                                                                      \
		ENTK_OPTION_HELP, "help", 'h', NULL, "this text"                                               \
	}

typedef struct EntkCommon {
	const EntkProgram *program;
	const EntkNet *net;   /* the first of --net; NULL: it was not given, all nets are meant */
	const EntkNet **nets; /* owned; those of --net, in its order */
	size_t net_count;
	double *params;   /* owned; program->param_count values */
	unsigned threads; /* 0: all */
	bool *set;        /* owned; which of the params --set has set */
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
/* For commands that take one net: is only one of them named by --net, if any? */
EntkStatus entk_common_one_net(const EntkCommon *common, EntkError *error);
/* Nets that are meant: `i` counts from 0; NULL after the last. */
const EntkNet *entk_common_net(const EntkCommon *common, size_t i);

/* ---- outputs ---------------------------------------------------------------------------------------------------- */

/* An output that is one of the command's own inputs ("FILE", "FILE.npz:KEY", or NULL) would destroy it: a usage error. */
EntkStatus entk_check_distinct(const char *output, const char *input, EntkError *error);
/* Can a file of this name be written ("-": stdout can), and is it not the `input` (may be NULL)? So that hours of work are not lost. Nothing
 * is left behind. */
EntkStatus entk_check_output(const char *path, const char *input, EntkError *error);

#endif
