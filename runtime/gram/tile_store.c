/* The store in memory. */
#include "gram/tile_store.h"

#include <stdlib.h>
#include <string.h>

static EntkStatus memory_open(void *context, uint64_t i, EntkTileRange range, EntkTileOutput *output, EntkError *error)
{
	const EntkStoreMatrices *memory = context;
	size_t offset = range.row * memory->columns + range.column;
	(void)i;
	(void)error;
	output->nngp = memory->nngp ? memory->nngp + offset : NULL;
	output->ntk = memory->ntk ? memory->ntk + offset : NULL;
	output->stride = memory->columns;
	output->plane = memory->rows * memory->columns;
	if (memory->symmetric) {
		/* From (row, column) to (column, row). */
		output->mirror = (ptrdiff_t)((range.column - range.row) * (memory->columns - 1));
		output->mirrored = range.columns;
	}
	return ENTK_OK;
}

EntkStatus entk_store_memory_create(const EntkStoreMatrices *matrices, EntkStore *store, EntkError *error)
{
	memset(store, 0, sizeof *store);
	EntkStoreMatrices *memory = entk_allocate(1, sizeof *memory, "the store", error);
	if (!memory)
		return error->status;
	*memory = *matrices;
	*store = (EntkStore){.context = memory, .open = memory_open, .destroy = free};
	return ENTK_OK;
}

void entk_store_destroy(EntkStore *store)
{
	if (store->destroy)
		store->destroy(store->context);
	memset(store, 0, sizeof *store);
}
