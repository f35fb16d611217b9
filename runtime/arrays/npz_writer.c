/* Writing .npz and .npy files: see npz_writer.h. */
#include "arrays/npz_writer.h"

#include "output/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zip.h>

/* An array read block by block while it is written. */
typedef struct Rows {
	EntkRowSource source;
	size_t count, row_bytes; /* rows of the array, bytes of each */
	size_t next;             /* row that the next block starts with */
	char *buffer;            /* a block, while the array is written; owned */
	size_t begin, end;       /* bytes of the buffer that are still to be given out */
	EntkError error;         /* what `read` said; status ENTK_OK: nothing */
} Rows;

static void rows_destroy(Rows *rows)
{
	if (rows)
		free(rows->buffer);
	free(rows);
}

static Rows *rows_create(const EntkRowSource *source, size_t count, size_t bytes, EntkError *error)
{
	Rows *rows = entk_allocate(1, sizeof *rows, "an output file", error);
	if (!rows)
		return NULL;
	*rows = (Rows){.source = *source, .count = count, .row_bytes = count ? bytes / count : 0};
	return rows;
}

/* Back to the first row. On failure rows->error is set. */
static bool rows_open(Rows *rows)
{
	size_t block = rows->source.block < rows->count ? rows->source.block : rows->count;
	rows->next = rows->begin = rows->end = 0;
	free(rows->buffer);
	rows->buffer = entk_allocate(block, rows->row_bytes, "a block of rows", &rows->error);
	return rows->buffer != NULL;
}

static void rows_close(Rows *rows)
{
	free(rows->buffer);
	rows->buffer = NULL;
}

/* Up to `size` bytes that come next; 0 at the end, -1 with rows->error. */
static ptrdiff_t rows_read(Rows *rows, void *bytes, size_t size)
{
	if (rows->begin == rows->end) {
		size_t left = rows->count - rows->next, count = left < rows->source.block ? left : rows->source.block;
		if (count == 0 || rows->row_bytes == 0)
			return 0;
		if (rows->source.read(rows->source.context, rows->next, count, rows->buffer, &rows->error) != ENTK_OK)
			return -1;
		rows->next += count;
		rows->begin = 0;
		rows->end = count * rows->row_bytes;
	}
	size_t given = rows->end - rows->begin < size ? rows->end - rows->begin : size;
	memcpy(bytes, rows->buffer + rows->begin, given);
	rows->begin += given;
	return (ptrdiff_t)given;
}

typedef struct Entry {
	char *name; /* with ".npy" */
	char header[1024];
	size_t header_size;
	const void *data;
	void *owned;         /* a copy of small data, or NULL */
	Rows *rows;          /* owned; instead of data */
	size_t header_given; /* bytes of the header that a source of rows has given */
	size_t bytes;
} Entry;

struct EntkNpzWriter {
	EntkTarget target;
	size_t count, capacity;
	Entry *entries;
};

void entk_npz_writer_destroy(EntkNpzWriter *writer)
{
	if (!writer)
		return;
	for (size_t i = 0; i < writer->count; i++) {
		free(writer->entries[i].name);
		free(writer->entries[i].owned);
		rows_destroy(writer->entries[i].rows);
	}
	free(writer->entries);
	entk_target_destroy(&writer->target);
	free(writer);
}

static EntkStatus writer_create(const char *path, size_t expected_bytes, EntkNpzWriter **writer, EntkError *error)
{
	struct statvfs disk;
	*writer = NULL;
	EntkNpzWriter *new = entk_allocate(1, sizeof *new, "an output file", error);
	if (!new)
		return error->status;
	EntkStatus status = entk_target_create(path, &new->target, error);
	if (status == ENTK_OK && statvfs(new->target.folder, &disk) == 0 && disk.f_blocks > 0) {
		double available = (double)disk.f_bavail * (double)disk.f_frsize;
		if ((double)expected_bytes > available) {
			status = entk_fail(error, ENTK_SYSTEM, path,
					   "no space left on the disk: the result needs %.1f MB, %.1f MB are free",
					   1e-6 * (double)expected_bytes, 1e-6 * available);
			entk_fix(error, "free some space or write to another disk");
		}
	}
	if (status != ENTK_OK) {
		entk_npz_writer_destroy(new);
		return status;
	}
	*writer = new;
	return ENTK_OK;
}

