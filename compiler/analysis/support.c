/* Supports under the generators of H.
 *
 * Offsets are doubled and measured from the window's centre, so that even windows stay exact: cell u of an axis stands
 * at dilation (2u - (f - 1)). */
#include <string.h>

#include "analysis/internal.h"
#include "base/diag.h"

/* ---- groups --------------------------------------------------------------------------------------------------- */

Generators group_generators(const Group *group)
{
	bool reached[GROUP_MAX_ORDER] = {true}; /* the identity */
	Generators result = {0};
	for (uint32_t g = 0; g < group->order; g++) {
		if (reached[g])
			continue;
		ENTK_ASSERT(result.count < MAX_GENERATORS);
		result.element[result.count++] = group->elements[g];
		for (bool grown = true; grown;) { /* at most 48 elements */
			grown = false;
			for (uint32_t h = 0; h < group->order; h++) {
				for (uint32_t i = 0; reached[h] && i < group->order; i++) {
					uint16_t product = group->product[h * group->order + i];
					if ((reached[i] || i == g) && !reached[product])
						grown = reached[product] = true;
				}
			}
		}
	}
	return result;
}

bool group_contains(const Group *group, const Group *subgroup)
{
	if (group->dim != subgroup->dim)
		return false;
	for (uint32_t h = 0; h < subgroup->order; h++) {
		bool found = false;
		for (uint32_t g = 0; g < group->order && !found; g++)
			found = grid_element_equal(group->dim, group->elements[g], subgroup->elements[h]);
		if (!found)
			return false;
	}
	return true;
}

/* ---- cells ---------------------------------------------------------------------------------------------------- */

static uint64_t cell_count(const Window *w, uint32_t dim)
{
	uint64_t count = 1;
	for (uint32_t a = 0; a < dim; a++)
		count *= w->size[a];
	return count;
}

static uint64_t cell_index(const Window *w, uint32_t dim, const uint32_t *cell)
{
	uint64_t index = 0;
	for (uint32_t a = 0; a < dim; a++)
		index = index * w->size[a] + cell[a];
	return index;
}

static int64_t offset2(const Window *w, uint32_t a, uint32_t u)
{
	return (int64_t)w->dilation[a] * (2 * (int64_t)u - ((int64_t)w->size[a] - 1));
}

/* The cell at rho(h) y, if the window has one there. */
static bool turn_cell(const Window *w, uint32_t dim, GridElement h, const uint32_t *cell, uint32_t *out)
{
	for (uint32_t a = 0; a < dim; a++) {
		int64_t y2 = h.sign[a] * offset2(w, h.perm[a], cell[h.perm[a]]);
		int64_t r = w->dilation[a], u2 = y2 + r * ((int64_t)w->size[a] - 1); /* 2 r u */
		if (u2 < 0 || u2 % (2 * r) != 0 || u2 / (2 * r) >= w->size[a])
			return false;
		out[a] = (uint32_t)(u2 / (2 * r));
	}
	return true;
}

/* Does h map the full box of cells onto itself? */
static bool box_is_symmetric(const Window *w, uint32_t dim, GridElement h)
{
	for (uint32_t a = 0; a < dim; a++) {
		uint32_t b = h.perm[a];
		if (w->size[a] != w->size[b] || (w->size[a] > 1 && w->dilation[a] != w->dilation[b]))
			return false;
	}
	return true;
}

/* ---- supports ------------------------------------------------------------------------------------------------- */

bool support_marginal_symmetric(const Support *support, const Window *window, uint32_t dim, const Generators *h)
{
	bool symmetric = true;
	for (uint32_t i = 0; i < h->count && support->full; i++)
		symmetric = symmetric && box_is_symmetric(window, dim, h->element[i]);
	if (support->full || h->count == 0)
		return symmetric;
	Arena *scratch = arena_create();
	uint32_t *marginal = ARENA_ARRAY(scratch, uint32_t, cell_count(window, dim));
	for (uint32_t s = 0; s < support->count; s++)
		marginal[cell_index(window, dim, support->taps[s].cell)]++;
	for (uint32_t i = 0; i < h->count && symmetric; i++) {
		for (uint32_t s = 0; s < support->count && symmetric; s++) {
			const uint32_t *cell = support->taps[s].cell;
			uint32_t turned[GRID_MAX_DIM] = {0};
			symmetric =
				turn_cell(window, dim, h->element[i], cell, turned) &&
				marginal[cell_index(window, dim, turned)] == marginal[cell_index(window, dim, cell)];
		}
	}
	arena_destroy(scratch);
	return symmetric;
}

bool support_is_fixed(const Support *support, const Window *window, uint32_t dim, const Generators *h)
{
	for (uint32_t i = 0; i < h->count; i++) {
		bool moves[GRID_MAX_DIM]; /* does h change this coordinate of some offset? */
		bool any = false;
		for (uint32_t a = 0; a < dim; a++) {
			moves[a] = window->size[a] > 1 && (h->element[i].perm[a] != a || h->element[i].sign[a] < 0);
			any = any || moves[a];
		}
		if (!any)
			continue;
		if (support->full)
			return false;
		for (uint32_t s = 0; s < support->count; s++) {
			for (uint32_t a = 0; a < dim; a++) {
				uint32_t b = h->element[i].perm[a];
				int64_t from = offset2(window, b, support->taps[s].cell[b]);
				if (h->element[i].sign[a] * from != offset2(window, a, support->taps[s].cell[a]))
					return false;
			}
		}
	}
	return true;
}

bool support_is_symmetric(const Node *conv)
{
	ENTK_ASSERT(node_has_relation(conv, RELATION_LIFT) || node_has_relation(conv, RELATION_GROUP));
	Generators h = group_generators(conv->type.group);
	uint32_t dim = conv->type.domain == DOMAIN_GROUP ? 0 : conv->type.dim;
	return dim == 0 || support_marginal_symmetric(&conv->as.weights.support, &conv->as.weights.window, dim, &h);
}

/* [KR-18] The number of times (h, y) occurs equals that of (g h, rho(g) y). */
bool support_is_left_invariant(const Node *conv)
{
	ENTK_ASSERT(node_has_relation(conv, RELATION_GROUP));
	const Group *group = conv->type.group;
	const Support *support = &conv->as.weights.support;
	const Window *w = &conv->as.weights.window;
	uint32_t dim = conv->type.domain == DOMAIN_GROUP ? 0 : conv->type.dim;
	if (support->full)
		return support_is_symmetric(conv);
	uint64_t cells = cell_count(w, dim);
	Arena *scratch = arena_create();
	uint32_t *times = ARENA_ARRAY(scratch, uint32_t, cells * group->order);
	for (uint32_t s = 0; s < support->count; s++)
		times[support->taps[s].element * cells + cell_index(w, dim, support->taps[s].cell)]++;
	bool invariant = true;
	for (uint32_t g = 0; g < group->order && invariant; g++) {
		for (uint32_t s = 0; s < support->count && invariant; s++) {
			const Tap *tap = &support->taps[s];
			uint32_t turned[GRID_MAX_DIM] = {0};
			uint64_t moved = group->product[g * group->order + tap->element];
			invariant = turn_cell(w, dim, group->elements[g], tap->cell, turned) &&
				    times[moved * cells + cell_index(w, dim, turned)] ==
					    times[tap->element * cells + cell_index(w, dim, tap->cell)];
		}
	}
	arena_destroy(scratch);
	return invariant;
}
