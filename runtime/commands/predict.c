/* `predict M.npz X -o P.npz`: what a trained net says about new samples. */
#include "commands/commands.h"

#include "arrays/npz_writer.h"
#include "cli/common.h"
#include "learn/describe.h"
#include "learn/grams.h"
#include "learn/line.h"
#include "learn/model.h"
#include "numerics/linalg.h"
#include "regress/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUT = 1, COV, MEAN_ONLY };

static const EntkOption options[] = {
	{OUTPUT, "output", 'o', "P.npz", "where the predictions go"},
	{COV, "cov", 0, NULL, "also cov (m, m), the covariance between the samples"},
	{MEAN_ONLY, "mean-only", 0, NULL,
	 "no variances: only mean (and class), with fewer kernels and no factorization"},
	ENTK_COMMON_OPTIONS,
	{0},
};

static const char *const text = "Predict with a model that `fit` made. X is FILE.npy, FILE.npz with one array or one "
				"called x, or FILE.npz:KEY. P.npz receives\n"
				"  mean (m, outputs)   classes: scores, whose largest is the prediction (centred: they "
				"sum to 0); labels: in units of 0 and 1;\n"
				"                      real targets: in their units\n"
				"  var                 (m): variance of the outputs, equal for all of them; real "
				"targets: in their units, (m, outputs) if several\n"
				"  class, probability  classes: (m) the class as it is called in the data, (m, "
				"classes) calibrated by leave-one-out\n"
				"  lower, upper        real targets: (m, outputs) 95 % prediction intervals, "
				"calibrated likewise";

typedef struct PredictCommand {
	EntkLearnLine line;
	const char *output;
	bool want_cov, mean_only;
	EntkModel model;
	EntkSamples x;
	EntkNpzWriter *writer;
	/* kernels with the training samples (m x n) and of the samples themselves */
	double *cross_nngp, *cross_ntk;
	double *self_nngp; /* m x m with --cov, else m */
	double *diagonal;  /* m: the inverted kernel's */
	/* results */
	double *mean, *var, *cov, *probability, *interval[2];
	int64_t *class;
} PredictCommand;

static EntkStatus take(EntkLearnLine *line, int id, const char *value, EntkError *error)
{
	PredictCommand *command = (PredictCommand *)line;
	(void)error;
	if (id == OUTPUT)
		command->output = value;
	else if (id == COV)
		command->want_cov = true;
	else
		command->mean_only = true;
	return ENTK_OK;
}

static EntkStatus check(EntkLearnLine *line, EntkError *error)
{
	const PredictCommand *command = (const PredictCommand *)line;
	if (!command->output) {
		entk_fail(error, ENTK_USAGE, NULL, "no output file for the predictions");
		return entk_fix(error, "add -o P.npz");
	}
	if (command->want_cov && command->mean_only)
		return entk_fail(error, ENTK_USAGE, "--cov", "cannot be combined with --mean-only");
	EntkStatus status = entk_check_distinct(command->output, line->arguments[0], error);
	return status == ENTK_OK ? entk_check_distinct(command->output, line->arguments[1], error) : status;
}

/* ---- model and samples ------------------------------------------------------------------------------------------- */

static EntkStatus load_model(PredictCommand *command, EntkError *error)
{
	const char *path = command->line.arguments[0];
	EntkModel *model = &command->model;
	EntkStatus status = entk_common_one_net(&command->line.common, error);
	if (status == ENTK_OK)
		status = entk_model_read(command->line.common.program, path, model, error);
	if (status == ENTK_OK && command->line.common.net && command->line.common.net != model->net)
		return entk_fail(error, ENTK_USAGE, "--net", "the model is of the net \"%s\"", model->net->name);
	if (status != ENTK_OK || model->nngp_train)
		return status;
	if (command->want_cov) {
		entk_fail(error, ENTK_INPUT, path, "no kernels for --cov: the model was fitted with --mean-only");
		return entk_fix(error, "fit again without it");
	}
	command->mean_only = true;
	return ENTK_OK;
}

