/* What a program of `--backend=reference` carries: the user's files and options, as entkc read them.
 *
 * entkc writes a small C file that defines these objects (driver/embed.c); compiler/reference/program.c reads them at
 * start, parses and checks the sources once more and evaluates the networks by definition. */
#ifndef ENTK_EMBEDDED_H
#define ENTK_EMBEDDED_H

#include <stddef.h>

typedef struct EntkEmbeddedSource {
	const char *path; /* as it was named */
	const unsigned char *text;
	size_t length;
} EntkEmbeddedSource;

/* The file given to entkc first, then those it includes. Hand all of them to source_add in this order, then parse file 0:
 * a file that was named in two spellings stands twice, with the same `text`, and source_add knows it again. */
extern const EntkEmbeddedSource entk_embedded_sources[];
extern const size_t entk_embedded_source_count;

/* -I, in order: SourceSet.include_dirs. At least one entry, so that the array exists; the count may be 0. */
extern const char *const entk_embedded_include_dirs[];
extern const size_t entk_embedded_include_dir_count;

/* --set, "NAME=EXPR", checked by entkc already. At least one entry; the count may be 0. */
extern const char *const entk_embedded_sets[];
extern const size_t entk_embedded_set_count;

extern const unsigned entk_embedded_precision; /* 32 or 64: a label, the evaluator computes in double */
extern const char entk_embedded_source_name[]; /* base name of the file */
extern const char entk_embedded_compiler[];    /* version of entkc */

#endif
