/* Copies of networks in which some nodes are replaced on the way. Everything else, repeats and their bodies included, is
 * copied as it is, in topological order. */
#ifndef ENTK_COPY_H
#define ENTK_COPY_H

#include "network/network.h"

typedef struct Copier Copier;
struct Copier {
	Arena *arena;
	const Network *from;
	Network *to; /* gets the copies */
	uint32_t capacity;
	/* What stands for `node` in the copy; NULL: a copy of it. `copies`, by id, are those of the scope under way. May
	 * call network_copy and network_add. */
	Node *(*replace)(Copier *copier, Node *node, Node **copies);
	const void *data; /* for `replace` */
};

Copier network_copier(Arena *arena, const Network *from, Node *(*replace)(Copier *, Node *, Node **), const void *data);
/* The copy of `node`, after those of all that it depends on. */
Node *network_copy(Copier *copier, Node *node, Node **copies);
/* A new node of the copy, like `like`, whose inputs the caller puts right. */
Node *network_add(Copier *copier, const Node *like);
/* An empty list of copies, for one scope. */
Node **network_copies(Copier *copier);
/* The whole copy with the output that stands for `output`. */
Network *network_copied(Copier *copier, Node *output);

#endif