static EntkStatus load_samples(PredictCommand *command, EntkError *error)
{
	EntkNpz *npz = NULL;
	const char *key;
	EntkStatus status = entk_npz_open(command->line.arguments[1], &npz, error);
	if (status == ENTK_OK)
		status = entk_npz_only_key(npz, "x", &key, error);
	if (status == ENTK_OK)
		status = entk_samples_load(npz, key, command->model.net, command->line.common.program->precision,
					   &command->x, error);
	if (status == ENTK_OK)
		status = entk_samples_check_scale(&command->x, entk_npz_where(npz, key), "the model's training samples",
						  command->model.train.from_bytes, error);
	if (status == ENTK_OK)
		status = entk_samples_check_scale(&command->model.train, "the model's training samples",
						  entk_npz_where(npz, key), command->x.from_bytes, error);
	if (status == ENTK_OK && command->x.count == 0)
		status = entk_fail(error, ENTK_INPUT, entk_npz_where(npz, key), "no samples");
	entk_npz_close(npz);
	return status;
}

static EntkStatus load(PredictCommand *command, EntkError *error)
{
	EntkStatus status = load_model(command, error);
	if (status == ENTK_OK)
		status = load_samples(command, error);
	if (status != ENTK_OK)
		return status;
	double m = (double)command->x.count, n = (double)command->model.count, outputs = (double)command->model.outputs;
	double solve = command->mean_only
			       ? 0
			       : (command->model.ntk ? 2 : 1) * n * n + (isinf(command->model.time) ? 0 : 2) * n * n;
	status = entk_learn_check_memory((solve + 4 * m * n + (command->want_cov ? 3 : 0) * m * m) * sizeof(double),
					 "the prediction", error);
	if (status == ENTK_OK)
		status = entk_npz_writer_create(
			command->output, (size_t)(m * (outputs + 2 + (command->want_cov ? m : 0)) * sizeof(double)),
			&command->writer, error);
	return status;
}

/* ---- kernels ------------------------------------------------------------------------------------------------------- */

static EntkStatus find_kernels(PredictCommand *command, EntkError *error)
{
	const EntkProgram *program = command->line.common.program;
	const EntkModel *model = &command->model;
	size_t m = command->x.count, n = model->count;
	EntkGramOptions gram = entk_common_gram_options(&command->line.common);
	gram.params = model->params;
	bool want_nngp = !model->ntk || !command->mean_only;
	if (want_nngp)
		command->cross_nngp = entk_linalg_matrix(m, n, "the kernels with the training samples", error);
	if (model->ntk)
		command->cross_ntk = entk_linalg_matrix(m, n, "the kernels with the training samples", error);
	if ((want_nngp && !command->cross_nngp) || (model->ntk && !command->cross_ntk))
		return error->status;
	EntkStatus status = entk_gram(program, model->net, &command->x, &model->train, &gram, command->cross_nngp,
				      command->cross_ntk, error);
	if (status != ENTK_OK || command->mean_only)
		return status;
	command->self_nngp = entk_linalg_matrix(m, command->want_cov ? m : 1, "the kernels of the samples", error);
	command->diagonal = entk_linalg_matrix(m, 1, "the kernels of the samples", error);
	if (!command->self_nngp || !command->diagonal)
		return error->status;
	if (command->want_cov)
		status = entk_gram(program, model->net, &command->x, NULL, &gram, command->self_nngp, NULL, error);
	/* The diagonal of the inverted kernel, and without --cov that of the NNGP. */
	double *nngp = command->want_cov ? NULL : command->self_nngp, *ntk = model->ntk ? command->diagonal : NULL;
	if (status == ENTK_OK && (nngp || ntk))
		status = entk_gram_diagonal(program, model->net, &command->x, &gram, nngp, ntk, error);
	for (size_t i = 0; status == ENTK_OK && !model->ntk && i < m; i++)
		command->diagonal[i] = command->self_nngp[command->want_cov ? i * m + i : i];
	return status;
}

/* ---- results ------------------------------------------------------------------------------------------------------- */

static EntkStatus find_mean(PredictCommand *command, EntkError *error)
{
	EntkModel *model = &command->model;
	size_t m = command->x.count, outputs = model->outputs, shape[2] = {m, outputs};
	/* All that the mean reads of a regression. */
	EntkRegression solved = {.n = model->count, .outputs = outputs, .alpha = model->alpha};
	command->mean = entk_linalg_matrix(m, outputs, "the predictions", error);
	if (!command->mean)
		return error->status;
	entk_regress_mean(&solved, model->ntk ? command->cross_ntk : command->cross_nngp, m, command->mean);
	entk_decode(&model->encoding, command->mean, m);
	EntkStatus status = entk_npz_writer_add(command->writer, "mean", ENTK_F64, 2, shape, command->mean, error);
	if (status != ENTK_OK || !model->classes)
		return status;
	command->class = entk_allocate(m, sizeof *command->class, "the predictions", error);
	if (!command->class)
		return error->status;
	for (size_t i = 0; i < m; i++)
		command->class[i] = model->classes[entk_argmax(command->mean + i * outputs, outputs)];
	return entk_npz_writer_add(command->writer, "class", ENTK_I64, 1, &m, command->class, error);
}

