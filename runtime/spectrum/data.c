/* Spectra of the Gram matrices of data: see spectrum.h. */
#include "spectrum/spectrum.h"

#include "data/order.h"
#include "learn/describe.h"
#include "learn/grams.h"
#include "numerics/linalg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seed of the draw that --train makes; the same as that of `compare`. */
#define TRAIN_SEED 1000003

/* Predicted losses stand at 0, 1, 2, 5, 10 .. 10^6 steps. */
#define STEPS 20

static double step_count(size_t i)
{
	static const double leading[3] = {1, 2, 5};
	return i == 0 ? 0 : leading[(i - 1) % 3] * pow(10, (double)((i - 1) / 3));
}

/* What is common to all nets. */
typedef struct Data {
	EntkDataset dataset;
	EntkEncoding encoding;
	size_t *chosen; /* samples of the training part */
	size_t count;
	double *targets; /* outputs x count */
	EntkHeldOut held;
} Data;

/* What one net gives; arrays of `count` numbers descend with the eigenvalues. */
typedef struct Result {
	const char *name;
	EntkSpectrum spectrum;
	double *kernel; /* becomes the eigenvectors */
	double *powers; /* ascending, as the spectrum is */
	double *eigenvalues, *explained;
	double alignment, centred_alignment, complexity, dimension;
	double rate; /* of the predicted descent */
	double loss[STEPS];
	EntkRegression regression;
} Result;

static void result_destroy(Result *result)
{
	entk_regress_destroy(&result->regression);
	entk_spectrum_destroy(&result->spectrum);
	free(result->kernel);
	free(result->powers);
	free(result->eigenvalues);
	free(result->explained);
}

static void data_close(Data *data)
{
	entk_dataset_close(&data->dataset);
	entk_encoding_destroy(&data->encoding);
	entk_learn_held_out_destroy(&data->held);
	free(data->chosen);
	free(data->targets);
}

/* ---- preparation ------------------------------------------------------------------------------------------------- */

static int compare_indices(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return x < y ? -1 : x > y;
}

static EntkStatus choose(const EntkSpectrumCommand *command, Data *data, EntkError *error)
{
	const EntkPart *part = &data->dataset.parts[ENTK_PART_TRAIN];
	data->count = command->limit && command->limit < part->count ? command->limit : part->count;
	data->chosen = entk_allocate(part->count, sizeof *data->chosen, "a draw of samples", error);
	if (!data->chosen)
		return error->status;
	EntkStatus status = entk_stratified_order(part->classes, part->count, part->classes ? data->dataset.outputs : 0,
						  TRAIN_SEED, data->chosen, error);
	qsort(data->chosen, data->count, sizeof *data->chosen, compare_indices);
	return status;
}

/* Targets as a regression learns them, or with --raw as they stand in the file. */
static EntkStatus encode(const EntkSpectrumCommand *command, Data *data, EntkError *error)
{
	EntkEncoding *encoding = &data->encoding;
	EntkStatus status = entk_encode(&data->dataset, ENTK_PART_TRAIN, data->chosen, data->count, encoding,
					&data->targets, error);
	if (status != ENTK_OK || !command->raw || data->dataset.task == ENTK_TASK_CLASSES)
		return status;
	for (size_t o = 0; o < encoding->outputs; o++) {
		encoding->center[o] = 0;
		encoding->scale[o] = 1;
	}
	free(data->targets);
	return entk_encode_as(encoding, &data->dataset, ENTK_PART_TRAIN, data->chosen, data->count, &data->targets,
			      error);
}

static EntkStatus prepare(EntkSpectrumCommand *command, Data *data, EntkError *error)
{
	const EntkNet *net;
	EntkStatus status = entk_dataset_open(command->line.arguments[0], false, &data->dataset, error);
	for (size_t i = 0; status == ENTK_OK && (net = entk_common_net(&command->line.common, i)) != NULL; i++)
		status = entk_dataset_check(&data->dataset, net, error);
	if (status == ENTK_OK && command->line.learn.ridge_given)
		status = entk_learn_resolve(&command->line.learn, &data->dataset, error);
	if (status == ENTK_OK)
		status = choose(command, data, error);
	if (status == ENTK_OK)
		status = entk_learn_check_memory(3 * (double)data->count * (double)data->count * sizeof(double),
						 "the spectrum", error);
	return status == ENTK_OK ? encode(command, data, error) : status;
}

/* ---- one net ----------------------------------------------------------------------------------------------------- */

