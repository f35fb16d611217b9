/* Which samples are compared: sizes, the pool, test samples, and the training sets drawn from the pool. See compare.h. */
#include "compare/compare.h"

#include "data/order.h"

#include <stdlib.h>

/* Seeds of the two draws that do not depend on the run's seed. */
#define POOL_SEED 1000003
#define TEST_SEED 1000004

static int compare_sizes(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return x < y ? -1 : x > y;
}

EntkStatus entk_compare_samples(const EntkCompare *compare, EntkPartName name, size_t limit, size_t **chosen,
				size_t *count, EntkError *error)
{
	uint64_t seed = name == ENTK_PART_TRAIN ? POOL_SEED : TEST_SEED;
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

EntkStatus entk_compare_draw(EntkCompare *compare, EntkError *error)
{
	EntkStatus status = choose_sizes(compare, error);
	if (status == ENTK_OK)
		status = entk_compare_samples(compare, ENTK_PART_TRAIN, compare->pool_limit, &compare->pool,
					      &compare->pool_count, error);
	if (status == ENTK_OK)
		status = entk_compare_samples(compare, ENTK_PART_TEST, compare->test_limit, &compare->test,
					      &compare->test_count, error);
	return status == ENTK_OK ? draw_training_sets(compare, error) : status;
}
