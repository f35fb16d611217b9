/* Gram matrices on disk: a folder NAME.gram with a part for every net (docs/store.md has the format).
 *
 * Computing:  entk_gram_folder_open(path, true), entk_gram_store_create with the header of this run, entk_gram_store_scan,
 *             entk_gram_into(.., entk_gram_store_writer ..), entk_gram_store_sync.
 * Solving:    entk_gram_store_open_read, entk_gram_store_match, then entk_gram_store_read straight into the matrix that will be
 *             factorized, or entk_gram_store_read_rows for a block of its rows: no second copy of the matrix.
 *
 * A tile is one slot of the file `tiles`, written by one call, with a checksum behind its data: whatever a crash leaves
 * of a slot, its checksum tells. Nothing else is ever changed after a part was made. */
#ifndef ENTK_STORE_H
#define ENTK_STORE_H

#include "gram/tile_store.h"
#include "store/header.h"
#include "support/executor.h"

/* A folder with its lock: one process writes, or several read. */
typedef struct EntkGramFolder EntkGramFolder;

/* For writing the folder is made where it is absent. Fails, naming the process, while another one writes to it. */
EntkStatus entk_gram_folder_open(const char *path, bool write, EntkGramFolder **folder, EntkError *error);
void entk_gram_folder_close(EntkGramFolder *folder); /* after its stores; NULL is fine */
const char *entk_gram_folder_path(const EntkGramFolder *folder);
/* Nets that have a part, in alphabetical order; free with entk_gram_folder_free_nets. An empty folder is an error. */
EntkStatus entk_gram_folder_nets(const EntkGramFolder *folder, char ***nets, size_t *count, EntkError *error);
void entk_gram_folder_free_nets(char **nets, size_t count);
/* Is this the name of such a folder, "K.gram" or "K.gram/"? */
bool entk_gram_folder_name(const char *path);

typedef enum EntkTileState {
	ENTK_TILE_MISSING, /* not there, or not completely written */
	ENTK_TILE_PRESENT, /* there, with the right checksum */
	ENTK_TILE_DAMAGED, /* its bytes are not those that were written */
} EntkTileState;

/* Why a header that can be used is not in order. */
typedef enum EntkHeaderState { ENTK_HEADER_GOOD, ENTK_HEADER_MISSING, ENTK_HEADER_DAMAGED } EntkHeaderState;

/* The part of one net. */
typedef struct EntkGramStore EntkGramStore;

/* The part of wanted's net, for writing: made if it is absent; else it must have been made by the same run, tile size aside: the
 * store keeps its own. A damaged copy of its header is written anew. */
EntkStatus entk_gram_store_create(EntkGramFolder *folder, const EntkStoreHeader *wanted, EntkGramStore **store,
				  EntkError *error);
/* For reading. */
EntkStatus entk_gram_store_open(EntkGramFolder *folder, const char *net, EntkGramStore **store, EntkError *error);
/* Folder and part in one, complete and with right checksums (every byte is read, with `threads` threads). net NULL: the folder's
 * only one. Closing the store closes the folder. */
EntkStatus entk_gram_store_open_read(const char *path, const char *net, unsigned threads, EntkGramStore **store,
				     EntkError *error);
void entk_gram_store_close(EntkGramStore *store); /* NULL is fine */

const EntkStoreHeader *entk_gram_store_header(const EntkGramStore *store);
const EntkTiles *entk_gram_store_tiles(const EntkGramStore *store);
/* "K.gram/net", for messages. */
const char *entk_gram_store_path(const EntkGramStore *store);
/* State of the two copies of the header, 0 and 1, when the part was opened. */
EntkHeaderState entk_gram_store_header_state(const EntkGramStore *store, int copy);
/* Bytes behind the last tile, which nobody wrote. */
uint64_t entk_gram_store_excess(const EntkGramStore *store);

/* Does tile i belong to this store's shard? */
bool entk_gram_store_has(const EntkGramStore *store, uint64_t i);
/* How many tiles that is. */
uint64_t entk_gram_store_size(const EntkGramStore *store);
/* Read all tiles and check them: fills the states, which are ENTK_TILE_MISSING before. `threads`, `progress`, `cancel` as in
 * entk_execute. */
EntkStatus entk_gram_store_scan(EntkGramStore *store, unsigned threads, EntkProgress *progress,
				const volatile int *cancel, EntkError *error);
EntkTileState entk_gram_store_state(const EntkGramStore *store, uint64_t i);
/* Tiles of this store in a state, after a scan and what was written since. */
uint64_t entk_gram_store_count(const EntkGramStore *store, EntkTileState state);
/* Nothing missing, nothing damaged, no copy of the header bad? If not, the error says how to continue. */
EntkStatus entk_gram_store_complete(const EntkGramStore *store, EntkError *error);
/* Was it made from these samples, by this net with these params? */
EntkStatus entk_gram_store_match(const EntkGramStore *store, const EntkStoreRun *run, EntkError *error);

/* ---- tiles ----------------------------------------------------------------------------------------------------- */

/* Kernels of one tile one after another, NNGP first, each tile_rows x tile_columns; of tiles at the edge the rest is 0. In a tile
 * on the diagonal of a symmetric matrix the values below it are copies. */
size_t entk_gram_store_tile_values(const EntkGramStore *store);
/* Reads and checks tile i of this store; `values` has entk_gram_store_tile_values elements and 2 more. */
EntkTileState entk_gram_store_read_tile(const EntkGramStore *store, uint64_t i, double *values);
/* Writes it. `values` has room for 2 more elements. Syncs now and then. */
EntkStatus entk_gram_store_write_tile(EntkGramStore *store, uint64_t i, double *values, EntkError *error);
/* Everything written so far survives a power failure. */
EntkStatus entk_gram_store_sync(EntkGramStore *store, EntkError *error);
/* Has the disk room for what is missing? */
EntkStatus entk_gram_store_check_space(const EntkGramStore *store, EntkError *error);

/* For entk_gram_into: computes what is missing or damaged and writes it. The store stays the caller's. */
EntkStore entk_gram_store_writer(EntkGramStore *store);
/* The same with tiles that are compared instead of written: `chosen` has a flag for every tile of the matrix. A tile with other
 * values becomes ENTK_TILE_DAMAGED. */
EntkStore entk_gram_store_comparer(EntkGramStore *store, const bool *chosen);

/* ---- matrices -------------------------------------------------------------------------------------------------- */

/* One kernel (ntk or NNGP) of a complete store that is not a shard. A tile that has become bad since is an error. */
/* `count` rows of the whole matrix from `row` on, into count x columns values. */
EntkStatus entk_gram_store_read_rows(const EntkGramStore *store, bool ntk, size_t row, size_t count, double *values,
				     EntkError *error);
/* The whole matrix, rows x columns; both triangles. */
EntkStatus entk_gram_store_read(const EntkGramStore *store, bool ntk, unsigned threads, double *matrix,
				EntkError *error);

#endif
