/* Draws of training sets, and targets as regression learns them. */
#include "compare/compare.h"
#include "data/dataset.h"
#include "data/order.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 240, CLASSES = 4 };

/* Classes of 120, 60, 48 and 12 samples. */
static void fill_classes(size_t *classes)
{
	for (size_t i = 0; i < COUNT; i++)
		classes[i] = i % 2 ? 0 : i % 4 ? 1 : i % 20 ? 2 : 3;
}

static void check_permutation(const size_t *order)
{
	bool seen[COUNT] = {false};
	for (size_t i = 0; i < COUNT; i++) {
		assert_true(order[i] < COUNT && !seen[order[i]]);
		seen[order[i]] = true;
	}
}

/* Every beginning has each class's share of it, give or take one sample. */
static void test_stratified(void **state)
{
	size_t classes[COUNT], order[COUNT], total[CLASSES] = {0};
	EntkError error;
	(void)state;
	fill_classes(classes);
	for (size_t i = 0; i < COUNT; i++)
		total[classes[i]]++;
	for (uint64_t seed = 0; seed < 20; seed++) {
		size_t so_far[CLASSES] = {0};
		assert_int_equal(entk_stratified_order(classes, COUNT, CLASSES, seed, order, &error), ENTK_OK);
		check_permutation(order);
		for (size_t i = 0; i < COUNT; i++) {
			so_far[classes[order[i]]]++;
			for (size_t c = 0; c < CLASSES; c++) {
				double share = (double)total[c] * (double)(i + 1) / COUNT;
				assert_true(fabs((double)so_far[c] - share) <= 2);
			}
		}
	}
}

static void test_seeds(void **state)
{
	size_t classes[COUNT], order[2][COUNT];
	double first[CLASSES] = {0}, rank = 0;
	EntkError error;
	(void)state;
	fill_classes(classes);
	assert_int_equal(entk_stratified_order(classes, COUNT, CLASSES, 7, order[0], &error), ENTK_OK);
	assert_int_equal(entk_stratified_order(classes, COUNT, CLASSES, 7, order[1], &error), ENTK_OK);
	assert_memory_equal(order[0], order[1], sizeof order[0]);
	/* Over many seeds every class comes first now and then, and every sample stands anywhere. */
	for (uint64_t seed = 0; seed < 400; seed++) {
		assert_int_equal(entk_stratified_order(classes, COUNT, CLASSES, seed, order[0], &error), ENTK_OK);
		assert_true(seed == 7 || memcmp(order[0], order[1], sizeof order[0]) != 0);
		first[classes[order[0][0]]]++;
		for (size_t i = 0; i < COUNT; i++)
			if (order[0][i] == 5)
				rank += (double)i / (400 * (COUNT - 1.0));
	}
	for (size_t c = 0; c < CLASSES; c++)
		assert_true(first[c] >= 3);
	assert_true(fabs(rank - 0.5) < 4 * sqrt(1.0 / 12 / 400));
}

static void test_without_classes(void **state)
{
	size_t order[COUNT];
	EntkError error;
	(void)state;
	assert_int_equal(entk_stratified_order(NULL, COUNT, 0, 1, order, &error), ENTK_OK);
	check_permutation(order);
}

static void test_encoding(void **state)
{
	size_t classes[4] = {0, 2, 1, 2};
	double values[8] = {1, 5, 3, 5, 5, 5, 9, 5};
	EntkDataset dataset = {.task = ENTK_TASK_CLASSES, .outputs = 3, .parts[0] = {.count = 4, .classes = classes}};
	EntkEncoding encoding;
	EntkError error;
	double *targets;
	const size_t subset[3] = {3, 0, 2};
	(void)state;
	assert_int_equal(entk_encode(&dataset, ENTK_PART_TRAIN, subset, 3, &encoding, &targets, &error), ENTK_OK);
	const double want[9] = {0, 1, 0, 0, 0, 1, 1, 0, 0};
	for (int i = 0; i < 9; i++)
		assert_true(fabs(targets[i] - (want[i] - 1.0 / 3)) < 1e-15);
	free(targets);
	entk_encoding_destroy(&encoding);
	/* Real targets: standardized, the constant one only centred; decoding gives them back. */
	dataset = (EntkDataset){.task = ENTK_TASK_REGRESSION, .outputs = 2, .parts[0] = {.count = 4, .values = values}};
	assert_int_equal(entk_encode(&dataset, ENTK_PART_TRAIN, NULL, 4, &encoding, &targets, &error), ENTK_OK);
	double mean = 4.5, deviation = sqrt((12.25 + 2.25 + 0.25 + 20.25) / 4), decoded[8];
	for (int i = 0; i < 4; i++) {
		assert_true(fabs(targets[i] - (values[2 * i] - mean) / deviation) < 1e-15);
		assert_true(targets[4 + i] == 0);
		decoded[2 * i] = targets[i];
		decoded[2 * i + 1] = targets[4 + i];
	}
	entk_decode(&encoding, decoded, 4);
	for (int i = 0; i < 8; i++)
		assert_true(fabs(decoded[i] - values[i]) < 1e-14);
	free(targets);
	entk_encoding_destroy(&encoding);
	/* Labels: centred, never scaled. */
	double labels[4] = {1, 0, 0, 0};
	dataset = (EntkDataset){.task = ENTK_TASK_LABELS, .outputs = 1, .parts[0] = {.count = 4, .values = labels}};
	assert_int_equal(entk_encode(&dataset, ENTK_PART_TRAIN, NULL, 4, &encoding, &targets, &error), ENTK_OK);
	assert_true(encoding.center[0] == 0.25 && encoding.scale[0] == 1 && targets[0] == 0.75 && targets[3] == -0.25);
	free(targets);
	entk_encoding_destroy(&encoding);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stratified),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_without_classes),
		cmocka_unit_test(test_encoding),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
