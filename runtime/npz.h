/* Files of arrays: .npz (a zip of .npy files) through libzip, and single .npy files.
 *
 * Reading: entk_npz_open recognizes the format by the first bytes, not by the name. A .npy file is a file with one array whose key
 * is "". Writing: everything goes to a temporary name beside the final one, is synced and renamed: under the final
 * name there is the old file or the new one, never a half. */
#ifndef ENTK_NPZ_H
#define ENTK_NPZ_H

#include "npy.h"
#include "status.h"

typedef struct EntkNpz EntkNpz;

/* Open FILE, or the FILE of "FILE:KEY" where no file has the whole name; then the file's only visible key is KEY, which must exist.
 * The caller closes *npz. */
EntkStatus entk_npz_open(const char *name, EntkNpz **npz, EntkError *error);
void entk_npz_close(EntkNpz *npz); /* NULL is fine */

size_t entk_npz_count(const EntkNpz *npz);
const char *entk_npz_key(const EntkNpz *npz, size_t i);
bool entk_npz_has(const EntkNpz *npz, const char *key);
/* The name as the user gave it, without ":KEY". */
const char *entk_npz_file(const EntkNpz *npz);
/* "FILE:KEY" for messages (FILE alone for a .npy); valid until the next call with this npz. */
const char *entk_npz_where(EntkNpz *npz, const char *key);

/* Which array is meant when none was named: the only one, or the one called `preferred` ("x"); else an error that lists the keys. */
EntkStatus entk_npz_only_key(EntkNpz *npz, const char *preferred, const char **key, EntkError *error);

/* All of these fail on an unknown key, with the list of keys and "did you mean". */
EntkStatus entk_npz_header(EntkNpz *npz, const char *key, EntkNpyHeader *header, EntkError *error);
EntkStatus entk_npz_read(EntkNpz *npz, const char *key, EntkArray *array, EntkError *error);
/* As ENTK_F32 or ENTK_F64, divided by `divisor`; `values` has header.count elements (see entk_npz_header). */
EntkStatus entk_npz_read_values(EntkNpz *npz, const char *key, EntkType type, double divisor, void *values,
				EntkError *error);

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

/* Write a whole text file (JSON, SVG) the same way; "-" is stdout. */
EntkStatus entk_write_text(const char *path, const char *text, size_t size, EntkError *error);

#endif
