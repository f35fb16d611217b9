/* .npz and .npy files: see npz.h. */
#include "npz.h"

#include "file.h"
#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zip.h>

/* ---- reading --------------------------------------------------------------------------------------------------- */

typedef struct Member {
	char *key;
	zip_uint64_t entry; /* its index in the zip */
} Member;

struct EntkNpz {
	char *file;
	zip_t *zip;  /* NULL for a .npy */
	FILE *plain; /* NULL for a .npz */
	size_t file_size;
	size_t count;
	Member *members;
	zip_file_t *member; /* the array that is being read from the zip */
	char place[512];    /* text of entk_npz_where: during a read, the array's name */
};

void entk_npz_close(EntkNpz *npz)
{
	if (!npz)
		return;
	if (npz->zip)
		zip_discard(npz->zip);
	if (npz->plain)
		fclose(npz->plain);
	for (size_t i = 0; npz->members && i < npz->count; i++)
		free(npz->members[i].key);
	free(npz->members);
	free(npz->file);
	free(npz);
}

size_t entk_npz_count(const EntkNpz *npz)
{
	return npz->count;
}

const char *entk_npz_key(const EntkNpz *npz, size_t i)
{
	return npz->members[i].key;
}

const char *entk_npz_file(const EntkNpz *npz)
{
	return npz->file;
}

static size_t find_key(const EntkNpz *npz, const char *key)
{
	size_t i = 0;
	while (i < npz->count && strcmp(npz->members[i].key, key) != 0)
		i++;
	return i;
}

bool entk_npz_has(const EntkNpz *npz, const char *key)
{
	return find_key(npz, key) < npz->count;
}

const char *entk_npz_where(EntkNpz *npz, const char *key)
{
	snprintf(npz->place, sizeof npz->place, *key ? "%s:%s" : "%s", npz->file, key);
	return npz->place;
}

/* "images, labels" into text, cut with "..". */
static void list_keys(const EntkNpz *npz, char *text, size_t size)
{
	size_t length = 0;
	text[0] = '\0';
	for (size_t i = 0; i < npz->count; i++) {
		size_t needed = strlen(npz->members[i].key) + 2;
		if (length + needed + 4 >= size) {
			snprintf(text + length, size - length, " ..");
			return;
		}
		length += (size_t)snprintf(text + length, size - length, i ? ", %s" : "%s", npz->members[i].key);
	}
}

static EntkStatus no_such_key(const EntkNpz *npz, const char *key, EntkError *error)
{
	char keys[400];
	if (npz->plain) {
		entk_fail(error, ENTK_INPUT, npz->file,
			  "a .npy file holds one array without a name, but \"%s\" is asked for", key);
		return entk_fix(error, "save several arrays with numpy.savez, or leave out the name");
	}
	list_keys(npz, keys, sizeof keys);
	entk_fail(error, ENTK_INPUT, npz->file, "no array \"%s\"; it has %s", key, npz->count ? keys : "none");
	const char **names = calloc(npz->count + 1, sizeof *names);
	for (size_t i = 0; names && i < npz->count; i++)
		names[i] = npz->members[i].key;
	const char *near = names ? entk_nearest(key, names, npz->count) : NULL;
	free(names);
	return near ? entk_fix(error, "did you mean \"%s\"?", near) : error->status;
}

static EntkStatus system_failure(EntkError *error, const char *where, const char *doing, int number)
{
	return entk_fail(error, ENTK_SYSTEM, where, "cannot %s: %s", doing, strerror(number));
}

static int compare_members(const void *a, const void *b)
{
	const Member *left = a, *right = b;
	int order = strcmp(left->key, right->key);
	return order ? order : (left->entry > right->entry) - (left->entry < right->entry);
}

static int compare_entries(const void *a, const void *b)
{
	const Member *left = a, *right = b;
	return (left->entry > right->entry) - (left->entry < right->entry);
}

/* Of members with one name the last counts, as it does for NumPy: an archive that was appended to has the old one too. */
static void keep_last(Member *members, size_t *count)
{
	size_t kept = 0;
	qsort(members, *count, sizeof *members, compare_members);
	for (size_t i = 0; i < *count; i++)
		if (i + 1 < *count && strcmp(members[i].key, members[i + 1].key) == 0)
			free(members[i].key);
		else
			members[kept++] = members[i];
	*count = kept;
	qsort(members, kept, sizeof *members, compare_entries);
}

