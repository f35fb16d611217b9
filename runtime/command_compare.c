/* `compare D`: all nets side by side over training-set sizes and seeds. */
#include "compare.h"

#include "linalg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZES = 1, SEEDS, TRAIN, TEST, JSON, FIGURE };

static const EntkOption options[] = {
	{SIZES, "sizes", 0, "N,N,..", "training-set sizes (25,50,100,200,400 as far as there are samples)"},
	{SEEDS, "seeds", 0, "N", "random draws of each training set (5)"},
	{TRAIN, "train", 0, "N", "draw from N training samples only (twice the largest size, or all there are)"},
	{TEST, "test", 0, "N", "test on N samples only (all)"},
	{JSON, "json", 0, "FILE", "all numbers as one JSON object (-: on stdout, instead of the tables)"},
	{FIGURE, "figure", 0, "PREFIX", "draw PREFIX.svg and PREFIX.png with gnuplot"},
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

/* "25,50,100" into ascending, distinct sizes. */
static EntkStatus parse_sizes(EntkCompare *compare, const char *value, EntkError *error)
{
	compare->size_count = 0;
	for (const char *start = value;; start++) {
		size_t length = strcspn(start, ",");
		char number[32];
		uint64_t size;
		snprintf(number, sizeof number, "%.*s", (int)(length < 31 ? length : 31), start);
		EntkStatus status = entk_parse_count("--sizes", number, 1, UINT32_MAX / 2, &size, error);
		if (status != ENTK_OK)
			return status;
		if (compare->size_count == ENTK_COMPARE_SIZES)
			return entk_fail(error, ENTK_USAGE, "--sizes", "more than %d sizes", ENTK_COMPARE_SIZES);
		if (compare->size_count > 0 && size <= compare->sizes[compare->size_count - 1])
			return entk_fail(error, ENTK_USAGE, "--sizes", "%llu after %zu, expected ascending sizes",
					 (unsigned long long)size, compare->sizes[compare->size_count - 1]);
		compare->sizes[compare->size_count++] = (size_t)size;
		start += length;
		if (*start == '\0')
			return ENTK_OK;
	}
}

static EntkStatus take_count(const char *option, const char *value, uint64_t high, size_t *count, EntkError *error)
{
	uint64_t number;
	EntkStatus status = entk_parse_count(option, value, 1, high, &number, error);
	if (status == ENTK_OK)
		*count = (size_t)number;
	return status;
}

static EntkStatus take(EntkCompare *compare, int id, const char *value, EntkError *error)
{
	switch (id) {
	case ENTK_ARG_ERROR:
		return error->status;
	case ENTK_ARG_POSITIONAL:
		if (compare->path)
			return entk_fail(error, ENTK_USAGE, value, "one argument too many; expected one D.npz");
		compare->path = value;
		return ENTK_OK;
	case SIZES:
		return parse_sizes(compare, value, error);
	case SEEDS:
		return take_count("--seeds", value, 10000, &compare->seeds, error);
	case TRAIN:
		return take_count("--train", value, UINT32_MAX / 2, &compare->pool_limit, error);
	case TEST:
		return take_count("--test", value, UINT32_MAX / 2, &compare->test_limit, error);
	case JSON:
		compare->json_path = value;
		return ENTK_OK;
	case FIGURE:
		compare->figure = value;
		return ENTK_OK;
	default:
		return entk_learn_has(id) ? entk_learn_take(&compare->learn, id, value, error)
					  : entk_common_take(&compare->common, id, value, error);
	}
}

static EntkStatus parse(EntkCompare *compare, EntkArgs *args, EntkError *error)
{
	EntkStatus status = ENTK_OK;
	for (int id; status == ENTK_OK && (id = entk_args_next(args, error)) != ENTK_ARG_END;)
		status = take(compare, id, args->value, error);
	if (status == ENTK_OK && !compare->common.help && !compare->path) {
		entk_fail(error, ENTK_USAGE, NULL, "no data set; expected %s", args->usage);
		return entk_fix(error, "name a .npz file with x_train, y_train, x_test, y_test");
	}
	return status;
}

int entk_command_compare(const EntkProgram *program, int argc, char **argv)
{
	EntkArgs args = entk_args_begin("compare D.npz [options]", text, options, argc, argv);
	EntkCompare compare = {.learn = entk_learn_defaults(), .seeds = 5, .program_name = argv[0]};
	EntkError error;
	EntkStatus status = entk_common_create(program, &compare.common, &error);
	if (status == ENTK_OK)
		status = parse(&compare, &args, &error);
	bool help = compare.common.help;
	if (status == ENTK_OK && !help) {
		entk_linalg_threads(compare.common.threads);
		status = entk_compare_run(&compare, &error);
	}
	if (status == ENTK_OK && !help)
		status = entk_compare_report(&compare, &error);
	entk_compare_destroy(&compare);
	if (status != ENTK_OK)
		return entk_error_print(argv[0], &error);
	return help ? entk_args_help(&args) : 0;
}
