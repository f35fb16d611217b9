/* What the codes of diagnostics mean: the entries of docs/diagnostics.md, which the build puts into the compiler. */
#ifndef ENTK_CODES_H
#define ENTK_CODES_H

#include <stdbool.h>
#include <stdio.h>

/* Does `text` look like a code: E0507, w501? */
bool code_looks_like(const char *text);
/* Print the entry of a code (in upper or lower case) for a reader; false if there is none. */
bool code_explain(const char *code, FILE *to);

#endif
