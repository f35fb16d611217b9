/* Diagnostics: collected while the compiler works, printed sorted by position when it stops.
 *
 *   file:line:column: error: what [E0412]   (lower case, no full stop, says what was wanted and found)
 *       7 |   the source line
 *         |       ^~~~~
 *   file:line:column: note: ...
 *   hint: One full sentence that says how to mend it.
 *   2 errors, 1 warning; entkc --explain=E0412 says more
 *
 * Codes (E0412, W0501) are stable and stand in docs/diagnostics.md; `--diag=line` prints
 * file:line:col:severity:code:message and no counts. At most 20 errors are printed; the rest is counted. */
#ifndef ENTK_DIAG_H
#define ENTK_DIAG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/source.h"

typedef enum DiagSeverity { DIAG_ERROR, DIAG_WARNING } DiagSeverity;
/* COLOURED is the human form with the terminal's colours. */
typedef enum DiagFormat { DIAG_HUMAN, DIAG_COLOURED, DIAG_LINE } DiagFormat;

typedef struct Diag Diag;

Diag *diag_create(Arena *arena, const SourceSet *sources);

/* Report an error; always returns false, so that a check is one line: `return diag_error(...)`.
 * An equal message at the same place is dropped. */
bool diag_error(Diag *diag, Span span, const char *code, const char *format, ...) __attribute__((format(printf, 4, 5)));
void diag_warning(Diag *diag, Span span, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Both belong to the diagnostic reported last. */
void diag_note(Diag *diag, Span span, const char *format, ...) __attribute__((format(printf, 3, 4)));
void diag_hint(Diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3)));

uint32_t diag_error_count(const Diag *diag);
void diag_print(Diag *diag, FILE *to, DiagFormat format);

/* The nearest of `count` names within edit distance 2 of `name`, or NULL. */
const char *diag_did_you_mean(const char *name, const char *const *candidates, size_t count);

/* A bug of the compiler itself: prints where, asks for a report, exits with 70. */
_Noreturn void ice_at(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define ICE(...)               ice_at(__FILE__, __LINE__, __VA_ARGS__)
#define ENTK_ASSERT(condition) ((condition) ? (void)0 : ICE("assertion failed: %s", #condition))

#endif
