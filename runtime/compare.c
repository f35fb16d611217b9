/* Comparing nets: see compare.h. */
#include "compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seeds of the two draws that do not depend on the run's seed. */
#define POOL_SEED 1000003
#define TEST_SEED 1000004

/* ---- draws ------------------------------------------------------------------------------------------------------ */

/* SplitMix64 (Steele et al. 2014): small, and equal on every machine. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static double next_uniform(uint64_t *state)
{
	return (double)(next_random(state) >> 11) * 0x1p-53;
}

typedef struct Place {
	double at; /* where the sample stands in the order, as a share of the whole */
	size_t sample;
} Place;

static int compare_places(const void *a, const void *b)
{
	const Place *x = a, *y = b;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->sample < y->sample ? -1 : x->sample > y->sample;
}

/* Every class spreads its samples evenly over the order: the k-th of n_c stands at (k + u_c) / n_c, with an offset u_c of the
 * class's own, so that no class is first in all draws. */
EntkStatus entk_stratified_order(const size_t *classes, size_t count, size_t class_count, uint64_t seed, size_t *order,
				 EntkError *error)
{
	uint64_t state = seed;
	Place *places = entk_allocate(count, sizeof *places, "a draw of samples", error);
	double *offsets = entk_allocate(class_count + 1, sizeof *offsets, "a draw of samples", error);
	size_t *sizes = entk_allocate(class_count + 1, sizeof *sizes, "a draw of samples", error);
	size_t *used = entk_allocate(class_count + 1, sizeof *used, "a draw of samples", error);
	EntkStatus status = places && offsets && sizes && used ? ENTK_OK : error->status;
	if (status == ENTK_OK) {
		next_random(&state); /* neighbouring seeds part ways */
		for (size_t i = 0; i < count; i++)
			order[i] = i;
		for (size_t i = count; i > 1; i--) {
			size_t j = (size_t)(next_uniform(&state) * (double)i), t = order[i - 1];
			order[i - 1] = order[j];
			order[j] = t;
		}
		for (size_t c = 0; c <= class_count; c++)
			offsets[c] = next_uniform(&state);
		for (size_t i = 0; i < count; i++)
			sizes[classes ? classes[i] : 0]++;
		for (size_t i = 0; i < count; i++) {
			size_t c = classes ? classes[order[i]] : 0;
			places[i] = (Place){((double)used[c]++ + offsets[c]) / (double)sizes[c], order[i]};
		}
		qsort(places, count, sizeof *places, compare_places);
		for (size_t i = 0; i < count; i++)
			order[i] = places[i].sample;
	}
	free(places);
	free(offsets);
	free(sizes);
	free(used);
	return status;
}

static int compare_sizes(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return x < y ? -1 : x > y;
}

/* `limit` samples of a part, ascending; 0: all. */
static EntkStatus choose_samples(const EntkCompare *compare, EntkPartName name, size_t limit, uint64_t seed,
				 size_t **chosen, size_t *count, EntkError *error)
{
	const EntkPart *part = &compare->dataset.parts[name];
	*count = limit && limit < part->count ? limit : part->count;
	*chosen = entk_allocate(part->count, sizeof **chosen, "a draw of samples", error);
	if (!*chosen)
		return error->status;
	EntkStatus status = entk_stratified_order(part->classes, part->count,
						  part->classes ? compare->dataset.outputs : 0, seed, *chosen, error);
	qsort(*chosen, *count, sizeof **chosen, compare_sizes);
	return status;
}

static EntkStatus draw_training_sets(EntkCompare *compare, EntkError *error)
{
	const EntkPart *part = &compare->dataset.parts[ENTK_PART_TRAIN];
	size_t total, *classes = NULL;
	if (!entk_multiply(compare->seeds, compare->pool_count, &total))
		return entk_fail_memory(error, "the draws of training sets", SIZE_MAX);
	compare->draws = entk_allocate(total, sizeof *compare->draws, "the draws of training sets", error);
	if (!compare->draws)
		return error->status;
	if (part->classes) {
		classes = entk_allocate(compare->pool_count, sizeof *classes, "the classes", error);
		if (!classes)
			return error->status;
		for (size_t i = 0; i < compare->pool_count; i++)
			classes[i] = part->classes[compare->pool[i]];
	}
	EntkStatus status = ENTK_OK;
	for (size_t s = 0; s < compare->seeds && status == ENTK_OK; s++)
		status = entk_stratified_order(classes, compare->pool_count, classes ? compare->dataset.outputs : 0, s,
					       compare->draws + s * compare->pool_count, error);
	free(classes);
	return status;
}

