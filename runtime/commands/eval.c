/* `eval D`: fit on the training part, score on the test part. */
#include "commands/commands.h"

#include "cli/common.h"
#include "learn/describe.h"
#include "learn/grams.h"
#include "learn/line.h"
#include "numerics/linalg.h"
#include "regress/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Larger confusion matrices go to the JSON file only. */
#define MAX_PRINTED_CLASSES 20

enum { JSON = 1 };

static const EntkOption options[] = {
	{JSON, "json", 0, "FILE", "a list with one object per net (-: on stdout, instead of the text)"},
	ENTK_LEARN_OPTIONS,
	ENTK_LEARN_LOO_OPTION,
	ENTK_LEARN_STORE_OPTION,
	ENTK_COMMON_OPTIONS,
	{0},
};

static const char *const text = "Fit every net on x_train, y_train of D.npz and score it on x_test, y_test (or "
				"MedMNIST's names). Integer targets are "
				"classes,\n"
				"0/1 integers (n, k) are labels, floats are real targets. The ridge is never chosen on "
				"the test part: a validation part "
				"(x_val,\n"
				"y_val) chooses it where there is one and --ridge says nothing else.";

typedef struct EvalCommand {
	EntkLearnLine line;
	const char *json_path;
	EntkDataset dataset;
	EntkEncoding encoding;
	double *targets; /* outputs x training samples */
	EntkSamples train, test;
	const EntkNet *loaded; /* the net for which samples are loaded */
	EntkJson json;
} EvalCommand;

/* What one net gives. */
typedef struct Result {
	const EntkNet *net;
	EntkRegression regression;
	double *predictions;   /* m x outputs */
	double *probabilities; /* m x outputs, or NULL */
	double *variances;     /* m, in units of the encoded targets, or NULL */
	size_t *confusion;     /* or NULL */
	EntkMetrics metrics;
	double gram_seconds, solve_seconds;
} Result;

static EntkStatus take(EntkLearnLine *line, int id, const char *value, EntkError *error)
{
	(void)id;
	(void)error;
	((EvalCommand *)line)->json_path = value;
	return ENTK_OK;
}

/* ---- one net ----------------------------------------------------------------------------------------------------- */

static EntkStatus load_samples(EvalCommand *command, const EntkNet *net, EntkError *error)
{
	uint32_t precision = command->line.common.program->precision;
	if (command->loaded && entk_same_input(command->loaded, net))
		return ENTK_OK;
	entk_samples_destroy(&command->train);
	entk_samples_destroy(&command->test);
	command->loaded = NULL;
	EntkStatus status =
		entk_dataset_samples(&command->dataset, ENTK_PART_TRAIN, net, precision, &command->train, error);
	if (status == ENTK_OK)
		status = entk_dataset_samples(&command->dataset, ENTK_PART_TEST, net, precision, &command->test, error);
	if (status == ENTK_OK)
		command->loaded = net;
	return status;
}

/* Calibrated variances of the predictions: the process's own, times the scale that leaving one out asks for. */
static EntkStatus find_variances(const double *cross, const double *diagonal, size_t m, Result *result,
				 EntkError *error)
{
	double amplitude = result->regression.merit.amplitude;
	if (!entk_learn_calibrated(amplitude))
		return ENTK_OK;
	result->variances = entk_linalg_matrix(m, 1, "the variances", error);
	if (!result->variances)
		return error->status;
	EntkStatus status = entk_regress_posterior(&result->regression, cross, diagonal, m, result->variances, error);
	for (size_t i = 0; status == ENTK_OK && i < m; i++) {
		result->variances[i] *= amplitude;
		/* Without a ridge a sample that was seen in training has no variance, and no likelihood. */
		if (!(result->variances[i] > 0)) {
			free(result->variances);
			result->variances = NULL;
			return ENTK_OK;
		}
	}
	return status;
}

static EntkStatus find_probabilities(size_t m, size_t classes, Result *result, EntkError *error)
{
	result->probabilities = entk_linalg_matrix(m, classes, "the probabilities", error);
	if (!result->probabilities)
		return error->status;
	for (size_t i = 0; i < m; i++)
		entk_class_probabilities(result->predictions + i * classes, classes, result->variances[i],
					 result->probabilities + i * classes);
	return ENTK_OK;
}

