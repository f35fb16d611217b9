/* Networks rewritten, split and matched before they are lowered. */
#ifndef ENTK_NETS_H
#define ENTK_NETS_H

#include "recursion/rec.h"

/* The layers of `network` between `cut`, which becomes the input (NULL: the network's own), and `output`. */
Network *rec_split(Arena *arena, const Network *network, const Node *cut, const Node *output);
/* Repeats that cannot be loops of slices, written out; `all`: every repeat. */
const Network *rec_unroll(Arena *arena, const Network *network, bool all);

#endif
