/* Writing files of arrays: .npz and .npy. Under the final name there is the old file or the new one, never a half (output/target.h). */
#ifndef ENTK_ARRAYS_NPZ_WRITER_H
#define ENTK_ARRAYS_NPZ_WRITER_H

#include "arrays/npy.h"
#include "support/status.h"

typedef struct EntkNpzWriter EntkNpzWriter;

/* Starts a file; fails at once when the folder is missing or cannot be written, so that hours of work are not lost.
 * A name that ends in .npy is refused. `expected_bytes`: fails when the disk has fewer (0: unknown). */
EntkStatus entk_npz_writer_create(const char *path, size_t expected_bytes, EntkNpzWriter **writer, EntkError *error);
/* Add an array. `data` is borrowed, not copied, until commit or destroy. */
EntkStatus entk_npz_writer_add(EntkNpzWriter *writer, const char *key, EntkType type, unsigned rank,
			       const size_t *shape, const void *data, EntkError *error);
/* A scalar (rank 0); the value is copied. */
EntkStatus entk_npz_writer_add_f64(EntkNpzWriter *writer, const char *key, double value, EntkError *error);
EntkStatus entk_npz_writer_add_i64(EntkNpzWriter *writer, const char *key, int64_t value, EntkError *error);
/* A text, as an array of bytes (uint8). The text is copied. */
EntkStatus entk_npz_writer_add_text(EntkNpzWriter *writer, const char *key, const char *text, EntkError *error);
/* Where the rows (slices of the first axis) of an array too large for the memory come from. */
typedef struct EntkRowSource {
	void *context;
	size_t block; /* rows per call, at least 1; the last call may ask for fewer */
	EntkStatus (*read)(void *context, size_t row, size_t count, void *rows, EntkError *error);
} EntkRowSource;

/* Add an array of rank >= 1 that is read during commit, in order, through a buffer of source->block rows. */
EntkStatus entk_npz_writer_add_rows(EntkNpzWriter *writer, const char *key, EntkType type, unsigned rank,
				    const size_t *shape, const EntkRowSource *source, EntkError *error);
/* The same as a single .npy file. */
EntkStatus entk_npy_write_rows(const char *path, EntkType type, unsigned rank, const size_t *shape,
			       const EntkRowSource *source, EntkError *error);
/* Write, sync, rename. */
EntkStatus entk_npz_writer_commit(EntkNpzWriter *writer, EntkError *error);
void entk_npz_writer_destroy(EntkNpzWriter *writer); /* NULL is fine; without commit nothing remains */

#endif