/* ---- sizes -------------------------------------------------------------------------------------------------------- */

static EntkStatus choose_sizes(EntkCompare *compare, EntkError *error)
{
	size_t available = compare->dataset.parts[ENTK_PART_TRAIN].count;
	if (compare->pool_limit && compare->pool_limit < available)
		available = compare->pool_limit;
	if (compare->size_count == 0) {
		for (size_t size = 25; size <= available && size <= 400; size *= 2)
			compare->sizes[compare->size_count++] = size;
		if (compare->size_count == 0)
			compare->sizes[compare->size_count++] = available;
	}
	size_t largest = compare->sizes[compare->size_count - 1];
	if (largest > available) {
		entk_fail(error, ENTK_USAGE, compare->pool_limit ? "--sizes with --train" : "--sizes",
			  "%zu training samples wanted, there are %zu", largest, available);
		return entk_fix(error, "leave out the larger sizes");
	}
	if (compare->pool_limit == 0)
		compare->pool_limit = 2 * largest;
	return ENTK_OK;
}

static EntkStatus check_outputs(const EntkCompare *compare, EntkError *error)
{
	EntkText path = {0};
	EntkStatus status = compare->json_path ? entk_learn_check_output(compare->json_path, error) : ENTK_OK;
	if (status == ENTK_OK && compare->figure) {
		entk_text_add(&path, "%s.svg", compare->figure);
		status = path.failed ? entk_fail_memory(error, "a file's name", path.size)
				     : entk_learn_check_output(path.bytes, error);
	}
	entk_text_destroy(&path);
	return status;
}

/* Everything that can be wrong with data and outputs is found before the first kernel. */
static EntkStatus prepare(EntkCompare *compare, EntkError *error)
{
	const EntkNet *net;
	EntkStatus status = entk_dataset_open(compare->path, true, &compare->dataset, error);
	for (; status == ENTK_OK && (net = entk_common_net(&compare->common, compare->net_count)) != NULL;
	     compare->net_count++) {
		status = entk_dataset_check(&compare->dataset, net, error);
		if (status != ENTK_OK && compare->net_count > 0 && !error->fix[0])
			entk_fix(error, "choose one net with --net");
	}
	if (status == ENTK_OK)
		status = choose_sizes(compare, error);
	if (status == ENTK_OK)
		status = choose_samples(compare, ENTK_PART_TRAIN, compare->pool_limit, POOL_SEED, &compare->pool,
					&compare->pool_count, error);
	if (status == ENTK_OK)
		status = choose_samples(compare, ENTK_PART_TEST, compare->test_limit, TEST_SEED, &compare->test,
					&compare->test_count, error);
	if (status == ENTK_OK)
		status = draw_training_sets(compare, error);
	if (status == ENTK_OK)
		status = check_outputs(compare, error);
	if (status == ENTK_OK) {
		compare->nets = entk_allocate(compare->net_count, sizeof *compare->nets, "the results", error);
		status = compare->nets ? ENTK_OK : error->status;
	}
	return status;
}

/* ---- one training set ------------------------------------------------------------------------------------------------ */

double entk_compare_score(const EntkCompare *compare, const EntkMetrics *metrics)
{
	return compare->dataset.task == ENTK_TASK_REGRESSION ? metrics->mae : metrics->accuracy;
}

/* Kernels of one net: of the pool with itself, and of the test samples with the pool. */
typedef struct Kernels {
	double *pool, *cross;
} Kernels;

/* What one training set needs: places in the pool, their kernels, the encoded targets. */
typedef struct Subset {
	size_t n;
	const size_t *places; /* in the pool */
	size_t *samples;      /* of the training part */
	size_t *groups;       /* or NULL */
	double *kernel, *cross, *targets;
	double *predictions;  /* test_count x outputs */
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
	subset->test_values = entk_learn_matrix(m, outputs, "the test targets", error);
	if (!subset->test_values)
		return error->status;
	for (size_t i = 0; i < m; i++)
		memcpy(subset->test_values + i * outputs, part->values + compare->test[i] * outputs,
		       outputs * sizeof(double));
	return ENTK_OK;
}

