/* Command lines of the learning commands: see line.h. */
#include "learn/line.h"

#include "numerics/linalg.h"

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
