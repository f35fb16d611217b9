/* --explain. For users: is the net invariant? For readers of math.md (--explain=full): the verdict of the symmetry proof,
 * and where a stronger reduction stops. */
#ifndef ENTK_EXPLAIN_H
#define ENTK_EXPLAIN_H

#include <stdio.h>

#include "base/source.h"
#include "network/network.h"

/* Nets that are compiled say it together with their recursions. */
void explain_invariance(Arena *arena, const Program *program, FILE *to);
void explain_symmetry(Arena *arena, const SourceSet *sources, const Program *program, FILE *to);

#endif
