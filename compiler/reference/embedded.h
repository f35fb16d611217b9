/* What the C file of a program of `--backend=reference` defines (driver/embed.c): the user's files and options, as entkc
 * read them. compiler/reference/program.c parses and checks the sources once more at its start and evaluates the networks
 * by definition. */
#ifndef ENTK_EMBEDDED_H
#define ENTK_EMBEDDED_H

#include "entk_abi.h"

extern const EntkSources entk_embedded_sources;
extern const char entk_embedded_source_name[]; /* base name of the file */
extern const char entk_embedded_compiler[];    /* version of entkc */

#endif