static EntkStatus subset_create(const EntkCompare *compare, const Kernels *kernels, size_t size, size_t seed,
				Subset *subset, EntkError *error)
{
	size_t n = compare->sizes[size], m = compare->test_count, pool = compare->pool_count;
	const size_t *groups = compare->dataset.groups;
	*subset = (Subset){.n = n, .places = compare->draws + seed * pool};
	subset->samples = entk_allocate(n, sizeof *subset->samples, "a training set", error);
	subset->groups = groups ? entk_allocate(n, sizeof *groups, "the groups", error) : NULL;
	subset->kernel = entk_learn_matrix(n, n, "a training set's kernels", error);
	subset->cross = entk_learn_matrix(m, n, "a training set's kernels", error);
	subset->predictions = entk_learn_matrix(m, compare->dataset.outputs, "the predictions", error);
	if (!subset->samples || (groups && !subset->groups) || !subset->kernel || !subset->cross ||
	    !subset->predictions)
		return error->status;
	for (size_t i = 0; i < n; i++) {
		const double *row = kernels->pool + subset->places[i] * pool;
		subset->samples[i] = compare->pool[subset->places[i]];
		if (groups)
			subset->groups[i] = groups[subset->samples[i]];
		for (size_t j = 0; j < n; j++)
			subset->kernel[i * n + j] = row[subset->places[j]];
	}
	for (size_t i = 0; i < m; i++)
		for (size_t j = 0; j < n; j++)
			subset->cross[i * n + j] = kernels->cross[i * pool + subset->places[j]];
	EntkStatus status = subset_test_targets(compare, subset, error);
	if (status == ENTK_OK)
		status = entk_encode(&compare->dataset, ENTK_PART_TRAIN, subset->samples, n, &subset->encoding,
				     &subset->targets, error);
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
				const EntkRegressOptions *options, EntkRegression *regression, EntkMetrics *metrics,
				EntkError *error)
{
	EntkStatus status = entk_regress_fit_spectrum(spectrum, subset->targets, compare->dataset.outputs, options,
						      regression, error);
	if (status != ENTK_OK)
		return status;
	entk_regress_mean(regression, subset->cross, compare->test_count, subset->predictions);
	entk_decode(&subset->encoding, subset->predictions, compare->test_count);
	return score(compare, subset, metrics, error);
}

static EntkStatus sweep(const EntkCompare *compare, const EntkSpectrum *spectrum, Subset *subset, EntkRun *run,
			EntkError *error)
{
	EntkRegressOptions options = entk_learn_regression(&compare->learn, NULL);
	options.rule = ENTK_RIDGE_FIXED;
	for (size_t i = 0; i < ENTK_RIDGE_GRID; i++) {
		EntkRegression regression;
		EntkMetrics metrics;
		options.ridge = entk_ridge_grid(i);
		run->sweep[i] = NAN;
		EntkStatus status = fit_and_score(compare, spectrum, subset, &options, &regression, &metrics, error);
		if (status == ENTK_OK && regression.jitter == 0)
			run->sweep[i] = entk_compare_score(compare, &metrics);
		if (status == ENTK_OK)
			entk_regress_destroy(&regression);
		else if (status != ENTK_NUMERICAL)
			return status;
	}
	return ENTK_OK;
}

static EntkStatus run_one(const EntkCompare *compare, const EntkNet *net, const Kernels *kernels, size_t size,
			  size_t seed, EntkRun *run, EntkError *error)
{
	Subset subset;
	EntkSpectrum spectrum = {0};
	EntkRegression regression = {0};
	EntkStatus status = subset_create(compare, kernels, size, seed, &subset, error);
	EntkRegressOptions options = entk_learn_regression(&compare->learn, subset.groups);
	if (status == ENTK_OK)
		status = entk_spectrum_create(subset.kernel, subset.n, &spectrum, error);
	if (status == ENTK_OK)
		status = fit_and_score(compare, &spectrum, &subset, &options, &regression, &run->metrics, error);
	if (status == ENTK_OK) {
		run->ridge = regression.ridge;
		run->jitter = regression.jitter;
		run->condition = regression.condition;
		run->loo_mse = regression.merit.loo_mse;
		run->log_evidence = regression.merit.log_evidence;
		entk_warn_jitter(compare->program_name, net->name, &regression);
		status = sweep(compare, &spectrum, &subset, run, error);
	}
	entk_regress_destroy(&regression);
	entk_spectrum_destroy(&spectrum);
	subset_destroy(&subset);
	return status;
}

/* ---- one net ------------------------------------------------------------------------------------------------------- */

/* The pool's and the test samples of the data set, in a net's format. */
typedef struct Loaded {
	const EntkNet *net;
	EntkSamples pool, test;
} Loaded;

static void loaded_destroy(Loaded *loaded)
{
	entk_samples_destroy(&loaded->pool);
	entk_samples_destroy(&loaded->test);
	loaded->net = NULL;
}

