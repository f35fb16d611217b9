/* Where the kernels of a comparison come from: see compare.h. */
#include "compare/compare.h"

#include "learn/describe.h"
#include "numerics/linalg.h"
#include "store/store.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- from files -------------------------------------------------------------------------------------------------- */

/* The matrix of all samples of the data set: training, validation (where there is one), test part, one after another. */
static EntkStatus read_whole(EntkCompare *compare, const char *path, EntkArray *array, EntkError *error)
{
	EntkNpz *npz;
	const char *key;
	char shape[256];
	size_t total = 0;
	for (int p = 0; p < ENTK_PARTS; p++)
		total += compare->dataset.parts[p].count;
	EntkStatus status = entk_npz_open(path, &npz, error);
	if (status == ENTK_OK)
		status = entk_npz_only_key(npz, entk_learn_kernel(&compare->line.learn), &key, error);
	if (status == ENTK_OK)
		status = entk_npz_read(npz, key, array, error);
	if (status == ENTK_OK && (array->rank != 2 || array->shape[0] != total || array->shape[1] != total)) {
		entk_fail(error, ENTK_INPUT, entk_npz_where(npz, key), "shape %s, expected (%zu, %zu)",
			  entk_shape_text(array->rank, array->shape, shape, sizeof shape), total, total);
		status = entk_fix(error, "the kernels of all samples: training%s and test part, one after another",
				  compare->dataset.parts[ENTK_PART_VAL].count ? ", validation" : "");
	}
	for (size_t i = 0; status == ENTK_OK && i < array->count; i++)
		if (!isfinite(entk_array_get(array, i)))
			status = entk_fail(error, ENTK_INPUT, entk_npz_where(npz, key),
					   "%g at (%zu, %zu), expected finite numbers", entk_array_get(array, i),
					   i / total, i % total);
	entk_npz_close(npz);
	return status;
}

/* The sample of a row of `cross`, as a place in the whole matrix. */
static size_t row_place(const EntkCompare *compare, size_t row)
{
	size_t train = compare->dataset.parts[ENTK_PART_TRAIN].count, val = compare->dataset.parts[ENTK_PART_VAL].count;
	return row < compare->test_count ? train + val + compare->test[row] : train + row - compare->test_count;
}

static EntkStatus pick(const EntkCompare *compare, const EntkArray *whole, EntkCompareKernels *kernels,
		       EntkError *error)
{
	size_t pool = compare->pool_count, rows = compare->test_count + compare->val_count, total = whole->shape[0];
	kernels->pool = entk_linalg_matrix(pool, pool, "the Gram matrix", error);
	kernels->cross = entk_linalg_matrix(rows, pool, "the kernels of test and training samples", error);
	if (!kernels->pool || !kernels->cross)
		return error->status;
	for (size_t j = 0; j < pool; j++) {
		for (size_t i = 0; i < pool; i++)
			kernels->pool[i * pool + j] =
				entk_array_get(whole, compare->pool[i] * total + compare->pool[j]);
		for (size_t i = 0; i < rows; i++)
			kernels->cross[i * pool + j] =
				entk_array_get(whole, row_place(compare, i) * total + compare->pool[j]);
	}
	for (size_t i = 0; i < pool; i++)
		for (size_t j = 0; j < i; j++) {
			double a = kernels->pool[i * pool + j], b = kernels->pool[j * pool + i];
			if (fabs(a - b) > 1e-6 * (fabs(a) + fabs(b)))
				return entk_fail(error, ENTK_INPUT, NULL,
						 "not symmetric: %g for samples %zu, %zu and %g the other way", a,
						 compare->pool[i], compare->pool[j], b);
			kernels->pool[j * pool + i] = a;
		}
	return ENTK_OK;
}

static EntkStatus read_array(EntkCompare *compare, const char *path, EntkCompareKernels *kernels, EntkError *error)
{
	EntkArray whole = {0};
	EntkStatus status = read_whole(compare, path, &whole, error);
	if (status == ENTK_OK && (status = pick(compare, &whole, kernels, error)) != ENTK_OK)
		entk_learn_where(path, error);
	entk_array_destroy(&whole);
	return status;
}

/* "K.gram" or "K.gram:NET" */
static bool names_store(const char *path)
{
	char folder[4096];
	const char *colon = strrchr(path, ':');
	snprintf(folder, sizeof folder, "%.*s", (int)(colon ? colon - path : (long)strlen(path)), path);
	return entk_gram_folder_name(path) || entk_gram_folder_name(folder);
}

/* "NAME=FILE[:KEY]" */
static EntkStatus gram_file(EntkCompare *compare, const char *text, EntkCompareUse use, EntkError *error)
{
	EntkCompareKernels kernels = {0};
	EntkCompareNet *net;
	double seconds = NAN;
	char name[128];
	const char *path = strchr(text, '=') + 1;
	snprintf(name, sizeof name, "%.*s", (int)(path - text - 1), text);
	EntkStatus status = names_store(path) ? entk_compare_read_gram(compare, path, &kernels, &seconds, error)
					      : read_array(compare, path, &kernels, error);
	if (status == ENTK_OK)
		status = entk_compare_add(compare, name, path, &net, error);
	if (status == ENTK_OK) {
		net->gram_seconds = seconds;
		if (!isnan(seconds)) /* the pool's come from the store */
			net->pairs = (double)compare->pool_count * (double)(compare->test_count + compare->val_count);
		status = use(compare, net, &kernels, error);
	}
	entk_compare_kernels_destroy(&kernels);
	return status;
}

EntkStatus entk_compare_each(EntkCompare *compare, EntkCompareUse use, EntkError *error)
{
	EntkStatus status = entk_compare_own(compare, use, error);
	for (size_t i = 0; i < compare->program_count && status == ENTK_OK; i++)
		status = entk_compare_program(compare, compare->programs[i], use, error);
	for (size_t i = 0; i < compare->gram_count && status == ENTK_OK; i++)
		status = gram_file(compare, compare->grams[i], use, error);
	return status;
}
