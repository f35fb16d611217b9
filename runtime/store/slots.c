/* Slots of a gram store's file of tiles: reading, checking, writing. A slot holds the kernels of a tile, then its record: the tile's
 * number plus one and the checksum of the values. A slot that was never written is a hole, which reads as zeros. */
#include "store/internal.h"

#include "support/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Seconds after which finished tiles are safe from a power failure. */
#define SYNC_INTERVAL 30

static uint64_t slot_of(const EntkGramStore *store, uint64_t i)
{
	return i / store->header.shard.count;
}

static uint64_t tile_of(const EntkGramStore *store, uint64_t slot)
{
	return slot * store->header.shard.count + store->header.shard.index - 1;
}

bool entk_gram_store_has(const EntkGramStore *store, uint64_t i)
{
	return i < store->tiles.count && i % store->header.shard.count == store->header.shard.index - 1;
}

size_t entk_gram_store_tile_values(const EntkGramStore *store)
{
	return (size_t)(store->slot_bytes / sizeof(double)) - 2;
}

static uint64_t checksum(const EntkGramStore *store, uint64_t i, const double *values)
{
	return entk_hash(values, entk_gram_store_tile_values(store) * sizeof(double), store->header.seed + i);
}

/* ---- buffers --------------------------------------------------------------------------------------------------- */

EntkGramBuffer *entk_gram_take_buffer(EntkGramStore *store, EntkError *error)
{
	pthread_mutex_lock(&store->mutex);
	EntkGramBuffer *buffer = store->buffers;
	if (buffer)
		store->buffers = buffer->next;
	pthread_mutex_unlock(&store->mutex);
	if (!buffer)
		buffer = entk_allocate(1, sizeof *buffer + store->slot_bytes, "a tile", error);
	return buffer;
}

