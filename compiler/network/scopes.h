/* Scopes and repeats of a network: what is evaluated together.
 *
 * A scope is the net itself, the body of a repeat, or the inner net of an augmentation. Its nodes are those reached
 * backwards from its output; every node belongs to one scope. */
#ifndef ENTK_SCOPES_H
#define ENTK_SCOPES_H

#include "network/network.h"

typedef struct Scopes {
	const Node **output; /* by node id: the output of the node's scope; NULL: nothing reaches it */
	uint32_t *first;     /* by id of a scope's output: the lowest id of the scope */
	uint32_t *readers;   /* by node id: how often it is read in one pass over its scope, the output once more */
} Scopes;

/* The scopes of all that `output`, a node of the network, depends on. */
Scopes network_scopes(Arena *arena, const Network *network, const Node *output);

/* By node id: the innermost repeat around the node; NULL outside of repeats. */
const Node **network_repeats(Arena *arena, const Network *network);

#endif