/* The variance of real targets is in their units: times the scale's square. */
static EntkStatus add_variance(PredictCommand *command, EntkError *error)
{
	EntkModel *model = &command->model;
	size_t m = command->x.count, outputs = model->outputs, shape[2] = {m, outputs};
	if (model->task != ENTK_TASK_REGRESSION)
		return entk_npz_writer_add(command->writer, "var", ENTK_F64, 1, shape, command->var, error);
	double *scaled = entk_linalg_matrix(m, outputs, "the variances", error);
	if (!scaled)
		return error->status;
	for (size_t i = 0; i < m; i++)
		for (size_t o = 0; o < outputs; o++)
			scaled[i * outputs + o] = command->var[i] * model->encoding.scale[o] * model->encoding.scale[o];
	free(command->var);
	command->var = scaled;
	return entk_npz_writer_add(command->writer, "var", ENTK_F64, outputs == 1 ? 1 : 2, shape, scaled, error);
}

/* Several real targets share one covariance: it is that of the standardized targets, and `scale` goes with it. */
static EntkStatus add_covariance(PredictCommand *command, EntkError *error)
{
	EntkModel *model = &command->model;
	size_t m = command->x.count, shape[2] = {m, m};
	double factor = model->outputs == 1 ? model->encoding.scale[0] * model->encoding.scale[0] : 1;
	for (size_t i = 0; i < m * m; i++)
		command->cov[i] *= factor;
	EntkStatus status = entk_npz_writer_add(command->writer, "cov", ENTK_F64, 2, shape, command->cov, error);
	if (status == ENTK_OK && model->task == ENTK_TASK_REGRESSION && model->outputs > 1)
		status = entk_npz_writer_add(command->writer, "scale", ENTK_F64, 1, &model->outputs,
					     model->encoding.scale, error);
	return status;
}

/* Classes: of having the largest score. Labels: of being 1. */
static EntkStatus add_probabilities(PredictCommand *command, const double *variance, EntkError *error)
{
	EntkModel *model = &command->model;
	size_t m = command->x.count, outputs = model->outputs, shape[2] = {m, outputs};
	command->probability = entk_linalg_matrix(m, outputs, "the probabilities", error);
	if (!command->probability)
		return error->status;
	for (size_t i = 0; i < m; i++) {
		const double *mean = command->mean + i * outputs;
		double *probability = command->probability + i * outputs;
		if (model->classes)
			entk_class_probabilities(mean, outputs, variance[i], probability);
		for (size_t o = 0; !model->classes && o < outputs; o++)
			probability[o] = entk_label_probability(mean[o], variance[i]);
	}
	return entk_npz_writer_add(command->writer, "probability", ENTK_F64, 2, shape, command->probability, error);
}

/* 95 % prediction intervals of real targets. */
static EntkStatus add_intervals(PredictCommand *command, const double *variance, EntkError *error)
{
	const EntkModel *model = &command->model;
	size_t m = command->x.count, outputs = model->outputs, shape[2] = {m, outputs};
	EntkStatus status = ENTK_OK;
	for (int side = 0; side < 2 && status == ENTK_OK; side++) {
		double *bound = command->interval[side] = entk_linalg_matrix(m, outputs, "the intervals", error);
		if (!bound)
			return error->status;
		for (size_t i = 0; i < m * outputs; i++) {
			double half = ENTK_INTERVAL * model->encoding.scale[i % outputs] * sqrt(variance[i / outputs]);
			bound[i] = command->mean[i] + (side ? half : -half);
		}
		status = entk_npz_writer_add(command->writer, side ? "upper" : "lower", ENTK_F64, 2, shape, bound,
					     error);
	}
	return status;
}

