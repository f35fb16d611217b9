/* Where finished tiles go. Gram assembly knows only EntkStore: today there is one kind, a matrix in memory; a folder of tiles on
 * disk fits the same four functions. All are called from many threads, each for tiles of its own. */
#ifndef ENTK_STORE_H
#define ENTK_STORE_H

#include "status.h"
#include "tiles.h"

/* Where a tile is to be written: row-major, rows `stride` apart. */
typedef struct EntkTileOutput {
	double *nngp, *ntk; /* NULL: not kept by this store */
	size_t stride;
	size_t plane; /* a trunk's tiles: from one member's matrix to the next */
} EntkTileOutput;

typedef struct EntkStore {
	void *context;
	/* Is tile i already there, so that it need not be computed? NULL: never. */
	bool (*has)(void *context, uint64_t i);
	/* Memory for tile i. */
	EntkStatus (*open)(void *context, uint64_t i, EntkTileRange range, EntkTileOutput *output, EntkError *error);
	/* Tile i is complete in the memory that `open` gave. */
	EntkStatus (*close)(void *context, uint64_t i, EntkTileRange range, const EntkTileOutput *output, EntkError *error);
	void (*destroy)(void *context);
} EntkStore;

/* Matrices of the caller, rows x columns, of one net or, one behind the other, of `members`; `nngp` or `ntk` may be NULL. Kernels
 * write straight into them. With `symmetric` the lower triangles are filled with copies. */
typedef struct EntkStoreMatrices {
	double *nngp, *ntk;
	size_t rows, columns, members;
	bool symmetric;
} EntkStoreMatrices;
EntkStatus entk_store_memory_create(const EntkStoreMatrices *matrices, EntkStore *store, EntkError *error);
void entk_store_destroy(EntkStore *store);

#endif
