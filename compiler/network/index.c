/* Index relations: which input index does an output index read? Computed anew from the window's numbers. */
#include "network/index.h"

static const Group *type_group(const Type *type)
{
	return type_has_elements(type) ? type->group : NULL;
}

/* Row-major successor of a position. */
static void next_position(uint32_t dim, const uint32_t *shape, uint32_t *t)
{
	for (uint32_t a = dim; a-- > 0;) {
		if (++t[a] < shape[a])
			return;
		t[a] = 0;
	}
}

/* [KR-3] Flat position of `from` at doubled coordinates anchor + offset; READS_NOTHING off the grid; -2 between
 * positions. */
static int64_t read_position(const Reading *how, const uint32_t *t, const int64_t *offset2)
{
	const Window *w = how->window;
	int64_t flat = 0;
	bool inside = true;
	for (uint32_t a = 0; a < type_dim(how->from); a++) {
		int64_t n = how->from->shape[a];
		int64_t first2 = 2 * ((int64_t)t[a] * w->stride[a] - w->low[a]);
		int64_t at2 = first2 + (int64_t)w->dilation[a] * (w->size[a] - 1) + offset2[a];
		if (at2 % 2 != 0)
			return -2;
		int64_t at = at2 / 2;
		if (w->padding == PADDING_CIRCULAR)
			at = (at % n + n) % n;
		if (at < 0 || at >= n)
			inside = false;
		flat = flat * n + at;
	}
	return inside ? flat : READS_NOTHING;
}

/* [KR-5], [KR-6] */
bool index_map(const Reading *how, const uint32_t cell[GRID_MAX_DIM], uint32_t element, int64_t *map)
{
	const Group *group = type_group(how->to), *from_group = type_group(how->from);
	const Window *w = how->window;
	uint64_t positions = type_positions(how->to), from_positions = type_positions(how->from), g = 0;
	uint32_t dim = type_dim(how->to);
	int64_t offset2[GRID_MAX_DIM] = {0}; /* twice the cell's distance from the window's centre */
	for (uint32_t a = 0; a < dim; a++)
		offset2[a] = (int64_t)w->dilation[a] * (2 * (int64_t)cell[a] - ((int64_t)w->size[a] - 1));
	for (uint32_t r = 0; r < (group ? group->order : 1); r++) {
		GridElement rho = group && how->turned ? group->elements[r] : grid_element_identity();
		int64_t turned2[GRID_MAX_DIM] = {0};
		for (uint32_t a = 0; a < dim; a++)
			turned2[a] = rho.sign[a] * offset2[rho.perm[a]];
		int64_t base = 0;
		if (from_group)
			base = (int64_t)((how->turned ? from_group->product[r * from_group->order + element] : r) *
					 from_positions);
		uint32_t t[GRID_MAX_DIM] = {0};
		for (uint64_t i = 0; i < positions; i++) {
			int64_t at = read_position(how, t, turned2);
			if (at < READS_NOTHING)
				return false;
			map[g++] = at < 0 ? READS_NOTHING : base + at;
			next_position(dim, how->to->shape, t);
		}
	}
	return true;
}

/* [KR-4] */
void turn_sample(const Type *type, GridElement h, const double *x, double *out)
{
	uint64_t positions = type_positions(type);
	uint32_t t[GRID_MAX_DIM] = {0};
	for (uint64_t i = 0; i < positions; i++) {
		uint32_t from[GRID_MAX_DIM] = {0};
		for (uint32_t a = 0; a < type->dim; a++) /* axis a of the result runs along axis perm[a] of x */
			from[h.perm[a]] = h.sign[a] > 0 ? t[a] : type->shape[a] - 1 - t[a];
		uint64_t flat = 0;
		for (uint32_t a = 0; a < type->dim; a++)
			flat = flat * type->shape[a] + from[a];
		for (uint32_t c = 0; c < type->channels; c++)
			out[i * type->channels + c] = x[flat * type->channels + c];
		next_position(type->dim, type->shape, t);
	}
}
