/* NumPy's .npy format, versions 1.0 to 3.0: reading from a stream of bytes, and headers for writing.
 *
 * Arrays in memory are always C-contiguous and native-endian: big-endian and Fortran-ordered files are converted
 * while they stream in, without a second copy. Elements of types that hold no numbers (object, structured, strings,
 * complex, dates) are an error. */
#ifndef ENTK_ARRAYS_NPY_H
#define ENTK_ARRAYS_NPY_H

#include "support/status.h"

#include <stddef.h>
#include <stdint.h>

#define ENTK_MAX_RANK     32
#define ENTK_UNKNOWN_SIZE SIZE_MAX

typedef enum EntkType {
	ENTK_BOOL, /* one byte, 0 or 1 */
	ENTK_U8,
	ENTK_I8,
	ENTK_U16,
	ENTK_I16,
	ENTK_U32,
	ENTK_I32,
	ENTK_U64,
	ENTK_I64,
	ENTK_F16, /* only in files: read as ENTK_F32 or ENTK_F64 */
	ENTK_F32,
	ENTK_F64,
} EntkType;

size_t entk_type_size(EntkType type);
/* "float64", as NumPy names it. */
const char *entk_type_name(EntkType type);
bool entk_type_is_integer(EntkType type); /* bool included */

/* An array in memory. A zeroed one is empty and may be destroyed. */
typedef struct EntkArray {
	EntkType type;
	unsigned rank;
	size_t shape[ENTK_MAX_RANK];
	size_t count; /* product of the shape; 1 for rank 0 */
	void *data;   /* owned; `count` elements, row-major */
} EntkArray;

void entk_array_destroy(EntkArray *array);
/* Element i as a double, whatever the type. */
double entk_array_get(const EntkArray *array, size_t i);
/* Element i of an array of integers (bool included); ENTK_U64 above INT64_MAX is clamped. */
int64_t entk_array_get_integer(const EntkArray *array, size_t i);
/* "(100, 28, 28)" into text; returns text. */
const char *entk_shape_text(unsigned rank, const size_t *shape, char *text, size_t size);

/* What a header says. */
typedef struct EntkNpyHeader {
	EntkType type;
	bool swap;    /* the file's byte order is not ours */
	bool fortran; /* first index fastest */
	unsigned rank;
	size_t shape[ENTK_MAX_RANK];
	size_t count;
} EntkNpyHeader;

/* Where bytes come from. `read` returns how many bytes it gave, 0 at the end, -1 on an error that it described. */
typedef struct EntkStream {
	ptrdiff_t (*read)(void *context, void *bytes, size_t size, EntkError *error);
	void *context;
	size_t size;      /* all bytes that the stream will give, or ENTK_UNKNOWN_SIZE */
	const char *name; /* for messages: "file.npz:key" */
} EntkStream;

/* Read the header; the stream stands at the first element afterwards. An overflowing shape, or one that needs more
 * bytes than the stream has, is an error. */
EntkStatus entk_npy_read_header(EntkStream *stream, EntkNpyHeader *header, EntkError *error);
/* Read the elements into `values`, header->count elements of type `type`: the file's own, or ENTK_F32 or ENTK_F64 for any file
 * type. The values are divided by `divisor` (other than 1 only for float targets). The stream must end with the last element. */
EntkStatus entk_npy_read_values(EntkStream *stream, const EntkNpyHeader *header, EntkType type, double divisor,
				void *values, EntkError *error);
/* Header and elements in the file's own type (float16 becomes float32). The caller destroys *array. */
EntkStatus entk_npy_read(EntkStream *stream, EntkArray *array, EntkError *error);

/* The header of a version 1.0 file, padded as NumPy does it. Returns its length; `text` needs 1024 bytes. */
size_t entk_npy_write_header(EntkType type, unsigned rank, const size_t *shape, char *text);

#endif
