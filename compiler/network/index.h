/* Index relations of the layers: which input index does an output index read? Straight from the definitions [KR-3] to
 * [KR-6]; shared by the reference evaluator and by finite networks, and by nothing that lowers. */
#ifndef ENTK_INDEX_H
#define ENTK_INDEX_H

#include "network/network.h"

/* How the index set `to` reads `from` through a window. `turned`: lift and group conv, whose cells are turned by
 * rho(r) about the window's centre and whose element h leads from r to r h. */
typedef struct Reading {
	const Type *from, *to;
	const Window *window;
	bool turned;
} Reading;

#define READS_NOTHING (-1)

/* map[g] for all g of `to`: the index of `from` that g reads with the given cell and element, or READS_NOTHING.
 * False if the turned cell falls between positions, which the checker rejects. */
bool index_map(const Reading *how, const uint32_t cell[GRID_MAX_DIM], uint32_t element, int64_t *map);

/* (rho(h) x)(t) = x(rho(h)^-1 t) about the array's centre, for a group element that keeps the shape [KR-4]. */
void turn_sample(const Type *type, GridElement h, const double *x, double *out);

#endif
