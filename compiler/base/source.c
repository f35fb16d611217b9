#include "base/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCE_BLOCK 1024u

/* ---- characters ---- */

size_t utf8_length(const char *text, size_t left)
{
	const unsigned char *s = (const unsigned char *)text;
	if (left == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || left < n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

uint32_t utf8_decode(const char *text, size_t length)
{
	const unsigned char *s = (const unsigned char *)text;
	if (length <= 1)
		return length ? s[0] : 0;
	uint32_t code = s[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++)
		code = code << 6 | (s[i] & 0x3fu);
	return code;
}

/* Bytes that continue a UTF-8 character are no column of their own. */
static bool begins_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

/* ---- places ---- */

static void index_file(Arena *arena, SourceFile *file)
{
	uint32_t lines = 1;
	for (const char *p = file->text, *end = p + file->length; p < end && (p = memchr(p, '\n', (size_t)(end - p)));
	     p++)
		lines++;
	file->lines = ARENA_ARRAY(arena, uint32_t, lines);
	file->line_count = lines;
	file->characters = ARENA_ARRAY(arena, uint32_t, file->length / SOURCE_BLOCK + 1);
	uint32_t line = 0, characters = 0;
	for (uint32_t i = 0; i < file->length; i++) {
		if (i % SOURCE_BLOCK == 0)
			file->characters[i / SOURCE_BLOCK] = characters;
		characters += begins_character(file->text[i]);
		if (file->text[i] == '\n')
			file->lines[++line] = i + 1;
	}
	if (file->length % SOURCE_BLOCK == 0)
		file->characters[file->length / SOURCE_BLOCK] = characters;
}

static uint32_t characters_before(const SourceFile *file, uint32_t offset)
{
	uint32_t n = file->characters[offset / SOURCE_BLOCK];
	for (uint32_t i = offset / SOURCE_BLOCK * SOURCE_BLOCK; i < offset; i++)
		n += begins_character(file->text[i]);
	return n;
}

SourcePlace source_place(const SourceFile *file, uint32_t offset)
{
	if (offset > file->length)
		offset = (uint32_t)file->length;
	uint32_t low = 0, high = file->line_count; /* lines[low] <= offset < lines[high] */
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (file->lines[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	uint32_t begin = file->lines[low];
	uint32_t end = low + 1 < file->line_count ? file->lines[low + 1] - 1 : (uint32_t)file->length;
	if (end > begin && file->text[end - 1] == '\r')
		end--;
	return (SourcePlace){
		.line = low + 1,
		.column = characters_before(file, offset) - characters_before(file, begin) + 1,
		.line_begin = file->text + begin,
		.line_length = end - begin,
	};
}

/* ---- the set ---- */

static uint32_t add_file(SourceSet *set, SourceFile file)
{
	if (set->count == set->capacity) {
		uint32_t capacity = set->capacity ? 2 * set->capacity : 16;
		SourceFile *files = ARENA_ARRAY(set->arena, SourceFile, capacity);
		if (set->count)
			memcpy(files, set->files, set->count * sizeof(SourceFile));
		set->files = files;
		set->capacity = capacity;
	}
	index_file(set->arena, &file);
	set->files[set->count] = file;
	return set->count++;
}

static void add_alias(SourceSet *set, const char *path, uint32_t file)
{
	if (strcmp(set->files[file].path, path) == 0)
		return;
	for (uint32_t i = 0; i < set->alias_count; i++)
		if (set->aliases[i].file == file && strcmp(set->aliases[i].path, path) == 0)
			return;
	if (set->alias_count == set->alias_capacity) {
		uint32_t capacity = set->alias_capacity ? 2 * set->alias_capacity : 16;
		SourceAlias *aliases = ARENA_ARRAY(set->arena, SourceAlias, capacity);
		if (set->alias_count)
			memcpy(aliases, set->aliases, set->alias_count * sizeof(SourceAlias));
		set->aliases = aliases;
		set->alias_capacity = capacity;
	}
	set->aliases[set->alias_count++] = (SourceAlias){arena_copy(set->arena, path, strlen(path)), file};
}

uint32_t source_add(SourceSet *set, const char *path, const char *text, size_t length)
{
	for (uint32_t i = 0; i < set->count; i++) {
		const SourceFile *known = &set->files[i];
		if (known->in_memory && known->origin == text && known->length == length && length) {
			add_alias(set, path, i);
			return i;
		}
	}
	return add_file(set, (SourceFile){.path = arena_copy(set->arena, path, strlen(path)),
					  .text = arena_copy(set->arena, text, length),
					  .length = length,
					  .in_memory = true,
					  .origin = text});
}

/* All of an open file, or as much as shows that it is too large. The size that the system tells is only a hint: pipes
 * and devices have none. */
static SourceStatus read_all(Arena *arena, int fd, off_t size_hint, char **text, size_t *length)
{
	size_t capacity = 4096;
	if (size_hint > 0 && (uintmax_t)size_hint <= SOURCE_MAX_LENGTH)
		capacity = (size_t)size_hint + 2; /* one to see the end, one for the final 0 */
	char *buffer = arena_alloc(arena, capacity, 1);
	size_t used = 0;
	for (;;) {
		ssize_t n = read(fd, buffer + used, capacity - 1 - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return SOURCE_UNREADABLE;
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > SOURCE_MAX_LENGTH)
			return SOURCE_TOO_LARGE;
		if (used == capacity - 1) {
			char *larger = arena_alloc(arena, 2 * capacity, 1);
			memcpy(larger, buffer, used);
			buffer = larger;
			capacity *= 2;
		}
	}
	buffer[used] = 0;
	*text = buffer;
	*length = used;
	return SOURCE_OK;
}

static SourceStatus load_open(SourceSet *set, const char *path, int fd, bool regular_only, uint32_t *file)
{
	struct stat info;
	if (fstat(fd, &info) != 0)
		return SOURCE_UNREADABLE;
	if (S_ISDIR(info.st_mode)) {
		errno = EISDIR;
		return SOURCE_UNREADABLE;
	}
	bool regular = S_ISREG(info.st_mode);
	if (regular_only && !regular) {
		errno = EINVAL;
		return SOURCE_UNREADABLE;
	}
	for (uint32_t i = 0; regular && i < set->count; i++) {
		const SourceFile *known = &set->files[i];
		if (!known->in_memory && known->device == info.st_dev && known->inode == info.st_ino) {
			add_alias(set, path, i);
			*file = i;
			return SOURCE_ALREADY_LOADED;
		}
	}
	if (regular && (uintmax_t)info.st_size > SOURCE_MAX_LENGTH)
		return SOURCE_TOO_LARGE;
	SourceFile loaded = {
		.path = arena_copy(set->arena, path, strlen(path)), .device = info.st_dev, .inode = info.st_ino};
	char *text;
	SourceStatus status = read_all(set->arena, fd, regular ? info.st_size : 0, &text, &loaded.length);
	if (status != SOURCE_OK)
		return status;
	loaded.text = text;
	*file = add_file(set, loaded);
	return SOURCE_OK;
}

static SourceStatus load(SourceSet *set, const char *path, bool regular_only, uint32_t *file)
{
	/* O_NONBLOCK: opening a named pipe that is to be refused must not wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (regular_only ? O_NONBLOCK : 0));
	if (fd < 0)
		return SOURCE_UNREADABLE;
	SourceStatus status = load_open(set, path, fd, regular_only, file);
	int error = errno;
	close(fd);
	errno = error;
	return status;
}

SourceStatus source_load(SourceSet *set, const char *path, uint32_t *file)
{
	return load(set, path, false, file);
}

SourceStatus source_load_stdin(SourceSet *set, uint32_t *file)
{
	return load_open(set, "<stdin>", STDIN_FILENO, false, file);
}

static SourceStatus find_in_memory(const SourceSet *set, const char *path, uint32_t *file)
{
	for (uint32_t i = 0; i < set->count; i++) {
		if (set->files[i].in_memory && strcmp(set->files[i].path, path) == 0) {
			*file = i;
			return SOURCE_ALREADY_LOADED;
		}
	}
	for (uint32_t i = 0; i < set->alias_count; i++) {
		if (set->files[set->aliases[i].file].in_memory && strcmp(set->aliases[i].path, path) == 0) {
			*file = set->aliases[i].file;
			return SOURCE_ALREADY_LOADED;
		}
	}
	errno = ENOENT;
	return SOURCE_UNREADABLE;
}

static SourceStatus try_include(SourceSet *set, bool in_memory, const char *path, uint32_t *file)
{
	return in_memory ? find_in_memory(set, path, file) : load(set, path, true, file);
}

/* "dir/path"; an absolute path stays alone. */
static const char *join(Arena *arena, const char *dir, size_t dir_length, const char *path)
{
	if (path[0] == '/' || dir_length == 0)
		return path;
	const char *slash = dir[dir_length - 1] == '/' ? "" : "/";
	return arena_printf(arena, "%.*s%s%s", (int)dir_length, dir, slash, path);
}

SourceStatus source_load_include(SourceSet *set, uint32_t from, const char *path, uint32_t *file)
{
	if (!path[0]) {
		errno = ENOENT;
		return SOURCE_UNREADABLE;
	}
	bool in_memory = set->files[from].in_memory;
	const char *including = set->files[from].path;
	const char *slash = strrchr(including, '/');
	size_t dir_length = slash ? (size_t)(slash - including) + 1 : 0;
	if (dir_length > 65536) {
		errno = ENAMETOOLONG;
		return SOURCE_UNREADABLE;
	}
	SourceStatus status = try_include(set, in_memory, join(set->arena, including, dir_length, path), file);
	for (uint32_t i = 0; i < set->include_dir_count; i++) {
		/* Only a file that is not there lets the search go on: one that cannot be read is meant. */
		if (status != SOURCE_UNREADABLE || (errno != ENOENT && errno != ENOTDIR) || path[0] == '/')
			break;
		const char *dir = set->include_dirs[i];
		size_t length = strlen(dir);
		if (length <= 65536)
			status = try_include(set, in_memory,
					     join(set->arena, length ? dir : ".", length ? length : 1, path), file);
	}
	return status;
}
