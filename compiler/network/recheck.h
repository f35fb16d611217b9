/* The networks of a program once more, from the sources that it carries. */
#ifndef ENTK_RECHECK_H
#define ENTK_RECHECK_H

#include "entk_abi.h"
#include "network/network.h"

/* Parses and checks them; the arena owns the result. entkc has accepted the sources: NULL, with diagnostics on stderr,
 * means that the program and this library do not belong together. */
Program *program_recheck(Arena *arena, const EntkSources *sources);

/* May the program's params have these values? `sets` as of entkc, "NAME=EXPR"; they replace those of the same name that the program was
 * compiled with. NULL if so; else the first error as --diag=line prints it, owned by the arena. */
const char *program_recheck_sets(Arena *arena, const EntkSources *sources, const char *const *sets, uint32_t count);

#endif