static EntkStatus score(const EvalCommand *command, Result *result, EntkError *error)
{
	const EntkDataset *dataset = &command->dataset;
	const EntkPart *part = &dataset->parts[ENTK_PART_TEST];
	size_t m = part->count, outputs = dataset->outputs;
	EntkStatus status = ENTK_OK;
	switch (dataset->task) {
	case ENTK_TASK_CLASSES:
		if (result->variances)
			status = find_probabilities(m, outputs, result, error);
		if (status == ENTK_OK)
			status = entk_metrics_classes(result->predictions, result->probabilities, part->classes, m,
						      outputs, &result->metrics, error);
		if (status != ENTK_OK)
			return status;
		result->confusion =
			entk_allocate(outputs * outputs, sizeof *result->confusion, "the confusion matrix", error);
		if (!result->confusion)
			return error->status;
		entk_metrics_confusion(result->predictions, part->classes, m, outputs, result->confusion);
		return ENTK_OK;
	case ENTK_TASK_LABELS:
		return entk_metrics_labels(result->predictions, result->variances, part->values, m, outputs,
					   &result->metrics, error);
	case ENTK_TASK_REGRESSION:
		entk_metrics_regression(result->predictions, result->variances, command->encoding.scale, part->values,
					m, outputs, &result->metrics);
	}
	return status;
}

/* Kernels of the training samples, of the test samples with them, and of the test samples with themselves. */
typedef struct Kernels {
	double *train, *cross, *diagonal;
	EntkHeldOut held;
} Kernels;

static void kernels_destroy(Kernels *kernels)
{
	free(kernels->train);
	free(kernels->cross);
	free(kernels->diagonal);
	entk_learn_held_out_destroy(&kernels->held);
}

static EntkStatus find_kernels(EvalCommand *command, const EntkNet *net, Kernels *kernels, EntkError *error)
{
	EntkLearnLine *line = &command->line;
	EntkGramOptions gram = entk_common_gram_options(&line->common);
	kernels->diagonal = entk_linalg_matrix(command->test.count, 1, "the kernels of the test samples", error);
	if (!kernels->diagonal)
		return error->status;
	EntkStatus status = entk_learn_train_gram(line, net, &command->train, &kernels->train, error);
	if (status == ENTK_OK)
		status = entk_learn_gram(line, net, &command->test, &command->train, &kernels->cross, error);
	if (status == ENTK_OK)
		status = entk_gram_diagonal(line->common.program, net, &command->test, &gram,
					    line->learn.ntk ? NULL : kernels->diagonal,
					    line->learn.ntk ? kernels->diagonal : NULL, error);
	if (status == ENTK_OK)
		status = entk_learn_hold_out(line, &command->dataset, net, &command->encoding, &command->train,
					     &kernels->held, error);
	return status;
}

/* The solve takes place in the kernel matrix itself. */
static EntkStatus fit_and_predict(EvalCommand *command, Kernels *kernels, Result *result, EntkError *error)
{
	size_t n = command->train.count, m = command->test.count, outputs = command->dataset.outputs;
	EntkRegressOptions regress = entk_learn_regression(&command->line.learn, n);
	regress.groups = command->dataset.groups;
	regress.validation = kernels->held.validation.count ? &kernels->held.validation : NULL;
	EntkStatus status =
		entk_regress_fit(kernels->train, n, command->targets, outputs, &regress, &result->regression, error);
	if (status != ENTK_OK)
		return status;
	result->predictions = entk_linalg_matrix(m, outputs, "the predictions", error);
	if (!result->predictions)
		return error->status;
	entk_regress_mean(&result->regression, kernels->cross, m, result->predictions);
	entk_decode(&command->encoding, result->predictions, m);
	return find_variances(kernels->cross, kernels->diagonal, m, result, error);
}

static EntkStatus evaluate(EvalCommand *command, const EntkNet *net, Result *result, EntkError *error)
{
	Kernels kernels = {0};
	double start = entk_now();
	EntkStatus status = find_kernels(command, net, &kernels, error);
	result->gram_seconds = entk_now() - start;
	start = entk_now();
	if (status == ENTK_OK)
		status = fit_and_predict(command, &kernels, result, error);
	if (status == ENTK_OK)
		status = score(command, result, error);
	result->solve_seconds = entk_now() - start;
	kernels_destroy(&kernels);
	return status;
}

