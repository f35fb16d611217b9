/* The last step of a block of pairs: from the memory where the compiled kernel left it, still in the cache, to its place in a
 * matrix, and the mirror image of it to the other triangle. */
#ifndef ENTK_GRAM_PLACE_H
#define ENTK_GRAM_PLACE_H

#include "gram/tiles.h"

/* Doubles of a cache's line. */
#define ENTK_LINE 8

/* A block of one kernel. Of a Gram of a set with itself (`symmetric`) only pairs with column >= row are wanted. */
typedef struct EntkBlock {
	const double *values; /* rows `stride` apart */
	size_t stride;
	EntkTileRange range;
	bool symmetric;
} EntkBlock;

/* The first column of row i of the block, counted from the block's, that is wanted; at most range.columns. */
size_t entk_block_start(const EntkBlock *block, size_t i);

/* The wanted pairs to `to`, pair (i, j) of the block to to[i * stride + j]. Nothing else is written. */
void entk_place(const EntkBlock *block, double *to, size_t stride);
/* The mirror images of the wanted pairs in the block's first `columns` columns, without those on the matrix's diagonal: pair (i, j) to
 * to[j * stride + i]. */
void entk_place_mirrored(const EntkBlock *block, size_t columns, double *to, size_t stride);

#endif
