/* libFuzzer entry for the readers of data files: the input is a .npy stream, then the same bytes as a file (.npz or .npy)
 * whose arrays are all read. Whatever comes, the readers answer with an array or an error, and leak nothing. */
#include "arrays/npz.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Bytes {
	const uint8_t *at;
	size_t left;
} Bytes;

static ptrdiff_t read_bytes(void *context, void *to, size_t size, EntkError *error)
{
	Bytes *bytes = context;
	(void)error;
	size_t count = size < bytes->left ? size : bytes->left;
	memcpy(to, bytes->at, count);
	bytes->at += count;
	bytes->left -= count;
	return (ptrdiff_t)count;
}

/* Sums all elements, so that the sanitizers see every byte used. */
static void use(const EntkArray *array)
{
	volatile double sum = 0;
	for (size_t i = 0; i < array->count; i++)
		sum += entk_array_get(array, i) +
		       (entk_type_is_integer(array->type) ? (double)entk_array_get_integer(array, i) : 0);
}

static void fuzz_stream(const uint8_t *data, size_t size)
{
	Bytes bytes = {data, size};
	EntkStream stream = {read_bytes, &bytes, size, "fuzz"};
	EntkArray array;
	EntkError error = {.status = ENTK_OK};
	EntkStatus status = entk_npy_read(&stream, &array, &error);
	assert(status == error.status);
	if (status == ENTK_OK)
		use(&array);
	entk_array_destroy(&array);
}

/* A member of a small zip may claim, and by compression even have, gigabytes: only moderate ones are read. */
#define MOST_ELEMENTS (1u << 20)

static void fuzz_file(const char *name)
{
	EntkNpz *npz;
	EntkArray array;
	EntkNpyHeader header;
	EntkError error;
	if (entk_npz_open(name, &npz, &error) != ENTK_OK)
		return;
	for (size_t i = 0; i < entk_npz_count(npz); i++) {
		const char *key = entk_npz_key(npz, i);
		if (entk_npz_header(npz, key, &header, &error) != ENTK_OK || header.count > MOST_ELEMENTS)
			continue;
		if (entk_npz_read(npz, key, &array, &error) == ENTK_OK)
			use(&array);
		entk_array_destroy(&array);
	}
	entk_npz_close(npz);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int file = -1;
	static char name[64];
	fuzz_stream(data, size);
	/* A file in memory: the reader wants a name. */
	if (file < 0) {
		file = memfd_create("fuzz_npy", 0);
		if (file < 0)
			abort();
		snprintf(name, sizeof name, "/proc/self/fd/%d", file);
	}
	if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t)size)
		abort();
	fuzz_file(name);
	return 0;
}