static void result_destroy(Result *result)
{
	entk_regress_destroy(&result->regression);
	free(result->predictions);
	free(result->probabilities);
	free(result->variances);
	free(result->confusion);
}

/* ---- output -------------------------------------------------------------------------------------------------------- */

static void print_metric(const char *name, double value)
{
	if (!isnan(value))
		printf("  %-20s %.4g\n", name, value);
}

static void print_confusion(const EntkDataset *dataset, const size_t *confusion)
{
	size_t classes = dataset->outputs;
	if (classes > MAX_PRINTED_CLASSES)
		return;
	printf("  confusion (rows: true, columns: predicted)\n   %8s", "");
	for (size_t c = 0; c < classes; c++)
		printf(" %6lld", (long long)dataset->values[c]);
	printf("\n");
	for (size_t r = 0; r < classes; r++) {
		printf("   %8lld", (long long)dataset->values[r]);
		for (size_t c = 0; c < classes; c++)
			printf(" %6zu", confusion[r * classes + c]);
		printf("\n");
	}
}

static void print_result(const EvalCommand *command, const Result *result)
{
	const EntkMetrics *metrics = &result->metrics;
	char gram[32], solve[32];
	printf("net %s: %zu training and %zu test samples\n", result->net->name, command->train.count,
	       command->test.count);
	entk_learn_print_fit(&command->line.learn, &command->dataset, &result->regression);
	if (!isnan(metrics->accuracy))
		printf("  accuracy             %.4f\n  balanced accuracy    %.4f\n", metrics->accuracy,
		       metrics->balanced_accuracy);
	print_metric("AUC", metrics->auc);
	print_metric("mean squared error", metrics->mse);
	print_metric("mean absolute error", metrics->mae);
	print_metric("R2", metrics->r2);
	if (!isnan(metrics->coverage))
		printf("  95 %% intervals       cover %.1f %%, mean width %.4g\n", 100 * metrics->coverage,
		       metrics->interval_width);
	print_metric("NLL (nats)", metrics->nll);
	print_metric("calibration error", metrics->calibration_error);
	if (result->confusion)
		print_confusion(&command->dataset, result->confusion);
	printf("  time                 kernels %s, solve %s\n",
	       entk_duration_text(result->gram_seconds, gram, sizeof gram),
	       entk_duration_text(result->solve_seconds, solve, sizeof solve));
}

static void add_confusion(EntkJson *json, const EntkDataset *dataset, const size_t *confusion)
{
	size_t classes = dataset->outputs;
	entk_json_key(json, "classes");
	entk_json_flat_array(json);
	for (size_t c = 0; c < classes; c++)
		entk_json_integer(json, dataset->values[c]);
	entk_json_close(json, ']');
	entk_json_key(json, "confusion");
	entk_json_array(json);
	for (size_t r = 0; r < classes; r++) {
		entk_json_flat_array(json);
		for (size_t c = 0; c < classes; c++)
			entk_json_integer(json, (int64_t)confusion[r * classes + c]);
		entk_json_close(json, ']');
	}
	entk_json_close(json, ']');
}

static void add_json(EvalCommand *command, const Result *result)
{
	EntkJson *json = &command->json;
	const EntkMetrics *metrics = &result->metrics;
	entk_json_object(json);
	entk_json_put_string(json, "net", result->net->name);
	entk_json_put_string(json, "task", entk_task_name(command->dataset.task));
	entk_json_put_integer(json, "train", (int64_t)command->train.count);
	entk_json_put_integer(json, "test", (int64_t)command->test.count);
	entk_learn_json(&command->line.learn, json);
	entk_learn_json_fit(&result->regression, json);
	entk_json_put_number(json, "loo_accuracy", entk_learn_loo_accuracy(&command->dataset, &result->regression));
	entk_json_put_number(json, "accuracy", metrics->accuracy);
	entk_json_put_number(json, "balanced_accuracy", metrics->balanced_accuracy);
	entk_json_put_number(json, "auc", metrics->auc);
	entk_json_put_number(json, "mse", metrics->mse);
	entk_json_put_number(json, "mae", metrics->mae);
	entk_json_put_number(json, "r2", metrics->r2);
	entk_json_put_number(json, "nll", metrics->nll);
	entk_json_put_number(json, "coverage", metrics->coverage);
	entk_json_put_number(json, "interval_width", metrics->interval_width);
	entk_json_put_number(json, "calibration_error", metrics->calibration_error);
	if (result->confusion)
		add_confusion(json, &command->dataset, result->confusion);
	entk_json_put_number(json, "gram_seconds", result->gram_seconds);
	entk_json_put_number(json, "solve_seconds", result->solve_seconds);
	entk_json_close(json, '}');
}

