/* Frames: how the right sample looks from q = r' r^-1 ([KR-20] in docs/math.md). */
#include "recursion/geometry.h"

GridElement rec_element(const Group *group, uint32_t index)
{
	GridElement wide = {{0, 1, 2}, {1, 1, 1}};
	if (!group)
		return wide;
	uint32_t skip = AXES - group->dim;
	const GridElement *e = &group->elements[index];
	for (uint32_t a = 0; a < group->dim; a++) {
		wide.perm[skip + a] = (uint8_t)(skip + e->perm[a]);
		wide.sign[skip + a] = e->sign[a];
	}
	return wide;
}

/* rho(q)^-1, which takes t' to u. */
static GridElement frame_element(const Group *group, uint32_t q)
{
	return rec_element(group, group ? group->inverse[q] : 0);
}

void rec_right_shape(const Group *group, uint32_t q, const uint32_t shape[AXES], uint32_t right[AXES])
{
	GridElement e = frame_element(group, q);
	for (uint32_t a = 0; a < AXES; a++)
		right[a] = shape[e.perm[a]];
}

void rec_right_view(const Group *group, uint32_t q, const uint32_t shape[AXES], int64_t *base, int64_t stride[AXES])
{
	GridElement e = frame_element(group, q);
	int64_t row_major[AXES] = {(int64_t)shape[1] * shape[2], shape[2], 1};
	*base = 0;
	for (uint32_t a = 0; a < AXES; a++) {
		uint32_t axis = e.perm[a];
		stride[a] = e.sign[a] * row_major[axis];
		if (e.sign[a] < 0)
			*base += row_major[axis] * ((int64_t)shape[axis] - 1);
	}
}

void rec_wide(const Type *type, const uint32_t narrow[GRID_MAX_DIM], uint32_t fill, uint32_t wide[AXES])
{
	uint32_t dim = type_dim(type);
	for (uint32_t a = 0; a < AXES; a++)
		wide[a] = a < AXES - dim ? fill : narrow[a - (AXES - dim)];
}

Geometry geometry_of(const Node *node)
{
	const Window *window = node_window(node);
	const Type *in = &node->input->type;
	Geometry g = {.circular = window->padding == PADDING_CIRCULAR};
	rec_wide(in, in->shape, 1, g.in);
	rec_wide(&node->type, node->type.shape, 1, g.out);
	uint32_t size[AXES], stride[AXES], dilation[AXES];
	rec_wide(in, window->size, 1, size);
	rec_wide(in, window->stride, 1, stride);
	rec_wide(in, window->dilation, 1, dilation);
	uint32_t dim = type_dim(in);
	for (uint32_t a = 0; a < AXES; a++) {
		g.size[a] = size[a];
		g.stride[a] = (int32_t)stride[a];
		g.dilation[a] = (int32_t)dilation[a];
		g.low[a] = a < AXES - dim ? 0 : window->low[a - (AXES - dim)];
		g.anchor2[a] = -2 * g.low[a] + g.dilation[a] * ((int32_t)size[a] - 1);
	}
	return g;
}

Geometry geometry_right(const Geometry *g, const Group *group, uint32_t q)
{
	GridElement e = frame_element(group, q);
	Geometry r = {.circular = g->circular};
	for (uint32_t a = 0; a < AXES; a++) {
		uint32_t p = e.perm[a];
		int32_t reflect2 = 2 * ((int32_t)g->in[p] - 1) - 2 * g->stride[p] * ((int32_t)g->out[p] - 1);
		r.in[a] = g->in[p];
		r.out[a] = g->out[p];
		r.size[a] = g->size[p];
		r.stride[a] = g->stride[p];
		r.dilation[a] = g->dilation[p];
		r.anchor2[a] = e.sign[a] > 0 ? g->anchor2[p] : reflect2 - g->anchor2[p];
		/* Half-integers on both sides, or on neither: anchor minus half the window is the place of cell 0. */
		r.low[a] = -(r.anchor2[a] - r.dilation[a] * ((int32_t)r.size[a] - 1)) / 2;
	}
	return r;
}

bool geometry_slices(const Geometry *left, const Geometry *right)
{
	for (uint32_t a = 0; a < AXES; a++) {
		if (left->stride[a] != right->stride[a] && !(left->out[a] == 1 && right->out[a] == 1))
			return false; /* d = S' u - S t + const depends on t */
		if (left->circular && left->in[a] != right->in[a])
			return false; /* no common torus */
	}
	return true;
}
