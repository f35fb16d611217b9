/* Reading files of arrays: .npz (a zip of .npy files) through libzip, and single .npy files.
 *
 * entk_npz_open recognizes the format by the first bytes, not by the name. A .npy file is a file with one array whose key
 * is "". npz_writer.h writes. */
#ifndef ENTK_ARRAYS_NPZ_H
#define ENTK_ARRAYS_NPZ_H

#include "arrays/npy.h"
#include "support/status.h"

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

#endif
