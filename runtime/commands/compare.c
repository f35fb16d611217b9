/* `compare D`: all nets side by side over training-set sizes and seeds. */
#include "commands/commands.h"

#include "cli/common.h"
#include "compare/compare.h"
#include "learn/line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZES = 1, SEEDS, TRAIN, TEST, JSON, FIGURE, WITH, GRAM, RIDGES, STORE, DRY_RUN };

static const EntkOption options[] = {
	{SIZES, "sizes", 0, "N,N,..", "training-set sizes (25,50,100,200,400 as far as there are samples)"},
	{SEEDS, "seeds", 0, "N", "random draws of each training set (5)"},
	{TRAIN, "train", 0, "N", "draw from N training samples only (twice the largest size, or all there are)"},
	{TEST, "test", 0, "N", "test on N samples only (all)"},
	{WITH, "with", 0, "PROGRAM ..", "also all nets of another compiled program, on the same training sets"},
	{GRAM, "gram", 0, "NAME=K ..",
	 "also a kernel from a file FILE.npz[:KEY] or store K.gram[:NET]: the Gram of all samples (train, val, test), "
	 "or, by "
	 "a net of this program, of x_train"},
	{JSON, "json", 0, "FILE", "all numbers as one JSON object (-: on stdout, instead of the tables)"},
	{FIGURE, "figure", 0, "PREFIX", "draw PREFIX.svg, PREFIX.png and PREFIX.pdf with gnuplot"},
	{STORE, "store", 0, "DIR",
	 "keep the nets' kernels in this folder: another run computes only what is not there, also after an "
	 "interruption"},
	{DRY_RUN, "dry-run", 0, NULL, "only say how many pairs, how much memory and how long it would take"},
	{RIDGES, "ridges", 0, NULL, "also a table of the score with every ridge"},
	ENTK_LEARN_OPTIONS,
	ENTK_COMMON_OPTIONS,
	{0},
};

static const char *const text = "Learning curves of every net: training sets of several sizes are drawn at random "
				"(classes in their natural proportions,\n"
				"smaller sets inside larger ones, the same sets for every net), and every net is "
				"scored on the same test samples. Kernels of\n"
				"all samples are computed once per net. The ridge is never chosen on the test samples; "
				"how the result depends on it is shown.";

static EntkStatus take_count(const char *option, const char *value, uint64_t high, size_t *count, EntkError *error)
{
	uint64_t number;
	EntkStatus status = entk_parse_count(option, value, 1, high, &number, error);
	if (status == ENTK_OK)
		*count = (size_t)number;
	return status;
}

static EntkStatus take_other(const char *option, const char *value, const char **list, size_t *count, EntkError *error)
{
	if (*count == ENTK_COMPARE_OTHERS)
		return entk_fail(error, ENTK_USAGE, option, "given more than %d times", ENTK_COMPARE_OTHERS);
	list[(*count)++] = value;
	return ENTK_OK;
}

static EntkStatus take_gram(EntkCompare *compare, const char *value, EntkError *error)
{
	const char *equals = strchr(value, '=');
	if (!equals || equals == value || equals[1] == '\0' || equals - value > 100)
		return entk_fail(error, ENTK_USAGE, "--gram", "expected NAME=FILE or NAME=FILE:KEY, got \"%s\"", value);
	return take_other("--gram", value, compare->grams, &compare->gram_count, error);
}

static EntkStatus take(EntkLearnLine *line, int id, const char *value, EntkError *error)
{
	EntkCompare *compare = (EntkCompare *)line;
	switch (id) {
	case SIZES:
		return entk_parse_sizes("--sizes", value, ENTK_COMPARE_SIZES, compare->sizes, &compare->size_count,
					error);
	case SEEDS:
		return take_count("--seeds", value, 10000, &compare->seeds, error);
	case TRAIN:
		return take_count("--train", value, UINT32_MAX / 2, &compare->pool_limit, error);
	case TEST:
		return take_count("--test", value, UINT32_MAX / 2, &compare->test_limit, error);
	case WITH:
		return take_other("--with", value, compare->programs, &compare->program_count, error);
	case GRAM:
		return take_gram(compare, value, error);
	case JSON:
		compare->json_path = value;
		return ENTK_OK;
	case STORE:
		compare->store = value;
		return ENTK_OK;
	case DRY_RUN:
		compare->dry_run = true;
		return ENTK_OK;
	case RIDGES:
		compare->show_ridges = true;
		return ENTK_OK;
	default:
		compare->figure = value;
		return ENTK_OK;
	}
}

static EntkStatus run(EntkLearnLine *line, EntkError *error)
{
	EntkCompare *compare = (EntkCompare *)line;
	EntkStatus status = entk_compare_run(compare, error);
	return status == ENTK_OK && !compare->dry_run ? entk_compare_report(compare, error) : status;
}

static void destroy(EntkLearnLine *line)
{
	entk_compare_destroy((EntkCompare *)line);
}

int entk_command_compare(const EntkProgram *program, int argc, char **argv)
{
	static const EntkLearnCommand rules = {
		.usage = "compare D.npz [options]",
		.text = text,
		.options = options,
		.names = {"data set"},
		.fix = "name a .npz file with x_train, y_train, x_test, y_test",
		.take = take,
		.run = run,
		.destroy = destroy,
	};
	EntkCompare compare = {.seeds = 5};
	return entk_learn_main(program, &rules, &compare.line, argc, argv);
}
