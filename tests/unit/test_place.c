/* A block's way to its place: what is wanted and nothing else, for every alignment, on and off the diagonal. */
#include "gram/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 70, COLUMNS = 40, LARGEST = 150 };

static double values[ROWS * COLUMNS];
static double got[LARGEST * LARGEST + 8], expected[LARGEST * LARGEST + 8];

static double value_of(size_t i, size_t j)
{
	return (double)(1000 * i + j);
}

static int set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		for (size_t j = 0; j < COLUMNS; j++)
			values[i * COLUMNS + j] = value_of(i, j);
	return 0;
}

static void clear(void)
{
	for (size_t i = 0; i < sizeof got / sizeof *got; i++)
		got[i] = expected[i] = -1;
}

/* A block of a matrix with `stride` columns that starts at `got + shift`, its first `mirrored` columns to the other triangle, too. */
static void check_block(EntkTileRange range, bool symmetric, uint32_t mirrored, size_t stride, size_t shift)
{
	EntkBlock block = {values, COLUMNS, range, symmetric};
	size_t first = shift + range.row * stride + range.column, image = shift + range.column * stride + range.row;
	clear();
	for (size_t i = 0; i < range.rows; i++)
		for (size_t j = 0; j < range.columns; j++) {
			if (symmetric && range.column + j < range.row + i)
				continue;
			expected[first + i * stride + j] = value_of(i, j);
			if (j < mirrored && range.column + j > range.row + i)
				expected[image + j * stride + i] = value_of(i, j);
		}
	entk_place(&block, got + first, stride);
	entk_place_mirrored(&block, mirrored, got + image, stride);
	assert_memory_equal(got, expected, sizeof got);
}

static void test_off_diagonal(void **state)
{
	(void)state;
	for (size_t shift = 0; shift < 8; shift++)
		for (uint32_t rows = 1; rows <= ROWS; rows += 1 + rows / 8)
			for (uint32_t columns = 1; columns <= COLUMNS; columns += 1 + columns / 3)
				check_block((EntkTileRange){3, rows, 80, columns}, true, columns, 125 + shift, shift);
}

static void test_on_diagonal(void **state)
{
	(void)state;
	for (size_t shift = 0; shift < 8; shift += 3)
		for (uint32_t column = 20; column < 40; column++)
			for (uint32_t rows = 1; rows <= ROWS; rows += 23)
				for (uint32_t mirrored = 0; mirrored <= COLUMNS; mirrored += 10)
					check_block((EntkTileRange){30, rows, column, COLUMNS}, true, mirrored, 128,
						    shift);
}

static void test_two_sets(void **state)
{
	(void)state;
	for (size_t shift = 0; shift < 8; shift++)
		check_block((EntkTileRange){60, ROWS, 0, COLUMNS}, false, 0, 101, shift);
}

/* Rows that lie wholly below the diagonal have nothing to write. */
static void test_start(void **state)
{
	EntkBlock block = {values, COLUMNS, {10, 70, 5, 20}, true};
	(void)state;
	assert_int_equal(entk_block_start(&block, 0), 5);
	assert_int_equal(entk_block_start(&block, 14), 19);
	assert_int_equal(entk_block_start(&block, 15), 20);
	assert_int_equal(entk_block_start(&block, 69), 20);
	block.symmetric = false;
	assert_int_equal(entk_block_start(&block, 69), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off_diagonal),
		cmocka_unit_test(test_on_diagonal),
		cmocka_unit_test(test_two_sets),
		cmocka_unit_test(test_start),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
