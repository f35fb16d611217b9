/* Bump arena: one per compilation; nobody frees single objects.
 *
 * The arena is the only place of the compiler that handles overflow and exhaustion of memory: an allocation
 * either succeeds (zeroed, aligned) or the process ends with status 2 and one clear line. */
#ifndef ENTK_ARENA_H
#define ENTK_ARENA_H

#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_create(void);
void arena_destroy(Arena *arena); /* accepts NULL */

/* `count` objects of `size` bytes, zeroed, aligned for any type. Never NULL. */
void *arena_alloc(Arena *arena, size_t count, size_t size);
char *arena_copy(Arena *arena, const char *text, size_t length); /* adds a final 0 */
char *arena_printf(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define ARENA_NEW(arena, type)          ((type *)arena_alloc((arena), 1, sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_alloc((arena), (count), sizeof(type)))

#endif
