/* Source files in memory and byte spans into them.
 *
 * A span is a byte range of one loaded file; line and column are computed only when something is printed. */
#ifndef ENTK_SOURCE_H
#define ENTK_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
} SourceFile;

/* All files of one compilation, in the order in which they were loaded. Every file is loaded once. */
typedef struct SourceSet {
	Arena *arena;
	SourceFile *files;
	uint32_t count, capacity;
	const char **include_dirs; /* -I, in order */
	uint32_t include_dir_count;
} SourceSet;

typedef enum SourceStatus {
	SOURCE_OK,
	SOURCE_ALREADY_LOADED, /* *file is the earlier one */
	SOURCE_UNREADABLE,     /* errno tells why */
	SOURCE_TOO_LARGE       /* more than 64 MiB */
} SourceStatus;

/* Load a file; identity is the file's device and inode, so that another spelling of a path is the same file. */
SourceStatus source_load(SourceSet *set, const char *path, uint32_t *file);
/* Add a file from memory (programs of the reference backend carry their sources; fuzzers feed bytes). */
uint32_t source_add(SourceSet *set, const char *path, const char *text, size_t length);

typedef struct SourcePlace {
	uint32_t line, column;  /* from 1; the column counts bytes of UTF-8 characters' starts */
	const char *line_begin; /* the line's text, without its end */
	size_t line_length;
} SourcePlace;
SourcePlace source_place(const SourceFile *file, uint32_t offset);

#endif
