/* Bump arena: one per compilation; nobody frees single objects.
 *
 * The arena is the only place of the compiler that handles overflow and exhaustion of memory: an allocation
 * either succeeds (zeroed, aligned) or the process ends with status 2 and one clear line (programs that entkc made: 3). */
#ifndef ENTK_ARENA_H
#define ENTK_ARENA_H

#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_create(void);
void arena_destroy(Arena *arena); /* accepts NULL */

/* The same end, for memory that is not the arena's: of a stream that prints into memory. */
_Noreturn void arena_exhausted(void);
void arena_set_exhausted_status(int status);

/* `count` objects of `size` bytes, zeroed, aligned for any type. Never NULL. */
void *arena_alloc(Arena *arena, size_t count, size_t size);
char *arena_copy(Arena *arena, const char *text, size_t length); /* adds a final 0 */
char *arena_printf(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define ARENA_NEW(arena, type)          ((type *)arena_alloc((arena), 1, sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_alloc((arena), (count), sizeof(type)))

#endif
