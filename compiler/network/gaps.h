/* Layers that are typed and followed by the symmetry proof, but have no kernel in this version. */
#ifndef ENTK_GAPS_H
#define ENTK_GAPS_H

#include "base/diag.h"
#include "network/network.h"

bool network_has_gaps(const Network *network);
/* E0607 at the place of each such layer of all nets, once however often a def or a repeat uses it. To be asked before
 * anything that computes a kernel. Returns whether there is none. */
bool network_report_gaps(Arena *arena, Diag *diag, const Program *program);
/* What is missing, each once, in the order of the net: "layernorm, gelu, standard parameterization". */
char *network_gaps_text(Arena *arena, const Network *network);

#endif
