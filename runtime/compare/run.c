/* Comparing nets: see compare.h. */
#include "compare/compare.h"

#include "support/cancel.h"
#include "learn/describe.h"
#include "learn/grams.h"
#include "numerics/linalg.h"
#include "output/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- preparation ------------------------------------------------------------------------------------------------- */

static EntkStatus check_outputs(const EntkCompare *compare, EntkError *error)
{
	EntkText path = {0};
	EntkStatus status =
		compare->json_path ? entk_check_output(compare->json_path, compare->line.arguments[0], error) : ENTK_OK;
	if (status == ENTK_OK && compare->figure) {
		entk_text_add(&path, "%s.svg", compare->figure);
		status = path.failed ? entk_fail_memory(error, "a file's name", path.size)
				     : entk_check_output(path.bytes, NULL, error);
	}
	entk_text_destroy(&path);
	return status;
}

double entk_compare_solver_bytes(const EntkCompare *compare)
{
	double pool = (double)compare->pool_count, rows = (double)(compare->test_count + compare->val_count),
	       n = (double)compare->sizes[compare->size_count - 1];
	/* The eigensolver's workspace is twice the matrix. */
	return sizeof(double) * (pool * pool + rows * pool + 3 * n * n + rows * n);
}

/* BLAS's threads wait for each other. On small matrices that costs more than it gives, and a busy machine makes it seconds. */
#define SMALL 400

/* Everything that can be wrong with data and outputs is found before the first kernel. */
static EntkStatus prepare(EntkCompare *compare, EntkError *error)
{
	const EntkNet *net;
	EntkStatus status = entk_dataset_open(compare->line.arguments[0], true, &compare->dataset, error);
	for (size_t i = 0; status == ENTK_OK && (net = entk_common_net(&compare->line.common, i)) != NULL; i++) {
		status = entk_dataset_check(&compare->dataset, net, error);
		if (status != ENTK_OK && i > 0 && !error->fix[0])
			entk_fix(error, "choose one net with --net");
	}
	if (status == ENTK_OK)
		status = entk_learn_resolve(&compare->line.learn, &compare->dataset, error);
	if (status == ENTK_OK && compare->line.learn.rule == ENTK_RIDGE_VALIDATION)
		compare->val_count = compare->dataset.parts[ENTK_PART_VAL].count;
	if (status == ENTK_OK)
		status = entk_compare_draw(compare, error);
	if (status == ENTK_OK)
		status = check_outputs(compare, error);
	if (status == ENTK_OK)
		entk_warn_unseen(compare->line.program_name, compare->line.arguments[0], &compare->dataset);
	return status == ENTK_OK ? entk_learn_check_memory(entk_compare_solver_bytes(compare), "the comparison", error)
				 : status;
}

/* ---- one training set ------------------------------------------------------------------------------------------------ */

/* What one training set needs: places in the pool, their kernels, the encoded targets. */
typedef struct Subset {
	size_t n;
	const size_t *places; /* in the pool */
	size_t *samples;      /* of the training part */
	size_t *groups;       /* or NULL */
	double *kernel;       /* n x n, in the end the eigenvectors */
	double *cross;        /* rows of the net's cross kernels x n */
	double *targets;
	double *predictions; /* test_count x outputs */
	double *sums;        /* as in EntkCompareNet */
	double *sweep_sums;  /* the same for every ridge of the grid, which is their first axis */
	double *val_targets; /* outputs x val_count, or NULL */
	EntkValidation validation;
	size_t *test_classes; /* or NULL */
	double *test_values;  /* or NULL */
	EntkEncoding encoding;
} Subset;

static void subset_destroy(Subset *subset)
{
	free(subset->samples);
	free(subset->groups);
	free(subset->kernel);
	free(subset->cross);
	free(subset->targets);
	free(subset->val_targets);
	free(subset->predictions);
	free(subset->test_classes);
	free(subset->test_values);
	entk_encoding_destroy(&subset->encoding);
}

static EntkStatus subset_test_targets(const EntkCompare *compare, Subset *subset, EntkError *error)
{
	const EntkPart *part = &compare->dataset.parts[ENTK_PART_TEST];
	size_t m = compare->test_count, outputs = compare->dataset.outputs;
	if (part->classes) {
		subset->test_classes = entk_allocate(m, sizeof *subset->test_classes, "the test targets", error);
		if (!subset->test_classes)
			return error->status;
		for (size_t i = 0; i < m; i++)
			subset->test_classes[i] = part->classes[compare->test[i]];
		return ENTK_OK;
	}
	subset->test_values = entk_linalg_matrix(m, outputs, "the test targets", error);
	if (!subset->test_values)
		return error->status;
	for (size_t i = 0; i < m; i++)
		memcpy(subset->test_values + i * outputs, part->values + compare->test[i] * outputs,
		       outputs * sizeof(double));
	return ENTK_OK;
}

