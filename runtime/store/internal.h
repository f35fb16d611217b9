/* What the files of the gram store share: folder.c (folders and headers), slots.c (slots), read.c (matrices). */
#ifndef ENTK_STORE_INTERNAL_H
#define ENTK_STORE_INTERNAL_H

#include "store/store.h"

#include <pthread.h>
#include <sys/types.h>

/* Memory for one slot, kept for the next tile. */
typedef struct EntkGramBuffer {
	struct EntkGramBuffer *next;
	double values[];
} EntkGramBuffer;

struct EntkGramStore {
	char *path, *tiles_path;
	EntkGramFolder *own_folder; /* closed with the store; NULL: the caller's */
	EntkHeaderState header_state[2];
	EntkStoreHeader header;
	EntkTiles tiles;
	uint64_t slots, slot_bytes; /* slot k holds tile k * shards + shard - 1 */
	uint64_t excess;
	unsigned char *states; /* EntkTileState per slot; each is written by one thread */
	uint64_t known;        /* slots that have one; the others are missing */
	int file;              /* of tiles; -1: there is none yet */
	dev_t device;
	ino_t inode;
	const bool *chosen; /* of entk_gram_store_comparer */
	pthread_mutex_t mutex;
	EntkGramBuffer *buffers; /* free ones; guarded by the mutex */
	double last_sync;        /* guarded by the mutex */
};

/* "cannot DOING: REASON", and what helps against it. */
EntkStatus entk_gram_failure(EntkError *error, const char *where, const char *doing, int number);
EntkGramBuffer *entk_gram_take_buffer(EntkGramStore *store, EntkError *error);
void entk_gram_give_buffer(EntkGramStore *store, EntkGramBuffer *buffer);

#endif