static EntkStatus find_kernel(EntkSpectrumCommand *command, Data *data, const EntkNet *net, Result *result,
			      EntkError *error)
{
	EntkSamples whole = {0}, samples = {0};
	EntkStatus status = entk_dataset_samples(&data->dataset, ENTK_PART_TRAIN, net,
						 command->line.common.program->precision, &whole, error);
	if (status == ENTK_OK)
		status = entk_samples_subset(&whole, data->chosen, data->count, &samples, error);
	entk_samples_destroy(&whole);
	if (status == ENTK_OK)
		status = entk_learn_train_gram(&command->line, net, &samples, &result->kernel, error);
	entk_learn_held_out_destroy(&data->held);
	if (status == ENTK_OK)
		status = entk_learn_hold_out(&command->line, &data->dataset, net, &data->encoding, &samples,
					     &data->held, error);
	entk_samples_destroy(&samples);
	return status;
}

static EntkStatus fit(EntkSpectrumCommand *command, const Data *data, Result *result, EntkError *error)
{
	EntkRegressOptions options = entk_learn_regression(&command->line.learn, data->count);
	size_t *groups = NULL;
	options.time = INFINITY;
	options.validation = data->held.validation.count ? &data->held.validation : NULL;
	if (data->dataset.groups) {
		groups = entk_allocate(data->count, sizeof *groups, "the groups", error);
		if (!groups)
			return error->status;
		for (size_t i = 0; i < data->count; i++)
			groups[i] = data->dataset.groups[data->chosen[i]];
		options.groups = groups;
	}
	EntkStatus status = entk_regress_fit_spectrum(&result->spectrum, data->targets, data->dataset.outputs, &options,
						      &result->regression, error);
	free(groups);
	return status;
}

/* Numbers and curves that follow from spectrum and powers. */
static EntkStatus derive(const EntkSpectrumCommand *command, const Data *data, Result *result, EntkError *error)
{
	size_t n = data->count;
	double sum = 0, total = 0, count = (double)n * (double)data->dataset.outputs;
	double largest = fabs(result->spectrum.values[n - 1]);
	result->eigenvalues = entk_linalg_matrix(1, n, "the eigenvalues", error);
	result->explained = entk_linalg_matrix(1, n, "the eigenvalues", error);
	if (!result->eigenvalues || !result->explained)
		return error->status;
	for (size_t k = 0; k < n; k++)
		total += result->powers[k];
	for (size_t k = 0; k < n; k++) {
		sum += result->powers[n - 1 - k];
		result->eigenvalues[k] = result->spectrum.values[n - 1 - k];
		result->explained[k] = total > 0 ? sum / total : NAN;
	}
	result->complexity = entk_spectrum_complexity(&result->spectrum, result->powers, result->regression.shift);
	result->dimension = entk_spectrum_dimension(&result->spectrum, result->regression.shift);
	result->rate = command->line.learn.rate_given ? command->line.learn.learning_rate : count / largest;
	for (size_t i = 0; i < STEPS; i++)
		result->loss[i] =
			entk_spectrum_loss(&result->spectrum, result->powers, result->rate / count, step_count(i)) /
			count;
	return ENTK_OK;
}

