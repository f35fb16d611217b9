/* The store in memory. */
#include "store.h"

#include <stdlib.h>
#include <string.h>

typedef struct Memory {
	double *nngp, *ntk;
	size_t columns;
	bool symmetric;
} Memory;

static EntkStatus memory_open(void *context, uint64_t i, EntkTileRange range, EntkTileOutput *output, EntkError *error) {
	const Memory *memory = context;
	size_t offset = range.row * memory->columns + range.column;
	(void)i;
	(void)error;
	output->nngp = memory->nngp ? memory->nngp + offset : NULL;
	output->ntk = memory->ntk ? memory->ntk + offset : NULL;
	output->stride = memory->columns;
	return ENTK_OK;
}

/* Copies the tile's pairs with column > row to the other triangle: the only writer of these places is the tile's own thread. */
static void mirror(double *matrix, size_t columns, EntkTileRange range) {
	for (size_t i = range.row; i < (size_t)range.row + range.rows; i++) {
		size_t end = (size_t)range.column + range.columns;
		for (size_t j = i + 1 > range.column ? i + 1 : range.column; j < end; j++)
			matrix[j * columns + i] = matrix[i * columns + j];
	}
}

static EntkStatus memory_close(void *context, uint64_t i, EntkTileRange range, const EntkTileOutput *output, EntkError *error) {
	const Memory *memory = context;
	(void)i;
	(void)output;
	(void)error;
	if (memory->symmetric && memory->nngp)
		mirror(memory->nngp, memory->columns, range);
	if (memory->symmetric && memory->ntk)
		mirror(memory->ntk, memory->columns, range);
	return ENTK_OK;
}

EntkStatus entk_store_memory_create(double *nngp, double *ntk, size_t columns, bool symmetric, EntkStore *store, EntkError *error) {
	memset(store, 0, sizeof *store);
	Memory *memory = entk_allocate(1, sizeof *memory, "the store", error);
	if (!memory)
		return error->status;
	*memory = (Memory){nngp, ntk, columns, symmetric};
	*store = (EntkStore){memory, NULL, memory_open, memory_close, free};
	return ENTK_OK;
}

void entk_store_destroy(EntkStore *store) {
	if (store->destroy)
		store->destroy(store->context);
	memset(store, 0, sizeof *store);
}