static Entry *new_entry(EntkNpzWriter *writer, const char *key, EntkError *error)
{
	if (writer->count == writer->capacity) {
		size_t capacity = writer->capacity ? 2 * writer->capacity : 8;
		Entry *entries = realloc(writer->entries, capacity * sizeof *entries);
		if (!entries) {
			entk_fail_memory(error, "a list of arrays", capacity * sizeof *entries);
			return NULL;
		}
		writer->entries = entries;
		writer->capacity = capacity;
	}
	Entry *entry = &writer->entries[writer->count];
	memset(entry, 0, sizeof *entry);
	size_t size = strlen(key) + 5;
	entry->name = malloc(size);
	if (!entry->name) {
		entk_fail_memory(error, "a list of arrays", size);
		return NULL;
	}
	snprintf(entry->name, size, "%s.npy", key);
	writer->count++;
	return entry;
}

EntkStatus entk_npz_writer_add(EntkNpzWriter *writer, const char *key, EntkType type, unsigned rank,
			       const size_t *shape, const void *data, EntkError *error)
{
	size_t bytes = entk_type_size(type);
	for (unsigned a = 0; a < rank; a++)
		if (!entk_multiply(bytes, shape[a], &bytes))
			return entk_fail(error, ENTK_INTERNAL, key, "an array's size overflows");
	Entry *entry = new_entry(writer, key, error);
	if (!entry)
		return error->status;
	entry->header_size = entk_npy_write_header(type, rank, shape, entry->header);
	entry->data = data;
	entry->bytes = bytes;
	return ENTK_OK;
}

/* The same with a copy of the data. */
static EntkStatus add_copy(EntkNpzWriter *writer, const char *key, EntkType type, unsigned rank, size_t length,
			   const void *data, EntkError *error)
{
	size_t bytes = length * entk_type_size(type);
	void *copy = entk_allocate(bytes, 1, "a value", error);
	if (!copy)
		return error->status;
	memcpy(copy, data, bytes);
	EntkStatus status = entk_npz_writer_add(writer, key, type, rank, &length, copy, error);
	if (status == ENTK_OK)
		writer->entries[writer->count - 1].owned = copy;
	else
		free(copy);
	return status;
}

EntkStatus entk_npz_writer_add_f64(EntkNpzWriter *writer, const char *key, double value, EntkError *error)
{
	return add_copy(writer, key, ENTK_F64, 0, 1, &value, error);
}

EntkStatus entk_npz_writer_add_i64(EntkNpzWriter *writer, const char *key, int64_t value, EntkError *error)
{
	return add_copy(writer, key, ENTK_I64, 0, 1, &value, error);
}

EntkStatus entk_npz_writer_add_text(EntkNpzWriter *writer, const char *key, const char *text, EntkError *error)
{
	return add_copy(writer, key, ENTK_U8, 1, strlen(text), text, error);
}

EntkStatus entk_npz_writer_add_rows(EntkNpzWriter *writer, const char *key, EntkType type, unsigned rank,
				    const size_t *shape, const EntkRowSource *source, EntkError *error)
{
	EntkStatus status = entk_npz_writer_add(writer, key, type, rank, shape, NULL, error);
	if (status != ENTK_OK)
		return status;
	Entry *entry = &writer->entries[writer->count - 1];
	entry->rows = rows_create(source, shape[0], entry->bytes, error);
	return entry->rows ? ENTK_OK : error->status;
}

/* What libzip asks of a source of rows: header first, then the rows. */
static zip_int64_t serve_rows(void *context, void *bytes, zip_uint64_t size, zip_source_cmd_t command)
{
	Entry *entry = context;
	Rows *rows = entry->rows;
	if (command == ZIP_SOURCE_OPEN) {
		entry->header_given = 0;
		return rows_open(rows) ? 0 : -1;
	}
	if (command == ZIP_SOURCE_READ) {
		size_t left = entry->header_size - entry->header_given;
		if (left == 0)
			return rows_read(rows, bytes, size);
		left = left < size ? left : size;
		memcpy(bytes, entry->header + entry->header_given, left);
		entry->header_given += left;
		return (zip_int64_t)left;
	}
	if (command == ZIP_SOURCE_STAT) {
		zip_stat_t *stat = bytes;
		zip_stat_init(stat);
		stat->size = entry->header_size + entry->bytes;
		stat->valid = ZIP_STAT_SIZE;
		return sizeof *stat;
	}
	if (command == ZIP_SOURCE_ERROR) {
		const int codes[2] = {ZIP_ER_READ, 0};
		memcpy(bytes, codes, sizeof codes);
		return sizeof codes;
	}
	if (command == ZIP_SOURCE_SUPPORTS)
		return ZIP_SOURCE_SUPPORTS_READABLE;
	if (command == ZIP_SOURCE_CLOSE)
		rows_close(rows);
	return command == ZIP_SOURCE_CLOSE || command == ZIP_SOURCE_FREE ? 0 : -1;
}

/* Adds an entry to the open archive: header and data as two fragments, without a copy; stored, not compressed (float64
 * kernels do not compress); with NumPy's constant date, so that equal results are equal files. */
