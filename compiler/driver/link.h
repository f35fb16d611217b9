/* Calls the system's C compiler to link programs and shared libraries: with an argument vector, never by a shell. */
#ifndef ENTK_LINK_H
#define ENTK_LINK_H

#include <stdbool.h>

#include "base/arena.h"

/* The folder of libentk.a, found from wherever entkc is called: ENTK_LIBDIR, entkc's own folder (a build tree), or
 * ../lib/entk from there (installed). NULL when there is none (reported). */
const char *link_library_folder(Arena *arena);

/* All report a failure to stderr and return false. `libraries`: the folder. */
bool link_program(Arena *arena, const char *libraries, const char *object, const char *output);
bool link_shared(Arena *arena, const char *object, const char *output);
/* `source`: the C file that embed_write made. */
bool link_reference(Arena *arena, const char *libraries, const char *source, const char *output);
/* The text of entk_abi.h, for the header of a shared library; NULL when it is not found (reported). */
const char *link_abi_header(Arena *arena, const char *libraries);

#endif
