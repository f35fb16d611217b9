/* The tiles of a Gram matrix: which blocks of pairs there are, in which order they are computed. Arithmetic only. */
#ifndef ENTK_GRAM_TILES_H
#define ENTK_GRAM_TILES_H

#include "support/status.h"

#include <stdint.h>

typedef struct EntkTiles {
	uint32_t rows, columns;           /* of the matrix */
	uint32_t tile_rows, tile_columns; /* of a tile; those at the end may be smaller */
	bool symmetric;                   /* only pairs with column >= row; rows == columns */
	uint64_t count;                   /* tiles */
	uint64_t pairs;                   /* pairs that are wanted */
	uint64_t *first; /* owned; number of the first tile of each row of tiles, and the count at the end */
} EntkTiles;

/* A block of pairs. In a symmetric matrix its wanted pairs are those with column >= row. */
typedef struct EntkTileRange {
	uint32_t row, rows, column, columns;
} EntkTileRange;

/* Sizes of at least 1. In a symmetric matrix each row of tiles starts at the diagonal. */
EntkStatus entk_tiles_create(uint32_t rows, uint32_t columns, bool symmetric, uint32_t tile_rows, uint32_t tile_columns,
			     EntkTiles *tiles, EntkError *error);
/* Sizes for tiles that are kept: about half a second's work each, at most 256 x 256 pairs, but as many tiles as a large machine has
 * threads where that is possible, and not above a million. They follow from the net's cost (predicted operations per pair,
 * pairs per SIMD group) and the matrix alone, so that every run on the same data chooses the same. */
void entk_tiles_choose(uint32_t rows, uint32_t columns, bool symmetric, double operations, uint32_t lanes,
		       uint32_t *tile_rows, uint32_t *tile_columns);
void entk_tiles_destroy(EntkTiles *tiles);
EntkTileRange entk_tiles_get(const EntkTiles *tiles, uint64_t i);
/* Wanted pairs of a tile. */
uint64_t entk_tiles_pairs(const EntkTiles *tiles, EntkTileRange range);

#endif
