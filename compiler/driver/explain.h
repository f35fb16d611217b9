/* --explain: one line per net with the verdict of the symmetry proof, and where a stronger reduction stops. */
#ifndef ENTK_EXPLAIN_H
#define ENTK_EXPLAIN_H

#include <stdio.h>

#include "base/source.h"
#include "network/network.h"

void explain_symmetry(Arena *arena, const SourceSet *sources, const Program *program, FILE *to);

#endif