/* The keys of a zip: its members NAME.npy. */
static EntkStatus read_directory(EntkNpz *npz, EntkError *error)
{
	zip_int64_t total = zip_get_num_entries(npz->zip, 0);
	npz->members = entk_allocate((size_t)total, sizeof *npz->members, "a list of arrays", error);
	if (!npz->members)
		return error->status;
	for (zip_uint64_t i = 0; i < (zip_uint64_t)total; i++) {
		const char *name = zip_get_name(npz->zip, i, ZIP_FL_ENC_RAW);
		size_t length = name ? strlen(name) : 0;
		if (length < 4 || strcmp(name + length - 4, ".npy") != 0)
			continue;
		char *key = strndup(name, length - 4);
		if (!key)
			return entk_fail_memory(error, "a list of arrays", length);
		npz->members[npz->count++] = (Member){key, i};
	}
	keep_last(npz->members, &npz->count);
	return ENTK_OK;
}

static EntkStatus open_zip(EntkNpz *npz, EntkError *error)
{
	int code = 0;
	npz->zip = zip_open(npz->file, ZIP_RDONLY, &code);
	if (!npz->zip) {
		if (code == ZIP_ER_OPEN || code == ZIP_ER_READ || code == ZIP_ER_SEEK)
			return system_failure(error, npz->file, "read it", errno);
		if (code == ZIP_ER_MEMORY)
			return entk_fail_memory(error, "a zip archive's directory", 0);
		entk_fail(error, ENTK_INPUT, npz->file,
			  "not a whole .npz file: it starts like a zip archive, but its directory is missing or broken "
			  "(truncated?)");
		return entk_fix(error, "copy or save the file again");
	}
	return read_directory(npz, error);
}

static EntkStatus open_plain(EntkNpz *npz, EntkError *error)
{
	npz->members = entk_allocate(1, sizeof *npz->members, "a list of arrays", error);
	if (!npz->members)
		return error->status;
	npz->members[0].key = strdup("");
	if (!npz->members[0].key)
		return entk_fail_memory(error, "a list of arrays", 1);
	npz->count = 1;
	return ENTK_OK;
}

/* Opens npz->file, whatever it is. */
static EntkStatus open_file(EntkNpz *npz, EntkError *error)
{
	struct stat info;
	unsigned char magic[6] = {0};
	int descriptor = entk_open_read(npz->file, &info);
	if (descriptor < 0) {
		entk_fail(error, errno == ENOENT || errno == ENOTDIR ? ENTK_INPUT : ENTK_SYSTEM, npz->file,
			  "cannot open: %s", strerror(errno));
		return errno == ENOENT ? entk_fix(error, "expected a .npy or .npz file, or FILE.npz:KEY")
				       : error->status;
	}
	FILE *file = fdopen(descriptor, "rb");
	if (!file) {
		close(descriptor);
		return entk_fail_memory(error, "a file", BUFSIZ);
	}
	npz->plain = file;
	if (!S_ISREG(info.st_mode)) {
		entk_fail(error, ENTK_INPUT, npz->file, "%s, expected a .npy or .npz file",
			  S_ISDIR(info.st_mode) ? "a folder" : "not a regular file");
		return error->status;
	}
	size_t got = fread(magic, 1, sizeof magic, file);
	if (ferror(file))
		return system_failure(error, npz->file, "read it", errno);
	if (got == 0)
		return entk_fail(error, ENTK_INPUT, npz->file, "the file is empty, expected a .npy or .npz file");
	npz->file_size = (size_t)info.st_size;
	if (got >= 4 && (memcmp(magic, "PK\3\4", 4) == 0 || memcmp(magic, "PK\5\6", 4) == 0)) {
		npz->plain = NULL;
		fclose(file);
		return open_zip(npz, error);
	}
	if (got == 6 && memcmp(magic, "\x93NUMPY", 6) == 0)
		return open_plain(npz, error);
	entk_fail(error, ENTK_INPUT, npz->file, "neither a .npy nor a .npz file");
	return entk_fix(error, "save the arrays with numpy.save or numpy.savez");
}

