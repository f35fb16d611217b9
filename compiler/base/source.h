/* Source files in memory and byte spans into them.
 *
 * A span is a byte range of one loaded file; line and column are computed only when something is printed. */
#ifndef ENTK_SOURCE_H
#define ENTK_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"

typedef struct Span {
	uint32_t file;  /* index into SourceSet */
	uint32_t begin; /* first byte */
	uint32_t end;   /* one past the last byte; begin == end marks a place between two bytes */
} Span;

typedef struct SourceFile {
	const char *path; /* as the user wrote it, or as found through -I */
	const char *text; /* `length` bytes and a final 0 */
	size_t length;
	/* Identity: device and inode of a file, the caller's text of one from memory. */
	bool in_memory;
	dev_t device;
	ino_t inode;
	const char *origin;
	/* So that a place is found in little time, whatever the file: offsets of the lines' first bytes, and how many
	 * characters begin before every SOURCE_BLOCK-th byte. */
	uint32_t *lines;
	uint32_t line_count;
	uint32_t *characters;
} SourceFile;

/* Another spelling under which a file was named. */
typedef struct SourceAlias {
	const char *path;
	uint32_t file;
} SourceAlias;

/* All files of one compilation, in the order in which they were loaded. Every file is loaded once. */
typedef struct SourceSet {
	Arena *arena;
	SourceFile *files;
	uint32_t count, capacity;
	const char **include_dirs; /* -I, in order */
	uint32_t include_dir_count;
	SourceAlias *aliases;
	uint32_t alias_count, alias_capacity;
} SourceSet;

typedef enum SourceStatus {
	SOURCE_OK,
	SOURCE_ALREADY_LOADED, /* *file is the earlier one */
	SOURCE_UNREADABLE,     /* errno tells why */
	SOURCE_TOO_LARGE       /* more than 64 MiB */
} SourceStatus;

#define SOURCE_MAX_LENGTH ((size_t)64 << 20)

/* Load a file; identity is the file's device and inode, so that another spelling of a path is the same file. */
SourceStatus source_load(SourceSet *set, const char *path, uint32_t *file);
/* The same for what stands on stdin, which is called "<stdin>"; what it includes is looked for in the current folder. */
SourceStatus source_load_stdin(SourceSet *set, uint32_t *file);
/* Add a file from memory (programs carry their sources; fuzzers feed bytes). The text is
 * copied. The same `text` under another path is the same file: its index is returned again. At most SOURCE_MAX_LENGTH
 * bytes. */
uint32_t source_add(SourceSet *set, const char *path, const char *text, size_t length);
/* Find what `include "path"` in `from` means: relative to the folder of `from`, then to the include_dirs. Files from
 * memory include files from memory only, found by their paths. Only regular files can be included. */
SourceStatus source_load_include(SourceSet *set, uint32_t from, const char *path, uint32_t *file);

typedef struct SourcePlace {
	uint32_t line, column;  /* from 1; the column counts bytes of UTF-8 characters' starts */
	const char *line_begin; /* the line's text, without its end */
	size_t line_length;
} SourcePlace;
SourcePlace source_place(const SourceFile *file, uint32_t offset);

/* Length in bytes of the UTF-8 character at `text`, of which `left` bytes remain; 0 if it is none. */
size_t utf8_length(const char *text, size_t left);
uint32_t utf8_decode(const char *text, size_t length); /* `length` as utf8_length gave it */

#endif
