/* The C file of a program of `--backend=reference`: all loaded sources and options as data (reference/embedded.h). */
#ifndef ENTK_EMBED_H
#define ENTK_EMBED_H

#include <stdio.h>

#include "base/source.h"
#include "driver/options.h"

void embed_write(const SourceSet *sources, const Options *options, const char *source_name, FILE *to);

#endif