/* Leaves only `key`. */
static EntkStatus select_key(EntkNpz *npz, const char *key, EntkError *error)
{
	size_t i = find_key(npz, key);
	if (i == npz->count)
		return no_such_key(npz, key, error);
	Member kept = npz->members[i];
	npz->members[i] = npz->members[0];
	npz->members[0] = kept;
	for (size_t k = 1; k < npz->count; k++)
		free(npz->members[k].key);
	npz->count = 1;
	return ENTK_OK;
}

EntkStatus entk_npz_open(const char *name, EntkNpz **npz, EntkError *error)
{
	const char *colon = entk_find_key(name);
	*npz = NULL;
	EntkNpz *new = entk_allocate(1, sizeof *new, "a file", error);
	if (!new)
		return error->status;
	new->file = colon ? strndup(name, (size_t)(colon - name)) : strdup(name);
	EntkStatus status = new->file ? open_file(new, error) : entk_fail_memory(error, "a file's name", strlen(name));
	if (status == ENTK_OK && colon)
		status = select_key(new, colon + 1, error);
	if (status != ENTK_OK) {
		entk_npz_close(new);
		return status;
	}
	*npz = new;
	return ENTK_OK;
}

EntkStatus entk_npz_only_key(EntkNpz *npz, const char *preferred, const char **key, EntkError *error)
{
	char keys[400];
	if (npz->count == 0)
		return entk_fail(error, ENTK_INPUT, npz->file, "the file holds no arrays");
	size_t i = npz->count == 1 ? 0 : find_key(npz, preferred);
	if (i < npz->count) {
		*key = npz->members[i].key;
		return ENTK_OK;
	}
	list_keys(npz, keys, sizeof keys);
	entk_fail(error, ENTK_INPUT, npz->file, "it holds %zu arrays (%s), and none is called \"%s\"", npz->count, keys,
		  preferred);
	return entk_fix(error, "name one, for example %s:%s", npz->file, npz->members[0].key);
}

static ptrdiff_t read_zip(void *context, void *bytes, size_t size, EntkError *error)
{
	EntkNpz *npz = context;
	zip_int64_t got = zip_fread(npz->member, bytes, size);
	if (got >= 0)
		return (ptrdiff_t)got;
	zip_error_t *reason = zip_file_get_error(npz->member);
	if (zip_error_code_zip(reason) == ZIP_ER_READ)
		entk_fail(error, ENTK_SYSTEM, npz->place, "cannot read the array: %s", zip_error_strerror(reason));
	else
		entk_fail(error, ENTK_INPUT, npz->place, "damaged or truncated zip archive: %s",
			  zip_error_strerror(reason));
	return -1;
}

static ptrdiff_t read_plain(void *context, void *bytes, size_t size, EntkError *error)
{
	EntkNpz *npz = context;
	size_t got = fread(bytes, 1, size, npz->plain);
	if (got == 0 && ferror(npz->plain)) {
		system_failure(error, npz->place, "read the array", errno);
		return -1;
	}
	return (ptrdiff_t)got;
}

static EntkStatus cannot_open_member(const EntkNpz *npz, const char *where, EntkError *error)
{
	int code = zip_error_code_zip(zip_get_error(npz->zip));
	if (code == ZIP_ER_MEMORY)
		return entk_fail_memory(error, "a member of a zip archive", 0);
	if (code == ZIP_ER_COMPNOTSUPP)
		entk_fail(error, ENTK_INPUT, where,
			  "compressed by a method that is not read here (LZMA, for example), expected none or deflate");
	else if (code == ZIP_ER_ENCRNOTSUPP || code == ZIP_ER_NOPASSWD)
		entk_fail(error, ENTK_INPUT, where, "encrypted, expected a .npz file without a password");
	else
		return entk_fail(error, ENTK_INPUT, where, "damaged or truncated zip archive: %s",
				 zip_strerror(npz->zip));
	return entk_fix(error, "write the file anew with numpy.savez or numpy.savez_compressed");
}

/* Can so many bytes come out of a file of this size? What a zip says about its members is believed before they are read, and memory
 * is asked for: a small file must not claim all of it. */