static EntkStatus analyze(EntkSpectrumCommand *command, Data *data, const EntkNet *net, Result *result,
			  EntkError *error)
{
	size_t n = data->count, outputs = data->dataset.outputs;
	result->name = net->name;
	EntkStatus status = find_kernel(command, data, net, result, error);
	if (status == ENTK_OK)
		status = entk_spectrum_alignment(result->kernel, n, data->targets, outputs, &result->alignment,
						 &result->centred_alignment, error);
	if (status == ENTK_OK)
		status = entk_spectrum_create(result->kernel, n, &result->spectrum, error);
	if (status == ENTK_OK) {
		result->powers = entk_linalg_matrix(1, n, "the targets' powers", error);
		status = result->powers ? entk_spectrum_powers(&result->spectrum, data->targets, outputs,
							       result->powers, error)
					: error->status;
	}
	if (status == ENTK_OK)
		status = fit(command, data, result, error);
	if (status == ENTK_OK)
		status = derive(command, data, result, error);
	return status == ENTK_OK ? status : entk_learn_where(net->name, error);
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* A row of numbers at 1, 2, 5, 10 .. n; `values` NULL: these places themselves. */
static void print_places(const char *name, const char *format, const double *values, size_t n)
{
	printf("  %-20s", name);
	for (size_t i = 1; i < STEPS && step_count(i) < (double)n; i++)
		printf(format, values ? values[(size_t)step_count(i) - 1] : step_count(i));
	printf(format, values ? values[n - 1] : (double)n);
	printf("\n");
}

static void print_eigenvalues(const Result *result, size_t n)
{
	print_places("eigenvalue number", " %8.0f", NULL, n);
	print_places("eigenvalue", " %8.2e", result->eigenvalues, n);
	if (!isnan(result->explained[n - 1]))
		print_places("targets explained", " %8.4f", result->explained, n);
}

static void print_loss(const Result *result)
{
	printf("  %-20s", "steps");
	for (size_t i = 0; i < STEPS; i += i ? 3 : 1)
		printf(" %8.0f", step_count(i));
	printf("\n  %-20s", "predicted loss");
	for (size_t i = 0; i < STEPS; i += i ? 3 : 1)
		printf(" %8.2e", result->loss[i]);
	printf("   (mean squared error, learning rate %.4g)\n", result->rate);
}

static void print_result(const EntkSpectrumCommand *command, const Data *data, const Result *result)
{
	double n = (double)data->count;
	printf("net %s: %zu samples, %zu target%s\n", result->name, data->count, data->dataset.outputs,
	       data->dataset.outputs == 1 ? "" : "s");
	entk_learn_print_fit(&command->line.learn, &data->dataset, &result->regression);
	printf("  step size limit      %.4g (2 / largest eigenvalue: on half the sum of squares)\n",
	       2 / result->eigenvalues[0]);
	printf("  effective dimension  %.4g of %zu\n", result->dimension, data->count);
	if (isnan(result->alignment))
		printf("  alignment            none: the targets are all 0\n");
	else
		printf("  alignment            %.4f\n", result->alignment);
	if (!isnan(result->centred_alignment))
		printf("  centred alignment    %.4f\n", result->centred_alignment);
	printf("  Y'R^-1 Y             %.4g; bound sqrt(2 Y'R^-1 Y / n) %.4g\n", result->complexity,
	       sqrt(2 * result->complexity / n));
	print_eigenvalues(result, data->count);
	print_loss(result);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static void add_numbers(EntkJson *json, const Data *data, const Result *result)
{
	entk_json_put_number(json, "step_limit", 2 / result->eigenvalues[0]);
	entk_json_put_number(json, "effective_dimension", result->dimension);
	entk_json_put_number(json, "alignment", result->alignment);
	entk_json_put_number(json, "centred_alignment", result->centred_alignment);
	entk_json_put_number(json, "complexity", result->complexity);
	entk_json_put_number(json, "complexity_bound", sqrt(2 * result->complexity / (double)data->count));
	entk_json_put_number(json, "learning_rate", result->rate);
}

/* By number of the eigenvalue, by ridge, by step. */
static void add_arrays(EntkJson *json, const Data *data, const Result *result)
{
	double steps[STEPS], dimensions[ENTK_RIDGE_GRID], ridges[ENTK_RIDGE_GRID];
	for (size_t i = 0; i < STEPS; i++)
		steps[i] = step_count(i);
	for (size_t i = 0; i < ENTK_RIDGE_GRID; i++) {
		ridges[i] = entk_ridge_grid(i);
		dimensions[i] = entk_spectrum_dimension(&result->spectrum, ridges[i] * result->spectrum.mean_diagonal);
	}
	entk_json_put_numbers(json, "eigenvalues", result->eigenvalues, data->count);
	entk_json_key(json, "powers");
	entk_json_flat_array(json);
	for (size_t k = 0; k < data->count; k++)
		entk_json_number(json, result->powers[data->count - 1 - k]);
	entk_json_close(json, ']');
	entk_json_put_numbers(json, "ridges", ridges, ENTK_RIDGE_GRID);
	entk_json_put_numbers(json, "effective_dimensions", dimensions, ENTK_RIDGE_GRID);
	entk_json_put_numbers(json, "steps", steps, STEPS);
	entk_json_put_numbers(json, "predicted_mse", result->loss, STEPS);
}

static void add_json(EntkSpectrumCommand *command, const Data *data, const Result *result)
{
	EntkJson *json = &command->json;
	entk_json_object(json);
	entk_json_put_string(json, "net", result->name);
	entk_json_put_string(json, "kernel", entk_learn_kernel(&command->line.learn));
	entk_json_put_string(json, "ridge_rule", entk_ridge_rule_name(command->line.learn.rule));
	entk_json_put_integer(json, "samples", (int64_t)data->count);
	entk_json_put_integer(json, "outputs", (int64_t)data->dataset.outputs);
	entk_learn_json_fit(&result->regression, json);
	add_numbers(json, data, result);
	add_arrays(json, data, result);
	entk_json_close(json, '}');
}

/* ---- figure ------------------------------------------------------------------------------------------------------ */

/* Losses are drawn down to this share of the first one: beyond it every curve falls off a cliff. */
#define LEAST_LOSS 1e-8

typedef struct Drawing {
	double *numbers; /* 1 .. n */
	double *losses;  /* nets x STEPS - 1 */
	EntkCurve *curves[3];
} Drawing;

static EntkStatus drawing_create(const Data *data, const Result *results, size_t count, Drawing *drawing,
				 EntkError *error)
{
	*drawing = (Drawing){
		.numbers = entk_linalg_matrix(1, data->count, "the figure", error),
		.losses = entk_linalg_matrix(count, STEPS - 1, "the figure", error),
	};
	if (!drawing->numbers || !drawing->losses)
		return error->status;
	for (int p = 0; p < 3; p++) {
		drawing->curves[p] = entk_allocate(count, sizeof(EntkCurve), "the figure", error);
		if (!drawing->curves[p])
			return error->status;
	}
	for (size_t i = 0; i < data->count; i++)
		drawing->numbers[i] = (double)(i + 1);
	for (size_t c = 0; c < count; c++) {
		double *losses = drawing->losses + c * (STEPS - 1);
		for (size_t i = 1; i < STEPS; i++)
			losses[i - 1] = results[c].loss[i] > LEAST_LOSS * results[c].loss[0] ? results[c].loss[i] : NAN;
		drawing->curves[0][c] = (EntkCurve){results[c].name, results[c].eigenvalues, NULL};
		drawing->curves[1][c] = (EntkCurve){results[c].name, results[c].explained, NULL};
		drawing->curves[2][c] = (EntkCurve){results[c].name, losses, NULL};
	}
	return ENTK_OK;
}

static void drawing_destroy(Drawing *drawing)
{
	free(drawing->numbers);
	free(drawing->losses);
	for (int p = 0; p < 3; p++)
		free(drawing->curves[p]);
}

static EntkStatus draw(const EntkSpectrumCommand *command, const Data *data, const Result *results, size_t count,
		       EntkError *error)
{
	Drawing drawing;
	double steps[STEPS];
	char title[400];
	const char *path = command->line.arguments[0], *slash = strrchr(path, '/');
	EntkStatus status = drawing_create(data, results, count, &drawing, error);
	for (size_t i = 0; i < STEPS; i++)
		steps[i] = step_count(i);
	char targets[64];
	if (data->dataset.task == ENTK_TASK_REGRESSION)
		snprintf(targets, sizeof targets, "%zu real target%s", data->dataset.outputs,
			 data->dataset.outputs == 1 ? "" : "s");
	else
		snprintf(targets, sizeof targets, "%zu %s", data->dataset.outputs, entk_task_name(data->dataset.task));
	snprintf(title, sizeof title, "%.120s on %.120s (%s): spectrum of the %s, %zu training samples",
		 command->line.common.program->source, slash ? slash + 1 : path, targets,
		 entk_learn_kernel(&command->line.learn), data->count);
	/* As far as any curve goes. */
	size_t last = 2;
	for (size_t c = 0; status == ENTK_OK && c < count; c++)
		for (size_t i = last; i < STEPS - 1; i++)
			if (isfinite(drawing.curves[2][c].y[i]))
				last = i + 1;
	if (status == ENTK_OK) {
		const EntkPanel panels[3] = {
			{"Eigenvalues of the Gram matrix", "place of the eigenvalue", "eigenvalue", "%.0f",
			 drawing.numbers, data->count, drawing.curves[0], count, .many = true, .log_y = true},
			{"Targets along the leading eigenvectors", "number of eigenvectors",
			 "share of the targets' power", "%.0f", drawing.numbers, data->count, drawing.curves[1], count,
			 .many = true, .high = 1},
			{"Predicted training loss", "steps of gradient descent", "mean squared error", "%.0f",
			 steps + 1, last, drawing.curves[2], count, .many = true, .log_y = true},
		};
		const EntkFigure figure = {.title = title, .panels = panels, .panel_count = 3};
		entk_spectrum_draw(command, &figure);
	}
	drawing_destroy(&drawing);
	return status;
}

/* ---- all nets ---------------------------------------------------------------------------------------------------- */

EntkStatus entk_spectrum_of_data(EntkSpectrumCommand *command, EntkError *error)
{
	Data data = {0};
	const EntkNet *net;
	Result *results = NULL;
	size_t count = 0;
	EntkStatus status = prepare(command, &data, error);
	if (status == ENTK_OK) {
		results = entk_allocate(command->line.common.program->net_count, sizeof *results, "the results", error);
		status = results ? ENTK_OK : error->status;
	}
	for (; status == ENTK_OK && (net = entk_common_net(&command->line.common, count)) != NULL; count++) {
		Result *result = &results[count];
		status = analyze(command, &data, net, result, error);
		if (status != ENTK_OK) {
			result_destroy(result);
			break;
		}
		entk_warn_fit(command->line.program_name, net->name, &command->line.learn, &result->regression);
		add_json(command, &data, result);
		if (!entk_spectrum_silent(command))
			print_result(command, &data, result);
		/* Eigenvectors have served, and are large. */
		free(result->kernel);
		result->kernel = NULL;
	}
	if (status == ENTK_OK && command->figure)
		status = draw(command, &data, results, count, error);
	for (size_t i = 0; i < count; i++)
		result_destroy(&results[i]);
	free(results);
	data_close(&data);
	return status;
}
