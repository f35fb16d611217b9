#include "base/arena.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Blocks come from calloc, so that fresh memory is zero without touching it; a large object gets a block of its own and
 * leaves the current one in place. */

#define FIRST_BLOCK   ((size_t)1 << 14)
#define LARGEST_BLOCK ((size_t)1 << 20)

typedef struct Block {
	struct Block *next;
	alignas(max_align_t) unsigned char bytes[];
} Block;

struct Arena {
	Block *blocks;
	unsigned char *at;
	size_t left;
	size_t block_size; /* of the next block: small for a small file, few blocks for a large one */
};

/* Of entkc; a program that it made has another. */
static int exhausted_status = 2;

void arena_set_exhausted_status(int status)
{
	exhausted_status = status;
}

_Noreturn void arena_exhausted(void)
{
	fputs("entk: error: out of memory\n", stderr);
	exit(exhausted_status);
}

Arena *arena_create(void)
{
	Arena *arena = calloc(1, sizeof(Arena));
	if (!arena)
		arena_exhausted();
	arena->block_size = FIRST_BLOCK;
	return arena;
}

void arena_destroy(Arena *arena)
{
	if (!arena)
		return;
	for (Block *block = arena->blocks, *next; block; block = next) {
		next = block->next;
		free(block);
	}
	free(arena);
}

static unsigned char *new_block(Arena *arena, size_t size)
{
	if (size > SIZE_MAX - sizeof(Block))
		arena_exhausted();
	Block *block = calloc(1, sizeof(Block) + size);
	if (!block)
		arena_exhausted();
	block->next = arena->blocks;
	arena->blocks = block;
	return block->bytes;
}

void *arena_alloc(Arena *arena, size_t count, size_t size)
{
	size_t bytes;
	size_t align = alignof(max_align_t);
	if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX - align)
		arena_exhausted();
	bytes = (bytes + align - 1) / align * align;
	if (bytes == 0)
		bytes = align;
	if (bytes > arena->left) {
		if (bytes > arena->block_size / 4)
			return new_block(arena, bytes);
		arena->at = new_block(arena, arena->block_size);
		arena->left = arena->block_size;
		if (arena->block_size < LARGEST_BLOCK)
			arena->block_size *= 2;
	}
	void *result = arena->at;
	arena->at += bytes;
	arena->left -= bytes;
	return result;
}

char *arena_copy(Arena *arena, const char *text, size_t length)
{
	if (length == SIZE_MAX)
		arena_exhausted();
	char *copy = arena_alloc(arena, length + 1, 1);
	if (length)
		memcpy(copy, text, length);
	return copy;
}

char *arena_printf(Arena *arena, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		arena_exhausted();
	char *text = arena_alloc(arena, (size_t)length + 1, 1);
	vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return text;
}