static bool is_possible(const EntkNpz *npz, const zip_stat_t *info)
{
	const zip_uint64_t most_of_deflate = 1032; /* bytes from one */
	if (!(info->valid & ZIP_STAT_SIZE))
		return true;
	if ((info->valid & ZIP_STAT_COMP_SIZE) && info->comp_size > npz->file_size)
		return false;
	if (!(info->valid & ZIP_STAT_COMP_METHOD))
		return true;
	if (info->comp_method == ZIP_CM_STORE)
		return info->size <= npz->file_size;
	return info->comp_method != ZIP_CM_DEFLATE || info->size / most_of_deflate <= npz->file_size;
}

/* A stream at the start of an array; close_array ends it. One array at a time. */
static EntkStatus open_array(EntkNpz *npz, const char *key, EntkStream *stream, EntkError *error)
{
	size_t i = find_key(npz, key);
	if (i == npz->count)
		return no_such_key(npz, key, error);
	*stream = (EntkStream){.context = npz, .name = entk_npz_where(npz, key)};
	if (npz->plain) {
		rewind(npz->plain);
		stream->read = read_plain;
		stream->size = npz->file_size;
		return ENTK_OK;
	}
	zip_stat_t info;
	if (zip_stat_index(npz->zip, npz->members[i].entry, 0, &info) == 0) {
		if (!is_possible(npz, &info))
			return entk_fail(error, ENTK_INPUT, stream->name,
					 "damaged or truncated zip archive: a member is said to have %llu bytes, and "
					 "the file has only %zu",
					 (unsigned long long)info.size, npz->file_size);
		npz->member = zip_fopen_index(npz->zip, npz->members[i].entry, 0);
	}
	if (!npz->member)
		return cannot_open_member(npz, stream->name, error);
	stream->read = read_zip;
	stream->size = info.valid & ZIP_STAT_SIZE ? (size_t)info.size : ENTK_UNKNOWN_SIZE;
	return ENTK_OK;
}

static void close_array(EntkNpz *npz)
{
	if (npz->member)
		zip_fclose(npz->member);
	npz->member = NULL;
}

EntkStatus entk_npz_header(EntkNpz *npz, const char *key, EntkNpyHeader *header, EntkError *error)
{
	EntkStream stream;
	EntkStatus status = open_array(npz, key, &stream, error);
	if (status != ENTK_OK)
		return status;
	status = entk_npy_read_header(&stream, header, error);
	close_array(npz);
	return status;
}

EntkStatus entk_npz_read(EntkNpz *npz, const char *key, EntkArray *array, EntkError *error)
{
	EntkStream stream;
	EntkStatus status = open_array(npz, key, &stream, error);
	if (status != ENTK_OK)
		return status;
	status = entk_npy_read(&stream, array, error);
	close_array(npz);
	return status;
}

EntkStatus entk_npz_read_values(EntkNpz *npz, const char *key, EntkType type, double divisor, void *values,
				EntkError *error)
{
	EntkStream stream;
	EntkNpyHeader header;
	EntkStatus status = open_array(npz, key, &stream, error);
	if (status != ENTK_OK)
		return status;
	status = entk_npy_read_header(&stream, &header, error);
	if (status == ENTK_OK)
		status = entk_npy_read_values(&stream, &header, type, divisor, values, error);
	close_array(npz);
	return status;
}

/* ---- writing a .npz -------------------------------------------------------------------------------------------- */

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

EntkStatus entk_write_text(const char *path, const char *text, size_t size, EntkError *error)
{
	EntkTarget target;
	if (strcmp(path, "-") == 0) {
		if (fwrite(text, 1, size, stdout) != size || fflush(stdout) != 0)
			return system_failure(error, "stdout", "write", errno);
		return ENTK_OK;
	}
	EntkStatus status = entk_target_create(path, &target, error);
	if (status == ENTK_OK)
		status = entk_target_begin(&target, error);
	if (status != ENTK_OK) {
		entk_target_destroy(&target);
		return status;
	}
	FILE *file = fopen(target.temporary, "wb");
	bool good = file && fwrite(text, 1, size, file) == size && fflush(file) == 0;
	int number = errno;
	if (file && fclose(file) != 0 && good) {
		good = false;
		number = errno;
	}
	status = good ? entk_target_commit(&target, error) : entk_target_fail(&target, number, error);
	entk_target_destroy(&target);
	return status;
}