static EntkStatus subset_allocate(const EntkCompare *compare, Subset *subset, EntkError *error)
{
	size_t n = subset->n, rows = compare->test_count + compare->val_count;
	const size_t *groups = compare->dataset.groups;
	subset->samples = entk_allocate(n, sizeof *subset->samples, "a training set", error);
	subset->groups = groups ? entk_allocate(n, sizeof *groups, "the groups", error) : NULL;
	subset->kernel = entk_linalg_matrix(n, n, "a training set's kernels", error);
	subset->cross = entk_linalg_matrix(rows, n, "a training set's kernels", error);
	subset->predictions =
		entk_linalg_matrix(compare->test_count, compare->dataset.outputs, "the predictions", error);
	bool good = subset->samples && (!groups || subset->groups) && subset->kernel && subset->cross &&
		    subset->predictions;
	return good ? ENTK_OK : error->status;
}

/* The training set's rows and columns of the net's kernels. */
static void subset_gather(const EntkCompare *compare, const EntkCompareKernels *kernels, Subset *subset)
{
	size_t n = subset->n, pool = compare->pool_count, rows = compare->test_count + compare->val_count;
	for (size_t i = 0; i < n; i++) {
		const double *row = kernels->pool + subset->places[i] * pool;
		subset->samples[i] = compare->pool[subset->places[i]];
		if (subset->groups)
			subset->groups[i] = compare->dataset.groups[subset->samples[i]];
		for (size_t j = 0; j < n; j++)
			subset->kernel[i * n + j] = row[subset->places[j]];
	}
	for (size_t i = 0; i < rows; i++)
		for (size_t j = 0; j < n; j++)
			subset->cross[i * n + j] = kernels->cross[i * pool + subset->places[j]];
}

static EntkStatus subset_create(const EntkCompare *compare, const EntkCompareKernels *kernels, size_t size, size_t seed,
				Subset *subset, EntkError *error)
{
	size_t n = compare->sizes[size];
	*subset = (Subset){.n = n, .places = compare->draws + seed * compare->pool_count};
	EntkStatus status = subset_allocate(compare, subset, error);
	if (status != ENTK_OK)
		return status;
	subset_gather(compare, kernels, subset);
	status = subset_test_targets(compare, subset, error);
	if (status == ENTK_OK)
		status = entk_encode(&compare->dataset, ENTK_PART_TRAIN, subset->samples, n, &subset->encoding,
				     &subset->targets, error);
	if (status == ENTK_OK && compare->val_count) {
		status = entk_encode_as(&subset->encoding, &compare->dataset, ENTK_PART_VAL, NULL, compare->val_count,
					&subset->val_targets, error);
		subset->validation = (EntkValidation){compare->val_count, subset->cross + compare->test_count * n,
						      subset->val_targets};
	}
	return status;
}

static EntkStatus score(const EntkCompare *compare, const Subset *subset, EntkMetrics *metrics, EntkError *error)
{
	size_t m = compare->test_count, outputs = compare->dataset.outputs;
	switch (compare->dataset.task) {
	case ENTK_TASK_CLASSES:
		return entk_metrics_classes(subset->predictions, NULL, subset->test_classes, m, outputs, metrics,
					    error);
	case ENTK_TASK_LABELS:
		return entk_metrics_labels(subset->predictions, NULL, subset->test_values, m, outputs, metrics, error);
	case ENTK_TASK_REGRESSION:
		entk_metrics_regression(subset->predictions, NULL, subset->encoding.scale, subset->test_values, m,
					outputs, metrics);
	}
	return ENTK_OK;
}

/* Fit with one ridge or rule, predict, score. */
static EntkStatus fit_and_score(const EntkCompare *compare, const EntkSpectrum *spectrum, Subset *subset,
				const EntkRegressOptions *options, double *sums, EntkRegression *regression,
				EntkMetrics *metrics, EntkError *error)
{
	EntkStatus status = entk_regress_fit_spectrum(spectrum, subset->targets, compare->dataset.outputs, options,
						      regression, error);
	if (status != ENTK_OK)
		return status;
	entk_regress_mean(regression, subset->cross, compare->test_count, subset->predictions);
	entk_decode(&subset->encoding, subset->predictions, compare->test_count);
	entk_compare_add_samples(compare, subset->predictions, subset->test_classes, subset->test_values, sums);
	return score(compare, subset, metrics, error);
}

static EntkStatus sweep(const EntkCompare *compare, const EntkSpectrum *spectrum, Subset *subset, EntkRun *run,
			EntkError *error)
{
	EntkRegressOptions options = entk_learn_regression(&compare->line.learn, subset->n);
	options.rule = ENTK_RIDGE_FIXED;
	for (size_t i = 0; i < ENTK_RIDGE_GRID; i++) {
		EntkRegression regression;
		EntkMetrics metrics;
		options.ridge = entk_ridge_grid(i);
		run->sweep[i] = NAN;
		EntkStatus status =
			fit_and_score(compare, spectrum, subset, &options, subset->sweep_sums + i * compare->test_count,
				      &regression, &metrics, error);
		if (status == ENTK_OK && regression.jitter == 0)
			run->sweep[i] = entk_compare_score(compare, &metrics);
		if (status == ENTK_OK)
			entk_regress_destroy(&regression);
		else if (status != ENTK_NUMERICAL)
			return status;
	}
	return ENTK_OK;
}

