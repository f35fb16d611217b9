/* Where finished tiles go. Gram assembly knows only EntkStore: matrices in memory (tile_store.c), or a folder of tiles that outlives
 * the process (store/store.h). All functions are called from many threads at once, each for tiles of its own. */
#ifndef ENTK_GRAM_TILE_STORE_H
#define ENTK_GRAM_TILE_STORE_H

#include "gram/tiles.h"
#include "support/status.h"

#include <stddef.h>

/* Where a tile is to be written: row-major, rows `stride` apart. Of a symmetric matrix pairs with column >= row; the mirror image of
 * pair (i, j) of the tile, in its first `mirrored` columns, is to go `mirror` behind the kernel's address, to [j * stride + i]. */
typedef struct EntkTileOutput {
	double *nngp, *ntk; /* NULL: not kept by this store */
	size_t stride;
	size_t plane; /* a trunk's tiles: from one member's matrix to the next */
	ptrdiff_t mirror;
	uint32_t mirrored; /* 0: none */
	void *handle;      /* the store's own */
} EntkTileOutput;

typedef struct EntkStore {
	void *context;
	/* The store's tiles, exactly; in a symmetric matrix rows <= columns. 0: the store takes tiles of any size. */
	uint32_t tile_rows, tile_columns;
	/* What `close` took outlives the process: tiles that have begun are worth finishing when the run is interrupted. */
	bool durable;
	/* Is tile i still to be computed? NULL: all are. */
	bool (*missing)(void *context, uint64_t i);
	/* Memory for tile i. Each successful `open` is followed by one `close` or `abandon`. */
	EntkStatus (*open)(void *context, uint64_t i, EntkTileRange range, EntkTileOutput *output, EntkError *error);
	/* Tile i is complete in the memory that `open` gave. NULL: nothing to do. */
	EntkStatus (*close)(void *context, uint64_t i, const EntkTileOutput *output, EntkError *error);
	/* Tile i will not be completed. NULL: nothing to do. */
	void (*abandon)(void *context, const EntkTileOutput *output);
	void (*destroy)(void *context); /* NULL: the context belongs to somebody else */
} EntkStore;

/* Matrices of the caller, rows x columns, of one net or, one behind the other, of `members`; `nngp` or `ntk` may be NULL. With
 * `symmetric` the lower triangles are filled with copies. */
typedef struct EntkStoreMatrices {
	double *nngp, *ntk;
	size_t rows, columns, members;
	bool symmetric;
} EntkStoreMatrices;
EntkStatus entk_store_memory_create(const EntkStoreMatrices *matrices, EntkStore *store, EntkError *error);
void entk_store_destroy(EntkStore *store);

#endif
