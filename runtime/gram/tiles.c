/* See tiles.h. */
#include "gram/tiles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

EntkStatus entk_tiles_create(uint32_t rows, uint32_t columns, bool symmetric, uint32_t tile_rows, uint32_t tile_columns,
			     EntkTiles *tiles, EntkError *error)
{
	*tiles = (EntkTiles){.rows = rows, .columns = columns, .symmetric = symmetric};
	tiles->tile_rows = tile_rows < rows ? tile_rows : rows;
	tiles->tile_columns = tile_columns < columns ? tile_columns : columns;
	if (rows == 0 || columns == 0 || tile_rows == 0 || tile_columns == 0 || (symmetric && rows != columns))
		return entk_fail(error, ENTK_INTERNAL, NULL, "tiles of %u x %u for a matrix of %u x %u", tile_rows,
				 tile_columns, rows, columns);
	uint32_t bands = (rows - 1) / tiles->tile_rows + 1;
	tiles->first = entk_allocate((size_t)bands + 1, sizeof *tiles->first, "the list of tiles", error);
	if (!tiles->first)
		return error->status;
	for (uint32_t band = 0; band < bands; band++) {
		uint32_t start = symmetric ? band * tiles->tile_rows : 0;
		tiles->first[band + 1] = tiles->first[band] + (columns - start - 1) / tiles->tile_columns + 1;
	}
	tiles->count = tiles->first[bands];
	tiles->pairs = symmetric ? (uint64_t)rows * ((uint64_t)rows + 1) / 2 : (uint64_t)rows * columns;
	return ENTK_OK;
}

/* The size below `most` that cuts `total` into equal pieces, rounded up to a multiple where that is not more than `total`. */
static uint32_t even(uint32_t total, double most, uint32_t multiple)
{
	double pieces = ceil(total / fmax(most, 1));
	double size = ceil(ceil(total / pieces) / multiple) * multiple;
	return size < total ? (uint32_t)size : total;
}

void entk_tiles_choose(uint32_t rows, uint32_t columns, bool symmetric, double operations, uint32_t lanes,
		       uint32_t *tile_rows, uint32_t *tile_columns)
{
	/* Operations of a core per second, nominally; a tile below `least` is not worth its management. */
	const double speed = 3e10, most_seconds = 0.5, least_seconds = 0.01, most_pairs = 256 * 256;
	const double enough_tiles = 256, most_tiles = 1 << 20;
	double total = (symmetric ? 0.5 : 1) * rows * (double)columns, cost = fmax(operations, 1) / speed;
	double pairs = fmin(most_seconds / cost, total / enough_tiles);
	pairs = fmax(pairs, fmin(least_seconds / cost, most_pairs));
	pairs = fmax(fmin(pairs, most_pairs), total / most_tiles);
	double side = fmax(sqrt(pairs), lanes);
	*tile_columns = even(columns, side, lanes);
	*tile_rows = even(rows, pairs / side, 1);
	/* A band's first tile covers its whole block on the diagonal. */
	if (symmetric && *tile_rows > *tile_columns)
		*tile_rows = *tile_columns;
}

void entk_tiles_destroy(EntkTiles *tiles)
{
	free(tiles->first);
	memset(tiles, 0, sizeof *tiles);
}

EntkTileRange entk_tiles_get(const EntkTiles *tiles, uint64_t i)
{
	/* The last band that starts at or before tile i. */
	uint32_t low = 0, high = (tiles->rows - 1) / tiles->tile_rows;
	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;
		if (tiles->first[middle] <= i)
			low = middle;
		else
			high = middle - 1;
	}
	EntkTileRange range = {.row = low * tiles->tile_rows};
	range.column = (tiles->symmetric ? range.row : 0) + (uint32_t)(i - tiles->first[low]) * tiles->tile_columns;
	range.rows = tiles->rows - range.row < tiles->tile_rows ? tiles->rows - range.row : tiles->tile_rows;
	range.columns = tiles->columns - range.column < tiles->tile_columns ? tiles->columns - range.column
									    : tiles->tile_columns;
	return range;
}

uint64_t entk_tiles_pairs(const EntkTiles *tiles, EntkTileRange range)
{
	uint64_t pairs = 0;
	if (!tiles->symmetric)
		return (uint64_t)range.rows * range.columns;
	for (uint32_t i = 0; i < range.rows; i++) {
		uint32_t row = range.row + i, end = range.column + range.columns;
		uint32_t start = row > range.column ? row : range.column;
		pairs += end > start ? end - start : 0;
	}
	return pairs;
}
