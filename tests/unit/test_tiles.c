/* The queue of tiles: every wanted pair is in exactly one tile. */
#include "gram/tiles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(uint32_t rows, uint32_t columns, bool symmetric, uint32_t tile_rows, uint32_t tile_columns)
{
	EntkTiles tiles;
	EntkError error;
	uint64_t pairs = 0;
	unsigned char *seen = calloc((size_t)rows * columns, 1);
	assert_non_null(seen);
	assert_int_equal(entk_tiles_create(rows, columns, symmetric, tile_rows, tile_columns, &tiles, &error), ENTK_OK);
	for (uint64_t t = 0; t < tiles.count; t++) {
		EntkTileRange range = entk_tiles_get(&tiles, t);
		uint64_t wanted = 0;
		assert_true(range.rows >= 1 && range.rows <= tile_rows && range.row + range.rows <= rows);
		assert_true(range.columns >= 1 && range.columns <= tile_columns &&
			    range.column + range.columns <= columns);
		for (uint32_t i = range.row; i < range.row + range.rows; i++)
			for (uint32_t j = range.column; j < range.column + range.columns; j++)
				if (!symmetric || j >= i) {
					wanted++;
					seen[(size_t)i * columns + j]++;
				}
		assert_true(wanted >= 1);
		assert_int_equal(entk_tiles_pairs(&tiles, range), wanted);
		pairs += wanted;
	}
	for (uint32_t i = 0; i < rows; i++)
		for (uint32_t j = 0; j < columns; j++)
			assert_int_equal(seen[(size_t)i * columns + j], !symmetric || j >= i);
	assert_int_equal(pairs, tiles.pairs);
	entk_tiles_destroy(&tiles);
	free(seen);
}

static void test_every_pair_once(void **state)
{
	(void)state;
	static const uint32_t sizes[] = {1, 2, 5, 16, 17, 40};
	static const uint32_t tiles[] = {1, 3, 8, 16, 100};
	for (size_t a = 0; a < 6; a++)
		for (size_t r = 0; r < 5; r++)
			for (size_t c = 0; c < 5; c++) {
				check(sizes[a], sizes[a], true, tiles[r], tiles[c]);
				for (size_t b = 0; b < 6; b++)
					check(sizes[a], sizes[b], false, tiles[r], tiles[c]);
			}
}

/* Numbers beyond 32 bits: nothing is enumerated, so this is quick. */
static void test_large(void **state)
{
	(void)state;
	EntkTiles tiles;
	EntkError error;
	const uint32_t n = 2000000000;
	assert_int_equal(entk_tiles_create(n, n, true, 1000000, 16, &tiles, &error), ENTK_OK);
	assert_int_equal(tiles.pairs, (uint64_t)n * (n + 1) / 2);
	EntkTileRange last = entk_tiles_get(&tiles, tiles.count - 1);
	assert_int_equal(last.row + last.rows, n);
	assert_int_equal(last.column + last.columns, n);
	uint64_t middle = tiles.first[1000];
	assert_int_equal(entk_tiles_get(&tiles, middle).row, 1000000000);
	assert_int_equal(entk_tiles_get(&tiles, middle).column, 1000000000);
	assert_int_equal(entk_tiles_get(&tiles, middle - 1).row, 999000000);
	entk_tiles_destroy(&tiles);
}

static void test_refused(void **state)
{
	(void)state;
	EntkTiles tiles;
	EntkError error;
	assert_int_equal(entk_tiles_create(0, 3, false, 1, 1, &tiles, &error), ENTK_INTERNAL);
	assert_int_equal(entk_tiles_create(3, 3, false, 0, 1, &tiles, &error), ENTK_INTERNAL);
	assert_int_equal(entk_tiles_create(3, 4, true, 1, 1, &tiles, &error), ENTK_INTERNAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_pair_once),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