static EntkStatus run_one(const EntkCompare *compare, const EntkCompareNet *net, const EntkCompareKernels *kernels,
			  size_t size, size_t seed, double *sweep_sums, EntkError *error)
{
	EntkRun *run = &net->runs[size * compare->seeds + seed];
	Subset subset;
	EntkSpectrum spectrum = {0};
	EntkRegression regression = {0};
	EntkStatus status = subset_create(compare, kernels, size, seed, &subset, error);
	subset.sums = net->sums + size * compare->test_count;
	subset.sweep_sums = sweep_sums;
	EntkRegressOptions options = entk_learn_regression(&compare->line.learn, subset.n);
	options.groups = subset.groups;
	options.validation = compare->val_count ? &subset.validation : NULL;
	if (status == ENTK_OK)
		status = entk_spectrum_create(subset.kernel, subset.n, &spectrum, error);
	if (status == ENTK_OK)
		status = fit_and_score(compare, &spectrum, &subset, &options, subset.sums, &regression, &run->metrics,
				       error);
	if (status == ENTK_OK) {
		run->ridge = regression.ridge;
		run->jitter = regression.jitter;
		run->condition = regression.condition;
		run->loo_mse = regression.merit.loo_mse;
		run->val_mse = regression.merit.val_mse;
		run->log_evidence = regression.merit.log_evidence;
		entk_warn_fit(compare->line.program_name, net->name, &compare->line.learn, &regression);
		status = sweep(compare, &spectrum, &subset, run, error);
	}
	entk_regress_destroy(&regression);
	entk_spectrum_destroy(&spectrum);
	subset_destroy(&subset);
	return status;
}

/* ---- one net ----------------------------------------------------------------------------------------------------- */

/* All training sets of one size. `sweep_sums`: ENTK_RIDGE_GRID x test_count. */
static EntkStatus fit_size(const EntkCompare *compare, const EntkCompareNet *net, const EntkCompareKernels *kernels,
			   size_t size, double *sweep_sums, EntkError *error)
{
	EntkStatus status = entk_linalg_threads(compare->sizes[size] < SMALL ? 1 : compare->line.common.threads, error);
	memset(sweep_sums, 0, ENTK_RIDGE_GRID * compare->test_count * sizeof *sweep_sums);
	for (size_t seed = 0; seed < compare->seeds && status == ENTK_OK; seed++) {
		status = run_one(compare, net, kernels, size, seed, sweep_sums, error);
		if (status == ENTK_OK && *entk_cancel_flag())
			status = entk_fail(error, ENTK_INTERRUPTED, NULL, "interrupted");
	}
	for (size_t i = 0; i < ENTK_RIDGE_GRID && status == ENTK_OK; i++)
		net->sweep_errors[size * ENTK_RIDGE_GRID + i] =
			entk_compare_test_error(compare, sweep_sums + i * compare->test_count);
	return status;
}

static EntkStatus fit_all(EntkCompare *compare, EntkCompareNet *net, const EntkCompareKernels *kernels,
			  EntkError *error)
{
	EntkStatus status = ENTK_OK;
	double start = entk_now();
	net->memory += entk_compare_solver_bytes(compare);
	net->runs = entk_allocate(compare->size_count * compare->seeds, sizeof *net->runs, "the results", error);
	net->sums = entk_linalg_matrix(compare->size_count, compare->test_count, "the results", error);
	net->sweep_errors = entk_linalg_matrix(compare->size_count, ENTK_RIDGE_GRID, "the results", error);
	double *sweep_sums = entk_linalg_matrix(ENTK_RIDGE_GRID, compare->test_count, "the results", error);
	if (!net->runs || !net->sums || !net->sweep_errors || !sweep_sums)
		status = error->status;
	else
		memset(net->sums, 0, compare->size_count * compare->test_count * sizeof *net->sums);
	for (size_t size = 0; size < compare->size_count && status == ENTK_OK; size++)
		status = fit_size(compare, net, kernels, size, sweep_sums, error);
	free(sweep_sums);
	net->solve_seconds = entk_now() - start;
	return status == ENTK_OK ? status : entk_learn_where(net->name, error);
}

EntkStatus entk_compare_run(EntkCompare *compare, EntkError *error)
{
	EntkStatus status = prepare(compare, error);
	if (status == ENTK_OK && compare->dry_run)
		return entk_compare_dry_run(compare, error);
	if (status == ENTK_OK && compare->line.common.show_progress)
		status = entk_compare_announce(compare, error);
	return status == ENTK_OK ? entk_compare_each(compare, fit_all, error) : status;
}

void entk_compare_destroy(EntkCompare *compare)
{
	for (size_t i = 0; i < compare->net_count; i++) {
		free(compare->nets[i].runs);
		free(compare->nets[i].sums);
		free(compare->nets[i].sweep_errors);
		free(compare->nets[i].name);
	}
	free(compare->nets);
	free(compare->unit_seconds);
	free(compare->pool);
	free(compare->test);
	free(compare->draws);
	entk_dataset_close(&compare->dataset);
}
