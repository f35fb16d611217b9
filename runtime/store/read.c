/* Matrices and blocks of rows from a gram store, tile by tile: see store.h. */
#include "store/internal.h"

#include "gram/place.h"

#include <stdlib.h>
#include <string.h>

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* Tile i into `values`; *kernel points to the wanted one in it. */
static EntkStatus load(const EntkGramStore *store, uint64_t i, bool ntk, double *values, const double **kernel,
		       EntkError *error)
{
	const EntkStoreHeader *header = &store->header;
	*kernel = values + (ntk && header->nngp ? (size_t)header->tile_rows * header->tile_columns : 0);
	EntkTileState state = entk_gram_store_read_tile(store, i, values);
	if (state == ENTK_TILE_PRESENT)
		return ENTK_OK;
	entk_fail(error, ENTK_INPUT, store->path, "tile %llu is %s", (unsigned long long)i,
		  state == ENTK_TILE_MISSING ? "missing" : "damaged");
	return entk_fix(error, "the `gram` command that made it computes it again");
}

static EntkStatus check_kernel(const EntkGramStore *store, bool ntk, EntkError *error)
{
	if (store->header.shard.count > 1)
		return entk_gram_store_complete(store, error);
	if (ntk ? store->header.ntk : store->header.nngp)
		return ENTK_OK;
	entk_fail(error, ENTK_INPUT, store->path, "it holds only the %s", ntk ? "NNGP" : "NTK");
	return entk_fix(error, "compute a store with both kernels, or choose --kernel=%s", ntk ? "nngp" : "ntk");
}

/* ---- blocks of rows -------------------------------------------------------------------------------------------- */

typedef struct Block {
	uint32_t row, count; /* rows of the matrix */
	size_t columns;
	double *values;
} Block;

/* Entries of a tile that stand in the block's rows. */
static void copy_straight(const Block *block, EntkTileRange range, const double *tile, size_t stride)
{
	uint32_t first = larger(range.row, block->row);
	uint32_t end = smaller(range.row + range.rows, block->row + block->count);
	for (uint32_t i = first; i < end; i++)
		memcpy(block->values + (i - block->row) * block->columns + range.column,
		       tile + (i - range.row) * stride, range.columns * sizeof(double));
}

/* Entries whose mirror images do. */
static void copy_mirrored(const Block *block, EntkTileRange range, const double *tile, size_t stride)
{
	uint32_t first = larger(range.column, block->row);
	uint32_t end = smaller(range.column + range.columns, block->row + block->count);
	for (uint32_t j = first; j < end; j++) {
		double *row = block->values + (j - block->row) * block->columns + range.row;
		const double *column = tile + (j - range.column);
		for (uint32_t i = 0; i < range.rows; i++)
			row[i] = column[i * stride];
	}
}

/* All tiles of one band that touch the block, directly or through their mirror images. */
static EntkStatus read_band(const EntkGramStore *store, bool ntk, uint32_t band, const Block *block, double *buffer,
			    EntkError *error)
{
	const EntkTiles *tiles = &store->tiles;
	uint32_t row = band * tiles->tile_rows, end = block->row + block->count;
	bool straight = row + tiles->tile_rows > block->row;
	uint64_t first = tiles->first[band], last = tiles->first[band + 1];
	if (!straight) { /* only tiles over the columns with the block's numbers */
		last = first + (end - 1 - row) / tiles->tile_columns + 1;
		first += (block->row - row) / tiles->tile_columns;
	}
	for (uint64_t i = first; i < last && i < tiles->first[band + 1]; i++) {
		EntkTileRange range = entk_tiles_get(tiles, i);
		const double *kernel;
		EntkStatus status = load(store, i, ntk, buffer, &kernel, error);
		if (status != ENTK_OK)
			return status;
		if (straight)
			copy_straight(block, range, kernel, tiles->tile_columns);
		if (tiles->symmetric)
			copy_mirrored(block, range, kernel, tiles->tile_columns);
	}
	return ENTK_OK;
}

