/* `fit D -o M.npz`: train one net and keep it. */
#include "commands/commands.h"

#include "arrays/npz_writer.h"
#include "cli/common.h"
#include "learn/describe.h"
#include "learn/grams.h"
#include "learn/line.h"
#include "learn/model.h"
#include "numerics/linalg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUT = 1, MEAN_ONLY, DRY_RUN, JSON };

static const EntkOption options[] = {
	{OUTPUT, "output", 'o', "M.npz", "where the model goes"},
	{MEAN_ONLY, "mean-only", 0, NULL, "a model without variances: one kernel matrix in memory, none in the file"},
	{DRY_RUN, "dry-run", 0, NULL, "only say what memory and time it would take"},
	{JSON, "json", 0, "FILE", "what is printed as a JSON object (-: on stdout, instead of the text)"},
	ENTK_LEARN_OPTIONS,
	ENTK_LEARN_LOO_OPTION,
	ENTK_LEARN_STORE_OPTION,
	ENTK_COMMON_OPTIONS,
	{0},
};

static const char *const text = "Train a net on x_train, y_train of D.npz (or MedMNIST's names) by kernel regression, "
				"for `predict`. Integer targets are "
				"classes,\n"
				"0/1 integers (n, k) are labels, floats are real targets. The model holds the training "
				"samples and their kernels.";

typedef struct FitCommand {
	EntkLearnLine line;
	const char *output, *json_path;
	bool mean_only, dry_run;
	EntkDataset dataset;
	EntkModel model;
	EntkHeldOut held;
	EntkNpzWriter *writer;
} FitCommand;

static EntkStatus take(EntkLearnLine *line, int id, const char *value, EntkError *error)
{
	FitCommand *command = (FitCommand *)line;
	(void)error;
	if (id == OUTPUT)
		command->output = value;
	else if (id == JSON)
		command->json_path = value;
	else if (id == MEAN_ONLY)
		command->mean_only = true;
	else
		command->dry_run = true;
	return ENTK_OK;
}

static EntkStatus check(EntkLearnLine *line, EntkError *error)
{
	const FitCommand *command = (const FitCommand *)line;
	if (command->output || command->dry_run)
		return entk_check_distinct(command->output, line->arguments[0], error);
	entk_fail(error, ENTK_USAGE, NULL, "no output file for the model");
	return entk_fix(error, "add -o M.npz");
}

/* ---- what it takes ----------------------------------------------------------------------------------------------- */

/* Kernel matrices: the one that is inverted; for the variances of trained networks the NNGP too. */
static int matrices(const FitCommand *command)
{
	return command->model.ntk && !command->mean_only ? 2 : 1;
}

static double bytes_of(const FitCommand *command)
{
	double n = (double)command->dataset.parts[ENTK_PART_TRAIN].count;
	double val = command->line.learn.rule == ENTK_RIDGE_VALIDATION
			     ? (double)command->dataset.parts[ENTK_PART_VAL].count
			     : 0;
	return (matrices(command) * n + val) * n * sizeof(double) +
	       entk_learn_fit_bytes(&command->line.learn, (size_t)n, !command->mean_only);
}

static double file_bytes(const FitCommand *command)
{
	double n = (double)command->dataset.parts[ENTK_PART_TRAIN].count;
	return (command->mean_only ? 0 : matrices(command) * n * n * sizeof(double)) +
	       n * (double)command->model.train.size * command->model.train.precision / 8;
}

static EntkStatus print_dry_run(FitCommand *command, EntkError *error)
{
	const EntkModel *model = &command->model;
	double seconds, n = (double)model->count, pairs = n * (n + 1) / 2;
	EntkGramOptions gram = entk_common_gram_options(&command->line.common);
	EntkRegressOptions regress = entk_learn_regression(&command->line.learn, model->count);
	bool spectrum = entk_regress_needs_spectrum(&regress);
	char duration[32];
	EntkStatus status = entk_gram_calibrate(command->line.common.program, model->net, &model->train, &gram,
						model->ntk, &seconds, error);
	if (status != ENTK_OK)
		return status;
	seconds *= pairs / entk_thread_count(gram.threads);
	printf("net %s: %zu training samples\n", model->net->name, model->count);
	printf("  kernels              %.4g pairs, about %s\n", pairs,
	       entk_duration_text(seconds, duration, sizeof duration));
	printf("  memory               %.4g MB: %d kernel matri%s of %.4g MB, %s\n", 1e-6 * bytes_of(command),
	       matrices(command), matrices(command) == 1 ? "x" : "ces", 1e-6 * n * n * sizeof(double),
	       spectrum ? "and an eigendecomposition" : "factorized in place");
	printf("  leave-one-out        %s\n",
	       !spectrum && regress.skip_loo ? "not computed (--loo=always)" : "computed");
	printf("  model file           %.4g MB\n", 1e-6 * file_bytes(command));
	return ENTK_OK;
}

