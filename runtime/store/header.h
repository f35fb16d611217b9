/* What identifies a stored Gram matrix, and how it is laid out: a short text of one field per line, with a checksum of itself
 * at the end (docs/store.md). Two runs may share a store exactly when their fields are equal, tile and shard aside. */
#ifndef ENTK_STORE_HEADER_H
#define ENTK_STORE_HEADER_H

#include "data/samples.h"
#include "entk_abi.h"
#include "gram/tiles.h"
#include "support/status.h"

#define ENTK_STORE_VERSION 1

typedef enum EntkStoreField {
	ENTK_FIELD_NET,
	ENTK_FIELD_KERNELS,
	ENTK_FIELD_ROWS,
	ENTK_FIELD_COLUMNS,
	ENTK_FIELD_PAIRS,
	ENTK_FIELD_TILE,
	ENTK_FIELD_SHARD,
	ENTK_FIELD_PRECISION,
	ENTK_FIELD_COMPILER,
	ENTK_FIELD_ARCHITECTURE,
	ENTK_FIELD_CPU,
	ENTK_FIELD_PARAMS,
	ENTK_FIELD_COEFFICIENTS,
	ENTK_FIELD_DATA_X,
	ENTK_FIELD_DATA_Z,
	ENTK_FIELD_COUNT
} EntkStoreField;

/* Tiles i with i % count == index - 1. 1 of 1: all. */
typedef struct EntkShard {
	uint32_t index, count;
} EntkShard;

typedef struct EntkStoreHeader {
	char *fields[ENTK_FIELD_COUNT]; /* owned texts, without line breaks */
	/* what the fields say, as numbers */
	uint32_t rows, columns; /* of the matrix */
	bool symmetric;         /* one triangle is kept */
	bool nngp, ntk;         /* kernels that are kept */
	uint32_t tile_rows, tile_columns;
	EntkShard shard;
	uint64_t seed; /* of the tiles' checksums: a hash of all fields but the shard */
} EntkStoreHeader;

/* What a run is about to store. */
typedef struct EntkStoreRun {
	const EntkProgram *program;
	const EntkNet *net;
	const double *params;     /* program->param_count values */
	const EntkSamples *x, *z; /* z NULL: x with itself */
	bool nngp, ntk;
	uint32_t tile_rows, tile_columns; /* 0: chosen by entk_tiles_choose */
	EntkShard shard;
} EntkStoreRun;

EntkStatus entk_store_header_create(const EntkStoreRun *run, EntkStoreHeader *header, EntkError *error);
EntkStatus entk_store_header_copy(const EntkStoreHeader *header, EntkShard shard, EntkStoreHeader *copy,
				  EntkError *error);
void entk_store_header_destroy(EntkStoreHeader *header); /* a zeroed one is fine */

/* The file's text; the caller frees it. */
EntkStatus entk_store_header_text(const EntkStoreHeader *header, char **text, size_t *size, EntkError *error);
/* The reverse; ENTK_INPUT when the text is damaged (`where` names it) or of another version. */
EntkStatus entk_store_header_parse(const char *where, const char *text, size_t size, EntkStoreHeader *header,
				   EntkError *error);

/* May a run that needs `wanted` use what `stored` describes? If not, the error names the first field that differs and how to
 * make it equal. `tile` and `shard`: must these be equal as well? */
EntkStatus entk_store_header_match(const char *where, const EntkStoreHeader *stored, const EntkStoreHeader *wanted,
				   bool tile, bool shard, EntkError *error);

/* Tiles of the whole matrix; the caller destroys them. */
EntkStatus entk_store_header_tiles(const EntkStoreHeader *header, EntkTiles *tiles, EntkError *error);
/* Bytes of one tile in the file: its record and all kernels. */
uint64_t entk_store_header_slot(const EntkStoreHeader *header);

#endif