/* ---- all nets ---------------------------------------------------------------------------------------------------- */

static double bytes_of(const EvalCommand *command)
{
	const EntkPart *parts = command->dataset.parts;
	double n = (double)parts[ENTK_PART_TRAIN].count, m = (double)parts[ENTK_PART_TEST].count;
	double val = command->line.learn.rule == ENTK_RIDGE_VALIDATION ? (double)parts[ENTK_PART_VAL].count : 0;
	return (n + 2 * m + val) * n * sizeof(double) + entk_learn_fit_bytes(&command->line.learn, (size_t)n, false);
}

/* Everything that can be wrong with the data is found before the first kernel. */
static EntkStatus check_all(EvalCommand *command, EntkError *error)
{
	const EntkNet *net;
	EntkStatus status = entk_dataset_open(command->line.arguments[0], true, &command->dataset, error);
	for (size_t i = 0; status == ENTK_OK && (net = entk_common_net(&command->line.common, i)) != NULL; i++) {
		status = entk_dataset_check(&command->dataset, net, error);
		if (status != ENTK_OK && i > 0 && !error->fix[0])
			entk_fix(error, "choose one net with --net");
	}
	if (status == ENTK_OK)
		status = entk_learn_resolve(&command->line.learn, &command->dataset, error);
	if (status == ENTK_OK)
		status = entk_learn_check_memory(bytes_of(command), "the regression", error);
	if (status == ENTK_OK)
		entk_warn_unseen(command->line.program_name, command->line.arguments[0], &command->dataset);
	if (status == ENTK_OK)
		status = entk_encode(&command->dataset, ENTK_PART_TRAIN, NULL,
				     command->dataset.parts[ENTK_PART_TRAIN].count, &command->encoding,
				     &command->targets, error);
	if (status == ENTK_OK && command->json_path)
		status = entk_check_output(command->json_path, command->line.arguments[0], error);
	return status;
}

static EntkStatus run_net(EvalCommand *command, const EntkNet *net, bool silent, EntkError *error)
{
	Result result = {.net = net};
	EntkStatus status = load_samples(command, net, error);
	if (status == ENTK_OK)
		status = evaluate(command, net, &result, error);
	if (status != ENTK_OK) {
		entk_learn_where(net->name, error);
	} else {
		entk_warn_fit(command->line.program_name, net->name, &command->line.learn, &result.regression);
		add_json(command, &result);
		if (!silent)
			print_result(command, &result);
		fflush(stdout);
	}
	result_destroy(&result);
	return status;
}

static EntkStatus run(EntkLearnLine *line, EntkError *error)
{
	EvalCommand *command = (EvalCommand *)line;
	const EntkNet *net;
	bool silent = command->json_path && strcmp(command->json_path, "-") == 0;
	EntkStatus status = check_all(command, error);
	entk_json_array(&command->json);
	for (size_t i = 0; status == ENTK_OK && (net = entk_common_net(&line->common, i)) != NULL; i++)
		status = run_net(command, net, silent, error);
	entk_json_close(&command->json, ']');
	return status == ENTK_OK && command->json_path ? entk_json_write(&command->json, command->json_path, error)
						       : status;
}

static void destroy(EntkLearnLine *line)
{
	EvalCommand *command = (EvalCommand *)line;
	entk_samples_destroy(&command->train);
	entk_samples_destroy(&command->test);
	entk_encoding_destroy(&command->encoding);
	free(command->targets);
	entk_dataset_close(&command->dataset);
	entk_json_destroy(&command->json);
}

int entk_command_eval(const EntkProgram *program, int argc, char **argv)
{
	static const EntkLearnCommand rules = {
		.usage = "eval D.npz [options]",
		.text = text,
		.options = options,
		.names = {"data set"},
		.fix = "name a .npz file with x_train, y_train, x_test, y_test",
		.take = take,
		.run = run,
		.destroy = destroy,
	};
	EvalCommand command = {0};
	return entk_learn_main(program, &rules, &command.line, argc, argv);
}