static bool add_to_zip(zip_t *zip, Entry *entry)
{
	zip_buffer_fragment_t fragments[2] = {
		{.data = (zip_uint8_t *)(uintptr_t)entry->header, .length = entry->header_size},
		{.data = (zip_uint8_t *)(uintptr_t)entry->data, .length = entry->bytes},
	};
	zip_source_t *source = entry->rows ? zip_source_function(zip, serve_rows, entry)
					   : zip_source_buffer_fragment(zip, fragments, entry->bytes ? 2 : 1, 0);
	if (!source)
		return false;
	zip_int64_t index = zip_file_add(zip, entry->name, source, ZIP_FL_ENC_UTF_8);
	if (index < 0) {
		zip_source_free(source);
		return false;
	}
	const zip_uint16_t new_year_1980 = 0x21;
	return zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) == 0 &&
	       zip_file_set_dostime(zip, (zip_uint64_t)index, 0, new_year_1980, 0) == 0;
}

EntkStatus entk_npz_writer_commit(EntkNpzWriter *writer, EntkError *error)
{
	EntkTarget *target = &writer->target;
	int code = 0;
	if (entk_target_begin(target, error) != ENTK_OK)
		return error->status;
	zip_t *zip = zip_open(target->temporary, ZIP_CREATE | ZIP_TRUNCATE, &code);
	if (!zip)
		return entk_target_fail(target, errno, error);
	bool good = true;
	for (size_t i = 0; i < writer->count && good; i++)
		good = add_to_zip(zip, &writer->entries[i]);
	if (!good || zip_close(zip) != 0) {
		zip_error_t *reason = zip_get_error(zip);
		entk_target_fail(target, errno, error);
		entk_fail(error, ENTK_SYSTEM, target->final, "cannot write: %s; nothing was left behind",
			  zip_error_code_system(reason) ? strerror(zip_error_code_system(reason))
							: zip_error_strerror(reason));
		if (zip_error_code_system(reason) == ENOSPC)
			entk_fix(error, "free some space or write to another disk");
		for (size_t i = 0; i < writer->count; i++)
			if (writer->entries[i].rows && writer->entries[i].rows->error.status != ENTK_OK)
				*error = writer->entries[i].rows->error;
		zip_discard(zip);
		return error->status;
	}
	return entk_target_commit(target, error);
}

static bool write_rows(FILE *file, const Entry *entry)
{
	char bytes[1 << 16];
	ptrdiff_t got;
	if (fwrite(entry->header, 1, entry->header_size, file) != entry->header_size)
		return false;
	while ((got = rows_read(entry->rows, bytes, sizeof bytes)) > 0)
		if (fwrite(bytes, 1, (size_t)got, file) != (size_t)got)
			return false;
	return got == 0;
}

/* The writer's only entry as a file of its own. */
static EntkStatus write_npy(EntkNpzWriter *writer, EntkError *error)
{
	Rows *rows = writer->entries[0].rows;
	if (entk_target_begin(&writer->target, error) != ENTK_OK)
		return error->status;
	FILE *file = fopen(writer->target.temporary, "wb");
	bool good = file && rows_open(rows) && write_rows(file, &writer->entries[0]) && fflush(file) == 0;
	int number = errno;
	if (file && fclose(file) != 0 && good) {
		good = false;
		number = errno;
	}
	rows_close(rows);
	if (good)
		return entk_target_commit(&writer->target, error);
	entk_target_fail(&writer->target, number, error);
	if (rows->error.status != ENTK_OK)
		*error = rows->error;
	return error->status;
}

EntkStatus entk_npz_writer_create(const char *path, size_t expected_bytes, EntkNpzWriter **writer, EntkError *error)
{
	size_t length = strlen(path);
	if (length >= 4 && strcmp(path + length - 4, ".npy") == 0) {
		*writer = NULL;
		entk_fail(error, ENTK_USAGE, path, "a .npy file holds one array, and this output has several");
		return entk_fix(error, "call it .npz");
	}
	return writer_create(path, expected_bytes, writer, error);
}

EntkStatus entk_npy_write_rows(const char *path, EntkType type, unsigned rank, const size_t *shape,
			       const EntkRowSource *source, EntkError *error)
{
	EntkNpzWriter *writer;
	size_t bytes = entk_type_size(type);
	for (unsigned a = 0; a < rank; a++)
		if (!entk_multiply(bytes, shape[a], &bytes))
			return entk_fail(error, ENTK_INTERNAL, path, "an array's size overflows");
	EntkStatus status = writer_create(path, bytes, &writer, error);
	if (status == ENTK_OK)
		status = entk_npz_writer_add_rows(writer, "", type, rank, shape, source, error);
	if (status == ENTK_OK)
		status = write_npy(writer, error);
	entk_npz_writer_destroy(writer);
	return status;
}
