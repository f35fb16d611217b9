/* The store in memory. */
#include "store.h"

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
	return ENTK_OK;
}

/* Copies the tile's pairs with column > row to the other triangle: the only writer of these places is the tile's own thread. */
static void mirror(double *matrix, size_t columns, EntkTileRange range)
{
	/* Block by block: a column's entries lie a whole row apart, so the lines that a block touches must stay in the cache.
	 * The rows that are written, far away and not yet in any cache, are filled one after the other: few pages at a time. */
	enum { BLOCK = 8 };
	size_t row_end = (size_t)range.row + range.rows, column_end = (size_t)range.column + range.columns;
	for (size_t left = range.column; left < column_end; left += BLOCK) {
		size_t right = left + BLOCK < column_end ? left + BLOCK : column_end;
		for (size_t top = range.row; top < row_end && top < right; top += BLOCK) {
			size_t bottom = top + BLOCK < row_end ? top + BLOCK : row_end;
			for (size_t j = left; j < right; j++)
				for (size_t i = top; i < bottom && i < j; i++)
					matrix[j * columns + i] = matrix[i * columns + j];
		}
	}
}

static EntkStatus memory_close(void *context, uint64_t i, EntkTileRange range, const EntkTileOutput *output,
			       EntkError *error)
{
	const EntkStoreMatrices *memory = context;
	(void)i;
	(void)output;
	(void)error;
	for (size_t member = 0; member < memory->members && memory->symmetric; member++) {
		size_t first = member * memory->rows * memory->columns;
		if (memory->nngp)
			mirror(memory->nngp + first, memory->columns, range);
		if (memory->ntk)
			mirror(memory->ntk + first, memory->columns, range);
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
	*store = (EntkStore){.context = memory, .open = memory_open, .close = memory_close, .destroy = free};
	return ENTK_OK;
}

void entk_store_destroy(EntkStore *store)
{
	if (store->destroy)
		store->destroy(store->context);
	memset(store, 0, sizeof *store);
}
