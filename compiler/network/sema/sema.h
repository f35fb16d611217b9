/* The checker: syntax tree -> network. Resolves names, constants, defaults, groups, blocks and repeats, types every
 * edge, and reports every mistake it can find in one run. */
#ifndef ENTK_SEMA_H
#define ENTK_SEMA_H

#include "base/diag.h"
#include "network/network.h"
#include "syntax/ast.h"

/* `--set NAME=EXPR`: replaces the value of a let or param. */
typedef struct SetOption {
	const char *name;
	const AstExpr *value;
	Span span; /* in the pseudo file that holds the option's text */
} SetOption;

/* NULL after an error (which has been reported). Warnings of the symmetry proof are not given here but by
 * analysis/symmetry.h. */
Program *sema_check(Arena *arena, SourceSet *sources, Diag *diag, const AstFile *file, const SetOption *sets,
		    uint32_t set_count);

#endif