static EntkStatus load_part(EntkCompare *compare, EntkPartName part, const EntkNet *net, const size_t *chosen,
			    size_t count, EntkSamples *samples, EntkError *error)
{
	EntkSamples whole;
	EntkStatus status =
		entk_dataset_samples(&compare->dataset, part, net, compare->common.program->precision, &whole, error);
	if (status == ENTK_OK)
		status = entk_samples_subset(&whole, chosen, count, samples, error);
	entk_samples_destroy(&whole);
	return status;
}

static EntkStatus load(EntkCompare *compare, const EntkNet *net, Loaded *loaded, EntkError *error)
{
	if (loaded->net && entk_same_input(loaded->net, net))
		return ENTK_OK;
	loaded_destroy(loaded);
	EntkStatus status =
		load_part(compare, ENTK_PART_TRAIN, net, compare->pool, compare->pool_count, &loaded->pool, error);
	if (status == ENTK_OK)
		status = load_part(compare, ENTK_PART_TEST, net, compare->test, compare->test_count, &loaded->test,
				   error);
	if (status == ENTK_OK)
		loaded->net = net;
	return status;
}

static EntkStatus find_kernels(EntkCompare *compare, const EntkNet *net, const Loaded *loaded, Kernels *kernels,
			       EntkError *error)
{
	EntkGramOptions options = entk_common_gram_options(&compare->common);
	const EntkProgram *program = compare->common.program;
	bool ntk = compare->learn.ntk;
	kernels->pool = entk_learn_matrix(compare->pool_count, compare->pool_count, "the Gram matrix", error);
	kernels->cross = entk_learn_matrix(compare->test_count, compare->pool_count,
					   "the kernels of test and training samples", error);
	if (!kernels->pool || !kernels->cross)
		return error->status;
	EntkStatus status = entk_gram(program, net, &loaded->pool, NULL, &options, ntk ? NULL : kernels->pool,
				      ntk ? kernels->pool : NULL, error);
	if (status == ENTK_OK)
		status = entk_gram(program, net, &loaded->test, &loaded->pool, &options, ntk ? NULL : kernels->cross,
				   ntk ? kernels->cross : NULL, error);
	return status;
}

static double memory_of(const EntkCompare *compare)
{
	double pool = (double)compare->pool_count, m = (double)compare->test_count,
	       n = (double)compare->sizes[compare->size_count - 1];
	/* The eigensolver's workspace is twice the matrix. */
	return sizeof(double) * (pool * pool + m * pool + 4 * n * n + m * n);
}

static EntkStatus run_net(EntkCompare *compare, const EntkNet *net, const Loaded *loaded, EntkCompareNet *result,
			  EntkError *error)
{
	Kernels kernels = {0};
	double pool = (double)compare->pool_count, start = entk_now();
	*result = (EntkCompareNet){.net = net,
				   .pairs = pool * (pool + 1) / 2 + pool * (double)compare->test_count,
				   .memory = memory_of(compare)};
	result->runs = entk_allocate(compare->size_count * compare->seeds, sizeof *result->runs, "the results", error);
	EntkStatus status = result->runs ? find_kernels(compare, net, loaded, &kernels, error) : error->status;
	result->gram_seconds = entk_now() - start;
	start = entk_now();
	for (size_t size = 0; size < compare->size_count; size++)
		for (size_t seed = 0; seed < compare->seeds && status == ENTK_OK; seed++) {
			status = run_one(compare, net, &kernels, size, seed,
					 &result->runs[size * compare->seeds + seed], error);
			if (status == ENTK_OK && *entk_cancel_flag())
				status = entk_fail(error, ENTK_INTERRUPTED, NULL, "interrupted");
		}
	result->solve_seconds = entk_now() - start;
	free(kernels.pool);
	free(kernels.cross);
	return status;
}

EntkStatus entk_compare_run(EntkCompare *compare, EntkError *error)
{
	Loaded loaded = {0};
	EntkStatus status = prepare(compare, error);
	if (status == ENTK_OK)
		status = entk_learn_check_memory(memory_of(compare), "the comparison", error);
	for (size_t i = 0; i < compare->net_count && status == ENTK_OK; i++) {
		const EntkNet *net = entk_common_net(&compare->common, i);
		status = load(compare, net, &loaded, error);
		if (status == ENTK_OK)
			status = run_net(compare, net, &loaded, &compare->nets[i], error);
		if (status != ENTK_OK)
			entk_learn_where(net, error);
	}
	loaded_destroy(&loaded);
	return status;
}

void entk_compare_destroy(EntkCompare *compare)
{
	for (size_t i = 0; compare->nets && i < compare->net_count; i++)
		free(compare->nets[i].runs);
	free(compare->nets);
	free(compare->pool);
	free(compare->test);
	free(compare->draws);
	entk_dataset_close(&compare->dataset);
	entk_common_destroy(&compare->common);
}
