/* Windows on three axes, seen from both sides ([KR-20], [KR-21] in docs/math.md). */
#ifndef ENTK_GEOMETRY_H
#define ENTK_GEOMETRY_H

#include "recursion/rec.h"

/* A window on three axes: output t reads t * stride - low + dilation * cell; anchor2 = 2 * (anchor offset). */
typedef struct Geometry {
	uint32_t in[AXES], out[AXES], size[AXES];
	int32_t stride[AXES], dilation[AXES], low[AXES], anchor2[AXES];
	bool circular;
} Geometry;

/* Values per grid axis -> per axis of three, right-aligned; `fill` on the axes in front. */
void rec_wide(const Type *type, const uint32_t narrow[GRID_MAX_DIM], uint32_t fill, uint32_t wide[AXES]);
Geometry geometry_of(const Node *node);
/* The same window as it moves u in frame q. */
Geometry geometry_right(const Geometry *g, const Group *group, uint32_t q);
/* Does every output slice read input slices, or must it gather entry by entry? [KR-26] */
bool geometry_slices(const Geometry *left, const Geometry *right);

#endif