EntkStatus entk_gram_store_read_rows(const EntkGramStore *store, bool ntk, size_t row, size_t count, double *values,
				     EntkError *error)
{
	const EntkTiles *tiles = &store->tiles;
	EntkStatus status = check_kernel(store, ntk, error);
	if (status != ENTK_OK || count == 0)
		return status;
	if (row >= tiles->rows || count > tiles->rows - row)
		return entk_fail(error, ENTK_INTERNAL, store->path, "rows %zu to %zu of %u", row, row + count,
				 tiles->rows);
	Block block = {(uint32_t)row, (uint32_t)count, tiles->columns, values};
	double *buffer = entk_allocate(1, (size_t)store->slot_bytes, "a tile", error);
	if (!buffer)
		return error->status;
	uint32_t last = (block.row + block.count - 1) / tiles->tile_rows;
	for (uint32_t band = tiles->symmetric ? 0 : block.row / tiles->tile_rows; band <= last && status == ENTK_OK;
	     band++)
		status = read_band(store, ntk, band, &block, buffer, error);
	free(buffer);
	return status;
}

/* ---- whole matrices -------------------------------------------------------------------------------------------- */

typedef struct Reading {
	const EntkGramStore *store;
	bool ntk;
	EntkStore matrix;
} Reading;

static EntkStatus buffer_create(void *context, void **scratch, EntkError *error)
{
	const Reading *reading = context;
	*scratch = entk_allocate(1, (size_t)reading->store->slot_bytes, "a tile", error);
	return *scratch ? ENTK_OK : error->status;
}

static void buffer_destroy(void *context, void *scratch)
{
	(void)context;
	free(scratch);
}

/* A tile goes to its place, its mirror image to the other triangle. */
static EntkStatus read_tile(void *context, void *scratch, uint64_t i, uint64_t *done, EntkError *error)
{
	const Reading *reading = context;
	const EntkTiles *tiles = &reading->store->tiles;
	EntkTileRange range = entk_tiles_get(tiles, i);
	EntkTileOutput output = {0};
	const double *kernel;
	*done = 1;
	EntkStatus status = load(reading->store, i, reading->ntk, scratch, &kernel, error);
	if (status == ENTK_OK)
		status = reading->matrix.open(reading->matrix.context, i, range, &output, error);
	if (status != ENTK_OK)
		return status;
	EntkBlock block = {kernel, tiles->tile_columns, range, tiles->symmetric};
	entk_place(&block, output.nngp, output.stride);
	entk_place_mirrored(&block, output.mirrored, output.nngp + output.mirror, output.stride);
	return ENTK_OK;
}

EntkStatus entk_gram_store_read(const EntkGramStore *store, bool ntk, unsigned threads, double *matrix,
				EntkError *error)
{
	Reading reading = {.store = store, .ntk = ntk};
	const EntkTiles *tiles = &store->tiles;
	EntkStoreMatrices to = {matrix, NULL, tiles->rows, tiles->columns, 1, tiles->symmetric};
	EntkStatus status = check_kernel(store, ntk, error);
	if (status == ENTK_OK)
		status = entk_store_memory_create(&to, &reading.matrix, error);
	if (status != ENTK_OK)
		return status;
	EntkJobs jobs = {store->tiles.count, &reading, read_tile, buffer_create, buffer_destroy};
	status = entk_execute(&jobs, threads, NULL, NULL, error);
	entk_store_destroy(&reading.matrix);
	return status;
}

EntkStatus entk_gram_store_open_read(const char *path, const char *net, unsigned threads, EntkGramStore **store,
				     EntkError *error)
{
	EntkGramFolder *folder;
	char **nets = NULL;
	size_t count = 0;
	*store = NULL;
	EntkStatus status = entk_gram_folder_open(path, false, &folder, error);
	if (status != ENTK_OK)
		return status;
	if (!net) {
		status = entk_gram_folder_nets(folder, &nets, &count, error);
		if (status == ENTK_OK && count > 1) {
			entk_fail(error, ENTK_INPUT, path, "it holds %zu nets, %s, %s ..", count, nets[0], nets[1]);
			status = entk_fix(error, "choose one with --net");
		}
	}
	if (status == ENTK_OK)
		status = entk_gram_store_open(folder, net ? net : nets[0], store, error);
	entk_gram_folder_free_nets(nets, count);
	if (status != ENTK_OK) {
		entk_gram_folder_close(folder);
		return status;
	}
	(*store)->own_folder = folder;
	status = entk_gram_store_scan(*store, threads, NULL, NULL, error);
	if (status == ENTK_OK)
		status = entk_gram_store_complete(*store, error);
	if (status != ENTK_OK) {
		entk_gram_store_close(*store);
		*store = NULL;
	}
	return status;
}