/* ---- preparation ------------------------------------------------------------------------------------------------- */

/* A model is of one net. */
static EntkStatus choose_net(FitCommand *command, EntkError *error)
{
	const EntkProgram *program = command->line.common.program;
	char list[300] = "";
	command->model.net = entk_common_net(&command->line.common, 0);
	if (entk_common_one_net(&command->line.common, error) != ENTK_OK)
		return error->status;
	if (command->line.common.net || program->net_count == 1)
		return ENTK_OK;
	for (uint32_t i = 0; i < program->net_count && strlen(list) < 250; i++)
		snprintf(list + strlen(list), sizeof list - strlen(list), "%s%.40s", i ? ", " : "",
			 program->nets[i].name);
	entk_fail(error, ENTK_USAGE, "--net", "a model is of one net, the program has %s",
		  program->net_count ? list : "none");
	return entk_fix(error, "choose one with --net NAME");
}

static EntkStatus open_data(FitCommand *command, EntkError *error)
{
	EntkModel *model = &command->model;
	EntkStatus status = choose_net(command, error);
	if (status == ENTK_OK)
		status = entk_dataset_open(command->line.arguments[0], false, &command->dataset, error);
	if (status == ENTK_OK)
		status = entk_dataset_check(&command->dataset, model->net, error);
	if (status == ENTK_OK)
		status = entk_learn_resolve(&command->line.learn, &command->dataset, error);
	if (status == ENTK_OK)
		status = entk_dataset_samples(&command->dataset, ENTK_PART_TRAIN, model->net,
					      command->line.common.program->precision, &model->train, error);
	model->count = model->train.count;
	model->ntk = command->line.learn.ntk;
	model->time = command->line.learn.time * command->line.learn.learning_rate;
	model->task = command->dataset.task;
	model->outputs = command->dataset.outputs;
	return status;
}

/* What the model says about itself. */
static EntkStatus describe(FitCommand *command, EntkError *error)
{
	EntkModel *model = &command->model;
	size_t params = command->line.common.program->param_count;
	model->params = entk_linalg_matrix(1, params, "the params", error);
	if (!model->params)
		return error->status;
	memcpy(model->params, command->line.common.params, params * sizeof *model->params);
	if (command->dataset.values) {
		model->classes = entk_allocate(model->outputs, sizeof *model->classes, "the classes", error);
		if (!model->classes)
			return error->status;
		memcpy(model->classes, command->dataset.values, model->outputs * sizeof *model->classes);
	}
	return entk_encode(&command->dataset, ENTK_PART_TRAIN, NULL, model->count, &model->encoding, &model->targets,
			   error);
}

static EntkStatus find_kernels(FitCommand *command, EntkError *error)
{
	EntkModel *model = &command->model;
	bool want_nngp = !model->ntk || !command->mean_only;
	if (want_nngp)
		model->nngp_train = entk_linalg_matrix(model->count, model->count, "the Gram matrix", error);
	if (model->ntk)
		model->ntk_train = entk_linalg_matrix(model->count, model->count, "the Gram matrix", error);
	if ((want_nngp && !model->nngp_train) || (model->ntk && !model->ntk_train))
		return error->status;
	EntkStatus status = entk_learn_train_grams(&command->line, model->net, &model->train, model->nngp_train,
						   model->ntk_train, error);
	if (status == ENTK_OK)
		status = entk_learn_hold_out(&command->line, &command->dataset, model->net, &model->encoding,
					     &model->train, &command->held, error);
	return status;
}

/* ---- fit --------------------------------------------------------------------------------------------------------- */

/* Solves in the kernel matrix itself. Where the model keeps that, a Cholesky factorization is undone afterwards; an
 * eigendecomposition cannot be, and works on a copy. */
static EntkStatus solve(FitCommand *command, EntkRegression *regression, EntkError *error)
{
	EntkModel *model = &command->model;
	double *kernel = model->ntk ? model->ntk_train : model->nngp_train, *copy = NULL;
	EntkRegressOptions regress = entk_learn_regression(&command->line.learn, model->count);
	regress.groups = command->dataset.groups;
	regress.validation = command->held.validation.count ? &command->held.validation : NULL;
	if (entk_regress_needs_spectrum(&regress) && !command->mean_only) {
		copy = entk_linalg_matrix(model->count, model->count, "a copy of the Gram matrix", error);
		if (!copy)
			return error->status;
		memcpy(copy, kernel, model->count * model->count * sizeof *copy);
	}
	EntkStatus status = entk_regress_fit(copy ? copy : kernel, model->count, model->targets, model->outputs,
					     &regress, regression, error);
	if (status == ENTK_OK && !copy && !command->mean_only)
		entk_regress_restore(regression);
	regression->factor = NULL; /* it was the copy's, or belongs to the model again */
	free(copy);
	return status;
}