void entk_gram_give_buffer(EntkGramStore *store, EntkGramBuffer *buffer)
{
	pthread_mutex_lock(&store->mutex);
	buffer->next = store->buffers;
	store->buffers = buffer;
	pthread_mutex_unlock(&store->mutex);
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

/* As many of the slot's bytes as there are; the rest is 0. False where the disk cannot read them. */
static bool read_slot(const EntkGramStore *store, uint64_t slot, double *values)
{
	char *at = (char *)values;
	size_t done = 0, size = (size_t)store->slot_bytes;
	while (done < size) {
		ssize_t got = store->file < 0 ? 0
					      : pread(store->file, at + done, size - done,
						      (off_t)(slot * store->slot_bytes + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	memset(at + done, 0, size - done);
	return true;
}

EntkTileState entk_gram_store_read_tile(const EntkGramStore *store, uint64_t i, double *values)
{
	uint64_t record[2];
	if (!read_slot(store, slot_of(store, i), values))
		return ENTK_TILE_DAMAGED;
	memcpy(record, values + entk_gram_store_tile_values(store), sizeof record);
	if (record[0] == 0 && record[1] == 0)
		return ENTK_TILE_MISSING;
	return record[0] == i + 1 && record[1] == checksum(store, i, values) ? ENTK_TILE_PRESENT : ENTK_TILE_DAMAGED;
}

static EntkStatus scratch_create(void *context, void **scratch, EntkError *error)
{
	*scratch = entk_gram_take_buffer(context, error);
	return *scratch ? ENTK_OK : error->status;
}

static void scratch_destroy(void *context, void *scratch)
{
	if (scratch)
		entk_gram_give_buffer(context, scratch);
}

static EntkStatus scan_slot(void *context, void *scratch, uint64_t slot, uint64_t *done, EntkError *error)
{
	EntkGramStore *store = context;
	EntkGramBuffer *buffer = scratch;
	(void)error;
	store->states[slot] = (unsigned char)entk_gram_store_read_tile(store, tile_of(store, slot), buffer->values);
	*done = 1;
	return ENTK_OK;
}

EntkStatus entk_gram_store_scan(EntkGramStore *store, unsigned threads, EntkProgress *progress,
				const volatile int *cancel, EntkError *error)
{
	struct stat info;
	EntkJobs jobs = {store->slots, store, scan_slot, scratch_create, scratch_destroy};
	memset(store->states, ENTK_TILE_MISSING, (size_t)store->known);
	if (store->file < 0 || store->slots == 0)
		return ENTK_OK;
	if (fstat(store->file, &info) != 0)
		return entk_gram_failure(error, store->tiles_path, "read", errno);
	/* Slots behind the end of the file are missing, and so is the last where the file ends before its record. */
	uint64_t there = ((uint64_t)info.st_size + 2 * sizeof(uint64_t) - 1) / store->slot_bytes;
	if (jobs.count > there)
		jobs.count = there;
	if (jobs.count > store->known)
		jobs.count = store->known;
	if (jobs.count == 0)
		return ENTK_OK;
	if (progress)
		entk_progress_begin(progress, store->path, "tiles checked", jobs.count);
	EntkStatus status = entk_execute(&jobs, threads, progress, cancel, error);
	if (progress)
		entk_progress_end(progress);
	return status;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

/* A file that was deleted, or whose folder was renamed, can still be written to, and all would be lost with the process. */
static EntkStatus check_there(const EntkGramStore *store, EntkError *error)
{
	struct stat info;
	if (stat(store->tiles_path, &info) == 0 && info.st_dev == store->device && info.st_ino == store->inode)
		return ENTK_OK;
	entk_fail(error, ENTK_SYSTEM, store->path, "the store has vanished: it was removed, renamed or unmounted");
	return entk_fix(error, "put it back and give the same command again: finished tiles are kept");
}

EntkStatus entk_gram_store_sync(EntkGramStore *store, EntkError *error)
{
	if (store->file < 0)
		return ENTK_OK;
	if (fdatasync(store->file) != 0)
		return entk_gram_failure(error, store->tiles_path, "write", errno);
	return check_there(store, error);
}

static EntkStatus sync_sometimes(EntkGramStore *store, EntkError *error)
{
	double now = entk_now();
	pthread_mutex_lock(&store->mutex);
	bool due = now - store->last_sync > SYNC_INTERVAL;
	if (due)
		store->last_sync = now;
	pthread_mutex_unlock(&store->mutex);
	return due ? entk_gram_store_sync(store, error) : ENTK_OK;
}

static EntkStatus write_slot(const EntkGramStore *store, uint64_t slot, const double *values, EntkError *error)
{
	const char *at = (const char *)values;
	size_t done = 0, size = (size_t)store->slot_bytes;
	while (done < size) {
		ssize_t put = pwrite(store->file, at + done, size - done, (off_t)(slot * store->slot_bytes + done));
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return entk_gram_failure(error, store->tiles_path, "write", put < 0 ? errno : ENOSPC);
		done += (size_t)put;
	}
	return ENTK_OK;
}

EntkStatus entk_gram_store_write_tile(EntkGramStore *store, uint64_t i, double *values, EntkError *error)
{
	uint64_t record[2] = {i + 1, checksum(store, i, values)};
	memcpy(values + entk_gram_store_tile_values(store), record, sizeof record);
	EntkStatus status = check_there(store, error);
	if (status == ENTK_OK)
		status = write_slot(store, slot_of(store, i), values, error);
	if (status != ENTK_OK)
		return status;
	store->states[slot_of(store, i)] = ENTK_TILE_PRESENT;
	return sync_sometimes(store, error);
}

/* ---- as a store of Gram assembly -------------------------------------------------------------------------------- */

static bool writer_missing(void *context, uint64_t i)
{
	const EntkGramStore *store = context;
	return entk_gram_store_has(store, i) && entk_gram_store_state(store, i) != ENTK_TILE_PRESENT;
}

static EntkStatus tile_open(void *context, uint64_t i, EntkTileRange range, EntkTileOutput *output, EntkError *error)
{
	EntkGramStore *store = context;
	const EntkStoreHeader *header = &store->header;
	EntkGramBuffer *buffer = entk_gram_take_buffer(store, error);
	(void)i;
	if (!buffer)
		return error->status;
	if (range.rows < header->tile_rows || range.columns < header->tile_columns)
		memset(buffer->values, 0, (size_t)store->slot_bytes);
	size_t kernel = (size_t)header->tile_rows * header->tile_columns;
	output->nngp = header->nngp ? buffer->values : NULL;
	output->ntk = header->ntk ? buffer->values + (header->nngp ? kernel : 0) : NULL;
	output->stride = header->tile_columns;
	/* A tile on the diagonal is whole, and has its mirror images inside. */
	if (header->symmetric && range.row == range.column)
		output->mirrored = range.rows < range.columns ? range.rows : range.columns;
	output->handle = buffer;
	return ENTK_OK;
}

static void tile_abandon(void *context, const EntkTileOutput *output)
{
	entk_gram_give_buffer(context, output->handle);
}

static EntkStatus writer_close(void *context, uint64_t i, const EntkTileOutput *output, EntkError *error)
{
	EntkGramStore *store = context;
	EntkGramBuffer *buffer = output->handle;
	EntkStatus status = entk_gram_store_write_tile(store, i, buffer->values, error);
	entk_gram_give_buffer(store, buffer);
	return status;
}

static EntkStore as_store(EntkGramStore *store)
{
	return (EntkStore){
		.context = store,
		.tile_rows = store->header.tile_rows,
		.tile_columns = store->header.tile_columns,
		.durable = true,
		.missing = writer_missing,
		.open = tile_open,
		.close = writer_close,
		.abandon = tile_abandon,
	};
}

EntkStore entk_gram_store_writer(EntkGramStore *store)
{
	return as_store(store);
}

static bool comparer_missing(void *context, uint64_t i)
{
	return ((const EntkGramStore *)context)->chosen[i];
}

static EntkStatus comparer_close(void *context, uint64_t i, const EntkTileOutput *output, EntkError *error)
{
	EntkGramStore *store = context;
	EntkGramBuffer *computed = output->handle, *stored = entk_gram_take_buffer(store, error);
	EntkStatus status = stored ? ENTK_OK : error->status;
	if (stored) {
		size_t bytes = entk_gram_store_tile_values(store) * sizeof(double);
		if (entk_gram_store_read_tile(store, i, stored->values) != ENTK_TILE_PRESENT ||
		    memcmp(stored->values, computed->values, bytes) != 0)
			store->states[slot_of(store, i)] = ENTK_TILE_DAMAGED;
		entk_gram_give_buffer(store, stored);
	}
	entk_gram_give_buffer(store, computed);
	return status;
}

EntkStore entk_gram_store_comparer(EntkGramStore *store, const bool *chosen)
{
	EntkStore view = as_store(store);
	store->chosen = chosen;
	view.durable = false;
	view.missing = comparer_missing;
	view.close = comparer_close;
	return view;
}
