/* Command lines of the learning commands: see learn.h. */
#include "learn.h"
#include "linalg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- options ---------------------------------------------------------------------------------------------------- */

EntkLearn entk_learn_defaults(void)
{
	return (EntkLearn){.ntk = true, .rule = ENTK_RIDGE_FIXED, .ridge = 1e-4, .time = INFINITY, .learning_rate = 1};
}

bool entk_learn_has(int id)
{
	return id >= ENTK_LEARN_KERNEL && id <= ENTK_LEARN_LOO;
}

static EntkStatus take_loo(EntkLearn *learn, const char *value, EntkError *error)
{
	static const char *const words[] = {"auto", "always", "never"};
	for (int i = 0; i < 3; i++)
		if (strcmp(value, words[i]) == 0) {
			learn->loo = (EntkLoo)i;
			return ENTK_OK;
		}
	return entk_fail(error, ENTK_USAGE, "--loo", "expected auto, always or never, got \"%s\"", value);
}

EntkStatus entk_learn_take(EntkLearn *learn, int id, const char *value, EntkError *error)
{
	switch (id) {
	case ENTK_LEARN_KERNEL:
		learn->ntk = strcmp(value, "ntk") == 0;
		if (!learn->ntk && strcmp(value, "nngp") != 0)
			return entk_fail(error, ENTK_USAGE, "--kernel", "expected ntk or nngp, got \"%s\"", value);
		return ENTK_OK;
	case ENTK_LEARN_RIDGE:
		learn->ridge_given = true;
		return entk_ridge_parse("--ridge", value, &learn->rule, &learn->ridge, error);
	case ENTK_LEARN_RATE:
		learn->rate_given = true;
		return entk_parse_real("--learning-rate", value, 1e-300, 1e300, &learn->learning_rate, error);
	case ENTK_LEARN_LOO:
		return take_loo(learn, value, error);
	case ENTK_LEARN_STORE:
		learn->store = value;
		return ENTK_OK;
	default:
		learn->time = INFINITY;
		return strcmp(value, "inf") == 0 ? ENTK_OK
						 : entk_parse_real("--time", value, 0, 1e300, &learn->time, error);
	}
}

const char *entk_learn_kernel(const EntkLearn *learn)
{
	return learn->ntk ? "ntk" : "nngp";
}

EntkStatus entk_learn_resolve(EntkLearn *learn, const EntkDataset *dataset, EntkError *error)
{
	bool has = dataset->parts[ENTK_PART_VAL].x_key != NULL;
	if (!learn->ridge_given && has)
		learn->rule = ENTK_RIDGE_VALIDATION;
	if (learn->rule != ENTK_RIDGE_VALIDATION || has)
		return ENTK_OK;
	entk_fail(error, ENTK_INPUT, entk_npz_file(dataset->npz), "no validation part for --ridge=val");
	return entk_fix(error, "add x_val, y_val, or choose with --ridge=loo");
}

EntkRegressOptions entk_learn_regression(const EntkLearn *learn, size_t n)
{
	bool skip = learn->loo == ENTK_LOO_AUTO ? n > ENTK_LOO_LIMIT : learn->loo == ENTK_LOO_NEVER;
	return (EntkRegressOptions){
		.ntk = learn->ntk,
		.rule = learn->rule,
		.ridge = learn->ridge,
		.time = learn->time * learn->learning_rate,
		.skip_loo = skip,
	};
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

/* ---- a command line --------------------------------------------------------------------------------------------- */

static EntkStatus take_argument(const EntkLearnCommand *command, EntkLearnLine *line, const char *value,
				EntkError *error)
{
	for (int i = 0; i < 2 && command->names[i]; i++)
		if (!line->arguments[i]) {
			line->arguments[i] = value;
			return ENTK_OK;
		}
	return entk_fail(error, ENTK_USAGE, value, "one argument too many; expected %s", command->usage);
}

static EntkStatus take(const EntkLearnCommand *command, EntkLearnLine *line, int id, const char *value,
		       EntkError *error)
{
	if (id == ENTK_ARG_ERROR)
		return error->status;
	if (id == ENTK_ARG_POSITIONAL)
		return take_argument(command, line, value, error);
	if (entk_learn_has(id))
		return entk_learn_take(&line->learn, id, value, error);
	if (id < ENTK_OPTION_HELP)
		return command->take(line, id, value, error);
	if (id == ENTK_OPTION_SET && command->no_params) {
		entk_fail(error, ENTK_USAGE, "--set", "the model fixes the params");
		return entk_fix(error, "give --set to fit");
	}
	return entk_common_take(&line->common, id, value, error);
}

static EntkStatus parse(const EntkLearnCommand *command, EntkLearnLine *line, EntkArgs *args, EntkError *error)
{
	EntkStatus status = ENTK_OK;
	for (int id; status == ENTK_OK && (id = entk_args_next(args, error)) != ENTK_ARG_END;)
		status = take(command, line, id, args->value, error);
	if (status == ENTK_OK)
		status = entk_common_check(&line->common, error);
	if (status != ENTK_OK || line->common.help)
		return status;
	for (int i = 0; i < 2 && command->names[i] && !command->optional; i++)
		if (!line->arguments[i]) {
			entk_fail(error, ENTK_USAGE, NULL, "no %s; expected %s", command->names[i], command->usage);
			return entk_fix(error, "%s", command->fix);
		}
	return command->check ? command->check(line, error) : ENTK_OK;
}

int entk_learn_main(const EntkProgram *program, const EntkLearnCommand *command, EntkLearnLine *line, int argc,
		    char **argv)
{
	EntkArgs args = entk_args_begin(command->usage, command->text, command->options, argc, argv);
	EntkError error;
	line->learn = entk_learn_defaults();
	line->program_name = argv[0];
	EntkStatus status = entk_common_create(program, &line->common, &error);
	if (status == ENTK_OK)
		status = parse(command, line, &args, &error);
	bool help = line->common.help;
	if (status == ENTK_OK && !help) {
		status = entk_linalg_threads(line->common.threads, &error);
		if (status == ENTK_OK)
			status = command->run(line, &error);
	}
	command->destroy(line);
	entk_common_destroy(&line->common);
	if (status != ENTK_OK)
		return entk_error_print(argv[0], &error);
	return help ? entk_args_help(&args) : 0;
}