static EntkStatus keep(FitCommand *command, EntkRegression *regression, EntkError *error)
{
	EntkModel *model = &command->model;
	model->ridge = regression->ridge;
	model->jitter = regression->jitter;
	model->amplitude = regression->merit.amplitude;
	model->alpha = regression->alpha;
	regression->alpha = NULL;
	if (command->mean_only) {
		free(model->nngp_train);
		free(model->ntk_train);
		model->nngp_train = model->ntk_train = NULL;
	}
	entk_warn_fit(command->line.program_name, model->net->name, &command->line.learn, regression);
	return entk_model_write(command->line.common.program, model, command->writer, error);
}

static EntkStatus write_json(const FitCommand *command, const EntkRegression *regression, EntkError *error)
{
	const EntkProgram *program = command->line.common.program;
	const EntkModel *model = &command->model;
	EntkJson json = {0};
	char hash[32];
	snprintf(hash, sizeof hash, "%016llx", (unsigned long long)model->net->hash);
	entk_json_object(&json);
	entk_json_put_string(&json, "program", program->source);
	entk_json_put_string(&json, "version", program->compiler);
	entk_json_put_integer(&json, "precision", program->precision);
	entk_json_key(&json, "params");
	entk_json_object(&json);
	for (uint32_t i = 0; i < program->param_count; i++)
		entk_json_put_number(&json, program->params[i].name, command->line.common.params[i]);
	entk_json_close(&json, '}');
	entk_json_put_string(&json, "net", model->net->name);
	entk_json_put_string(&json, "hash", hash);
	entk_json_put_string(&json, "data", command->line.arguments[0]);
	entk_json_put_string(&json, "task", entk_task_name(model->task));
	entk_json_put_integer(&json, "outputs", (int64_t)model->outputs);
	entk_json_put_integer(&json, "train", (int64_t)model->count);
	entk_learn_json(&command->line.learn, &json);
	entk_learn_json_fit(regression, &json);
	entk_json_put_number(&json, "loo_accuracy", entk_learn_loo_accuracy(&command->dataset, regression));
	entk_json_close(&json, '}');
	EntkStatus status = entk_json_write(&json, command->json_path, error);
	entk_json_destroy(&json);
	return status;
}

static EntkStatus fit(FitCommand *command, EntkError *error)
{
	EntkRegression regression = {0};
	EntkStatus status = describe(command, error);
	if (status == ENTK_OK)
		status = find_kernels(command, error);
	if (status == ENTK_OK)
		status = solve(command, &regression, error);
	if (status == ENTK_NUMERICAL)
		entk_learn_where(command->model.net->name, error);
	if (status == ENTK_OK)
		status = keep(command, &regression, error);
	if (status == ENTK_OK && command->json_path)
		status = write_json(command, &regression, error);
	if (status == ENTK_OK && !(command->json_path && strcmp(command->json_path, "-") == 0)) {
		printf("net %s: %zu training samples\n", command->model.net->name, command->model.count);
		entk_learn_print_fit(&command->line.learn, &command->dataset, &regression);
	}
	entk_regress_destroy(&regression);
	return status;
}

static EntkStatus run(EntkLearnLine *line, EntkError *error)
{
	FitCommand *command = (FitCommand *)line;
	EntkStatus status = open_data(command, error);
	if (status == ENTK_OK && command->dry_run)
		return print_dry_run(command, error);
	if (status == ENTK_OK)
		status = entk_learn_check_memory(bytes_of(command), "the regression", error);
	if (status == ENTK_OK && command->json_path)
		status = entk_check_output(command->json_path, command->line.arguments[0], error);
	if (status == ENTK_OK)
		status = entk_npz_writer_create(command->output, (size_t)file_bytes(command), &command->writer, error);
	return status == ENTK_OK ? fit(command, error) : status;
}

static void destroy(EntkLearnLine *line)
{
	FitCommand *command = (FitCommand *)line;
	entk_npz_writer_destroy(command->writer);
	entk_model_destroy(&command->model);
	entk_learn_held_out_destroy(&command->held);
	entk_dataset_close(&command->dataset);
}

int entk_command_fit(const EntkProgram *program, int argc, char **argv)
{
	static const EntkLearnCommand rules = {
		.usage = "fit D.npz -o M.npz [options]",
		.text = text,
		.options = options,
		.names = {"data set"},
		.fix = "name a .npz file with x_train, y_train",
		.take = take,
		.check = check,
		.run = run,
		.destroy = destroy,
	};
	FitCommand command = {0};
	return entk_learn_main(program, &rules, &command.line, argc, argv);
}
