/* Reading .npz and .npy files: see npz.h. */
#include "arrays/npz.h"

#include "support/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
