/* What the files of the symmetry proof share.
 *
 *   symmetry.c          follows the features through the network: verdict, invariance
 *   support.c  supports and windows under the generators of H
 *   remedy.c   what would keep the symmetry
 *   summary.c  the verdict in one line */
#ifndef ENTK_SYMMETRY_INTERNAL_H
#define ENTK_SYMMETRY_INTERNAL_H

#include "analysis/symmetry.h"

/* ---- support.c --------------------------------------------------------------------------------------- */

#define MAX_GENERATORS \
	6 /* a chain of subgroups of a group of 48 elements has at most 6 steps: each doubles the order */

/* A property that the generators have, all products of them have. */
typedef struct Generators {
	uint32_t count;
	GridElement element[MAX_GENERATORS];
} Generators;

Generators group_generators(const Group *group);
bool group_contains(const Group *group, const Group *subgroup);

/* m(rho(h) y) = m(y) for the generators h. */
bool support_marginal_symmetric(const Support *support, const Window *window, uint32_t dim, const Generators *h);
/* rho(h) y = y for every tap: the layer does nothing to the positions that H could change. */
bool support_is_fixed(const Support *support, const Window *window, uint32_t dim, const Generators *h);

/* ---- remedy.c ---------------------------------------------------------------------------------------- */

/* One axis of a window layer. */
typedef struct Axis {
	uint32_t n, f, s, dilation; /* size of the input, cells, stride, distance of cells */
	Padding padding;
	uint32_t m;     /* size of the output */
	int64_t first2; /* twice the first anchor */
} Axis;

typedef enum AxisResult { AXIS_SYMMETRIC, AXIS_DISPLACED, AXIS_ASYMMETRIC } AxisResult;

/* False if a valid window does not fit. */
bool axis_make(uint32_t n, uint32_t f, uint32_t s, uint32_t dilation, Padding padding, Axis *axis);
/* [KR-23] The layer maps t -> z - t of its input to t -> *z - t of its output, if it can. `constrained`: only because
 * the centre stood in the middle. */
AxisResult axis_follow(const Axis *axis, int64_t *z, bool *constrained);
/* One sentence: sizes, filters, paddings near by that keep the symmetry on this axis. */
const char *axis_remedy(Arena *arena, const Axis *axis, uint32_t number, bool pool);

#endif
