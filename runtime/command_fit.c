/* `fit D -o M.npz`: train one net and keep it. */
#include "learn.h"
#include "linalg.h"
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUT = 1 };

static const EntkOption options[] = {
	{OUTPUT, "output", 'o', "M.npz", "where the model goes"},
	ENTK_LEARN_OPTIONS,
	ENTK_COMMON_OPTIONS,
	{0},
};

static const char *const text = "Train a net on x_train, y_train of D.npz (or MedMNIST's names) by kernel regression, "
				"for `predict`. Integer targets are classes,\n"
				"0/1 integers (n, k) are labels, floats are real targets. The model holds the training "
				"samples and their kernels.";

typedef struct FitCommand {
	EntkCommon common;
	EntkLearn learn;
	const char *program_name, *path, *output;
	EntkDataset dataset;
	EntkModel model;
	EntkNpzWriter *writer;
} FitCommand;

static EntkStatus parse(FitCommand *command, EntkArgs *args, EntkError *error)
{
	EntkStatus status = ENTK_OK;
	for (int id; status == ENTK_OK && (id = entk_args_next(args, error)) != ENTK_ARG_END;) {
		if (id == ENTK_ARG_ERROR)
			return error->status;
		if (id == ENTK_ARG_POSITIONAL && command->path)
			return entk_fail(error, ENTK_USAGE, args->value, "one argument too many; expected one D.npz");
		if (id == ENTK_ARG_POSITIONAL)
			command->path = args->value;
		else if (id == OUTPUT)
			command->output = args->value;
		else if (entk_learn_has(id))
			status = entk_learn_take(&command->learn, id, args->value, error);
		else
			status = entk_common_take(&command->common, id, args->value, error);
	}
	if (status != ENTK_OK || command->common.help)
		return status;
	if (!command->path) {
		entk_fail(error, ENTK_USAGE, NULL, "no data set; expected %s", args->usage);
		return entk_fix(error, "name a .npz file with x_train, y_train");
	}
	if (!command->output) {
		entk_fail(error, ENTK_USAGE, NULL, "no output file for the model");
		return entk_fix(error, "add -o M.npz");
	}
	return ENTK_OK;
}

/* A model is of one net. */
static EntkStatus choose_net(FitCommand *command, EntkError *error)
{
	const EntkProgram *program = command->common.program;
	char list[300] = "";
	command->model.net = entk_common_net(&command->common, 0);
	if (command->common.net || program->net_count == 1)
		return ENTK_OK;
	for (uint32_t i = 0; i < program->net_count && strlen(list) < 250; i++)
		snprintf(list + strlen(list), sizeof list - strlen(list), "%s%.40s", i ? ", " : "",
			 program->nets[i].name);
	entk_fail(error, ENTK_USAGE, "--net", "a model is of one net, the program has %s",
		  program->net_count ? list : "none");
	return entk_fix(error, "choose one with --net NAME");
}

static EntkStatus find_kernels(FitCommand *command, EntkError *error)
{
	EntkModel *model = &command->model;
	EntkGramOptions gram = entk_common_gram_options(&command->common);
	model->nngp_train = entk_learn_matrix(model->count, model->count, "the Gram matrix", error);
	if (!model->nngp_train)
		return error->status;
	if (model->ntk) {
		model->ntk_train = entk_learn_matrix(model->count, model->count, "the Gram matrix", error);
		if (!model->ntk_train)
			return error->status;
	}
	return entk_gram(command->common.program, model->net, &model->train, NULL, &gram, model->nngp_train,
			 model->ntk_train, error);
}

static EntkStatus prepare(FitCommand *command, EntkError *error)
{
	EntkModel *model = &command->model;
	const EntkProgram *program = command->common.program;
	EntkStatus status = choose_net(command, error);
	if (status == ENTK_OK)
		status = entk_dataset_open(command->path, false, &command->dataset, error);
	if (status == ENTK_OK)
		status = entk_dataset_check(&command->dataset, model->net, error);
	if (status != ENTK_OK)
		return status;
	double n = (double)command->dataset.parts[ENTK_PART_TRAIN].count;
	model->ntk = command->learn.ntk;
	model->time = command->learn.time;
	model->task = command->dataset.task;
	model->outputs = command->dataset.outputs;
	status = entk_learn_check_memory(4 * n * n * sizeof(double), "the regression", error);
	if (status == ENTK_OK)
		status =
			entk_npz_writer_create(command->output, (size_t)((model->ntk ? 2 : 1) * n * n * sizeof(double)),
					       &command->writer, error);
	if (status == ENTK_OK)
		status = entk_dataset_samples(&command->dataset, ENTK_PART_TRAIN, model->net, program->precision,
					      &model->train, error);
	if (status != ENTK_OK)
		return status;
	model->count = model->train.count;
	model->params = entk_learn_matrix(1, program->param_count, "the params", error);
	if (!model->params)
		return error->status;
	memcpy(model->params, command->common.params, program->param_count * sizeof *model->params);
	if (command->dataset.values) {
		model->classes = entk_allocate(model->outputs, sizeof *model->classes, "the classes", error);
		if (!model->classes)
			return error->status;
		memcpy(model->classes, command->dataset.values, model->outputs * sizeof *model->classes);
	}
	return entk_encode(&command->dataset, ENTK_PART_TRAIN, NULL, model->count, &model->encoding, &model->targets,
			   error);
}

static EntkStatus run(FitCommand *command, EntkError *error)
{
	EntkModel *model = &command->model;
	EntkRegression regression = {0};
	EntkStatus status = prepare(command, error);
	EntkRegressOptions regress = entk_learn_regression(&command->learn, command->dataset.groups);
	if (status == ENTK_OK)
		status = find_kernels(command, error);
	if (status == ENTK_OK)
		status = entk_regress_fit(model->ntk ? model->ntk_train : model->nngp_train, model->count,
					  model->targets, model->outputs, &regress, &regression, error);
	if (status == ENTK_NUMERICAL)
		entk_learn_where(model->net, error);
	if (status == ENTK_OK) {
		model->ridge = regression.ridge;
		model->jitter = regression.jitter;
		model->amplitude = regression.merit.amplitude;
		model->alpha = regression.alpha;
		regression.alpha = NULL;
		entk_warn_jitter(command->program_name, model->net->name, &regression);
		status = entk_model_write(command->common.program, model, command->writer, error);
	}
	if (status == ENTK_OK) {
		printf("net %s: %zu training samples\n", model->net->name, model->count);
		entk_learn_print_fit(&command->learn, &command->dataset, &regression);
	}
	entk_regress_destroy(&regression);
	return status;
}

int entk_command_fit(const EntkProgram *program, int argc, char **argv)
{
	EntkArgs args = entk_args_begin("fit D.npz -o M.npz [options]", text, options, argc, argv);
	FitCommand command = {.learn = entk_learn_defaults(), .program_name = argv[0]};
	EntkError error;
	EntkStatus status = entk_common_create(program, &command.common, &error);
	if (status == ENTK_OK)
		status = parse(&command, &args, &error);
	bool help = command.common.help;
	if (status == ENTK_OK && !help) {
		entk_linalg_threads(command.common.threads);
		status = run(&command, &error);
	}
	entk_npz_writer_destroy(command.writer);
	entk_model_destroy(&command.model);
	entk_dataset_close(&command.dataset);
	entk_common_destroy(&command.common);
	if (status != ENTK_OK)
		return entk_error_print(argv[0], &error);
	return help ? entk_args_help(&args) : 0;
}