/* From the variances of the process with the inverted kernel, scaled as the errors on the training samples ask for. */
static EntkStatus find_uncertainty(PredictCommand *command, const EntkRegression *regression, EntkError *error)
{
	EntkModel *model = &command->model;
	size_t m = command->x.count;
	if (!entk_learn_calibrated(model->amplitude))
		return ENTK_OK;
	double *variance = entk_linalg_matrix(m, 1, "the variances", error);
	EntkStatus status = variance ? ENTK_OK : error->status;
	if (status == ENTK_OK)
		status = entk_regress_posterior(regression, model->ntk ? command->cross_ntk : command->cross_nngp,
						command->diagonal, m, variance, error);
	for (size_t i = 0; status == ENTK_OK && i < m; i++)
		variance[i] *= model->amplitude;
	if (status == ENTK_OK)
		status = model->task == ENTK_TASK_REGRESSION ? add_intervals(command, variance, error)
							     : add_probabilities(command, variance, error);
	free(variance);
	return status;
}

static EntkStatus find_spread(PredictCommand *command, const EntkRegression *regression, EntkError *error)
{
	EntkModel *model = &command->model;
	size_t m = command->x.count;
	EntkCross cross = {m, model->ntk ? command->cross_ntk : command->cross_nngp, command->cross_nngp,
			   model->nngp_train, command->self_nngp};
	command->var = entk_linalg_matrix(m, 1, "the variances", error);
	if (!command->var)
		return error->status;
	if (!command->want_cov)
		return entk_regress_variance(regression, &cross, command->var, error);
	command->cov = entk_linalg_matrix(m, m, "the covariance", error);
	if (!command->cov)
		return error->status;
	EntkStatus status = entk_regress_covariance(regression, &cross, command->cov, error);
	for (size_t i = 0; status == ENTK_OK && i < m; i++)
		command->var[i] = fmax(0, command->cov[i * m + i]);
	return status;
}

/* The factorization that fit made, once more: in the model's own kernel matrix. */
static EntkStatus find_variance(PredictCommand *command, EntkError *error)
{
	EntkModel *model = &command->model;
	EntkRegression regression;
	EntkRegressOptions regress = {.ntk = model->ntk,
				      .rule = ENTK_RIDGE_FIXED,
				      .ridge = model->ridge,
				      .time = model->time,
				      .skip_loo = true};
	EntkStatus status = entk_regress_fit(model->ntk ? model->ntk_train : model->nngp_train, model->count,
					     model->targets, model->outputs, &regress, &regression, error);
	if (status != ENTK_OK)
		return entk_learn_where(model->net->name, error);
	entk_warn_fit(command->line.program_name, model->net->name, &command->line.learn, &regression);
	status = find_spread(command, &regression, error);
	if (status == ENTK_OK)
		status = find_uncertainty(command, &regression, error);
	entk_regress_destroy(&regression);
	if (status == ENTK_OK)
		status = add_variance(command, error);
	return status == ENTK_OK && command->want_cov ? add_covariance(command, error) : status;
}

static EntkStatus run(EntkLearnLine *line, EntkError *error)
{
	PredictCommand *command = (PredictCommand *)line;
	EntkStatus status = load(command, error);
	if (status == ENTK_OK)
		status = find_kernels(command, error);
	if (status == ENTK_OK)
		status = find_mean(command, error);
	if (status == ENTK_OK && !command->mean_only)
		status = find_variance(command, error);
	return status == ENTK_OK ? entk_npz_writer_commit(command->writer, error) : status;
}

static void destroy(EntkLearnLine *line)
{
	PredictCommand *command = (PredictCommand *)line;
	entk_npz_writer_destroy(command->writer);
	entk_model_destroy(&command->model);
	entk_samples_destroy(&command->x);
	free(command->cross_nngp);
	free(command->cross_ntk);
	free(command->self_nngp);
	free(command->diagonal);
	free(command->mean);
	free(command->var);
	free(command->cov);
	free(command->probability);
	free(command->interval[0]);
	free(command->interval[1]);
	free(command->class);
}

int entk_command_predict(const EntkProgram *program, int argc, char **argv)
{
	static const EntkLearnCommand rules = {
		.usage = "predict M.npz X -o P.npz [options]",
		.text = text,
		.options = options,
		.names = {"model", "samples"},
		.fix = "name a model that fit wrote, and a .npy or .npz file",
		.no_params = true,
		.take = take,
		.check = check,
		.run = run,
		.destroy = destroy,
	};
	PredictCommand command = {0};
	return entk_learn_main(program, &rules, &command.line, argc, argv);
}
