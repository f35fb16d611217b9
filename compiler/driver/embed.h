/* What a program carries of its own making: all loaded sources and the options that shape its networks. */
#ifndef ENTK_EMBED_H
#define ENTK_EMBED_H

#include <stdio.h>

#include "base/source.h"
#include "driver/options.h"
#include "entk_abi.h"

/* For the table of a generated program; lives in the arena. */
const EntkSources *embed_sources(Arena *arena, const SourceSet *sources, const Options *options);
/* The same as the C file of a program of `--backend=reference` (reference/embedded.h). */
void embed_write(const EntkSources *sources, const char *source_name, FILE *to);

#endif
