/* Finite groups of signed permutation matrices on grids.
 *
 * Every group on a grid of dimension d is a subgroup of the hyperoctahedral group of d axes (2, 8 or 48 elements),
 * listed once here in the order of math.md 4.1; a subgroup is numbered by the order of its elements in that list.
 * That gives the built-in groups' own order as well. */
#include "network/group.h"

#include <string.h>

#include "base/diag.h"

#define FULL_MAX 48 /* elements of Oh */

/* ---- elements ------------------------------------------------------------------------------------------------ */

GridElement grid_element_identity(void)
{
	return (GridElement){.perm = {0, 1, 2}, .sign = {1, 1, 1}};
}

/* (g h t)_a = sign_g[a] (h t)_{perm_g[a]} = sign_g[a] sign_h[p] t_{perm_h[p]} with p = perm_g[a]. */
GridElement grid_element_product(uint32_t dim, GridElement g, GridElement h)
{
	GridElement result = grid_element_identity();
	for (uint32_t a = 0; a < dim; a++) {
		uint8_t p = g.perm[a];
		result.perm[a] = h.perm[p];
		result.sign[a] = (int8_t)(g.sign[a] * h.sign[p]);
	}
	return result;
}

GridElement grid_element_inverse(uint32_t dim, GridElement g)
{
	GridElement result = grid_element_identity();
	for (uint32_t a = 0; a < dim; a++) { /* the transpose: entry (a, perm[a]) moves to (perm[a], a) */
		result.perm[g.perm[a]] = (uint8_t)a;
		result.sign[g.perm[a]] = g.sign[a];
	}
	return result;
}

GridElement grid_element_flip(uint32_t axis)
{
	ENTK_ASSERT(axis < GRID_MAX_DIM);
	GridElement result = grid_element_identity();
	result.sign[axis] = -1;
	return result;
}

GridElement grid_element_swap(uint32_t axis_a, uint32_t axis_b)
{
	ENTK_ASSERT(axis_a < GRID_MAX_DIM && axis_b < GRID_MAX_DIM);
	GridElement result = grid_element_identity();
	result.perm[axis_a] = (uint8_t)axis_b;
	result.perm[axis_b] = (uint8_t)axis_a;
	return result;
}

GridElement grid_element_rot90(void)
{
	return (GridElement){.perm = {1, 0, 2}, .sign = {1, -1, 1}};
}

bool grid_element_equal(uint32_t dim, GridElement g, GridElement h)
{
	for (uint32_t a = 0; a < dim; a++)
		if (g.perm[a] != h.perm[a] || g.sign[a] != h.sign[a])
			return false;
	return true;
}

static int determinant(GridElement g)
{
	int sign = g.sign[0] * g.sign[1] * g.sign[2];
	for (int a = 0; a < 3; a++)
		for (int b = a + 1; b < 3; b++)
			if (g.perm[a] > g.perm[b])
				sign = -sign;
	return sign;
}

static bool perm_is_even(GridElement g)
{
	return determinant(g) == g.sign[0] * g.sign[1] * g.sign[2];
}

char *grid_element_name(Arena *arena, uint32_t dim, GridElement g)
{
	if (grid_element_equal(dim, g, grid_element_identity()))
		return arena_printf(arena, "identity");
	if (dim == 2) {
		static const char *const turns[] = {"identity", "rot90", "rot180", "rot270"};
		GridElement turn = grid_element_identity();
		for (int i = 0; i < 4; i++) {
			if (grid_element_equal(dim, g, turn))
				return arena_printf(arena, "%s", turns[i]);
			turn = grid_element_product(dim, turn, grid_element_rot90());
		}
	}
	for (uint32_t a = 0; a < dim; a++) {
		if (grid_element_equal(dim, g, grid_element_flip(a)))
			return arena_printf(arena, "flip(%u)", a);
		for (uint32_t b = a + 1; b < dim; b++)
			if (grid_element_equal(dim, g, grid_element_swap(a, b)))
				return arena_printf(arena, "swap(%u, %u)", a, b);
	}
	const char *letters = "ijk";
	const char *sign[3];
	for (int a = 0; a < 3; a++)
		sign[a] = g.sign[a] < 0 ? "-" : "";
	if (dim == 2)
		return arena_printf(arena, "(i,j) -> (%s%c,%s%c)", sign[0], letters[g.perm[0]], sign[1],
				    letters[g.perm[1]]);
	return arena_printf(arena, "(i,j,k) -> (%s%c,%s%c,%s%c)", sign[0], letters[g.perm[0]], sign[1],
			    letters[g.perm[1]], sign[2], letters[g.perm[2]]);
}

/* ---- the full groups ----------------------------------------------------------------------------------------- */

/* A^r F^s with index r + 4 s. */
static uint32_t list_d4(GridElement *list)
{
	uint32_t count = 0;
	for (uint32_t s = 0; s < 2; s++) {
		GridElement g = s == 0 ? grid_element_identity() : grid_element_flip(1);
		for (uint32_t r = 0; r < 4; r++) {
			list[count++] = g;
			g = grid_element_product(2, grid_element_rot90(), g);
		}
	}
	return count;
}

/* The rotations with permutations in lexicographic order and signs +++, ++-, .., ---; then -1 times each. */
static uint32_t list_oh(GridElement *list)
{
	static const uint8_t perms[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	uint32_t count = 0;
	for (int p = 0; p < 6; p++) {
		for (int signs = 0; signs < 8; signs++) {
			GridElement g;
			memcpy(g.perm, perms[p], sizeof g.perm);
			for (int a = 0; a < 3; a++)
				g.sign[a] = (signs >> (2 - a)) & 1 ? -1 : 1;
			if (determinant(g) > 0)
				list[count++] = g;
		}
	}
	for (uint32_t i = 0; i < 24; i++) {
		GridElement g = list[i];
		for (int a = 0; a < 3; a++)
			g.sign[a] = (int8_t)-g.sign[a];
		list[count++] = g;
	}
	return count;
}

static uint32_t list_full(uint32_t dim, GridElement *list)
{
	if (dim == 2)
		return list_d4(list);
	if (dim == 3)
		return list_oh(list);
	ENTK_ASSERT(dim == 1);
	list[0] = grid_element_identity();
	list[1] = grid_element_flip(0);
	return 2;
}

static uint32_t find_element(uint32_t dim, const GridElement *list, uint32_t count, GridElement g)
{
	for (uint32_t i = 0; i < count; i++) /* linear: at most 48 elements */
		if (grid_element_equal(dim, list[i], g))
			return i;
	ICE("not a group: a product is missing");
}

static const Group *make_group(Arena *arena, const char *name, uint32_t dim, const GridElement *elements,
			       uint32_t order)
{
	Group *group = ARENA_NEW(arena, Group);
	GridElement *list = ARENA_ARRAY(arena, GridElement, order);
	uint16_t *product = ARENA_ARRAY(arena, uint16_t, (size_t)order * order);
	uint16_t *inverse = ARENA_ARRAY(arena, uint16_t, order);
	for (uint32_t g = 0; g < order; g++)
		list[g] = elements[g];
	for (uint32_t g = 0; g < order; g++) {
		inverse[g] = (uint16_t)find_element(dim, list, order, grid_element_inverse(dim, list[g]));
		for (uint32_t h = 0; h < order; h++) {
			GridElement gh = grid_element_product(dim, list[g], list[h]);
			product[g * order + h] = (uint16_t)find_element(dim, list, order, gh);
		}
	}
	*group = (Group){
		.name = arena_copy(arena, name, strlen(name)),
		.dim = dim,
		.order = order,
		.elements = list,
		.product = product,
		.inverse = inverse,
	};
	return group;
}

/* ---- built-in groups ----------------------------------------------------------------------------------------- */

typedef enum BuiltinKind {
	BUILTIN_TURNS,   /* C1 C2 C4: n turns */
	BUILTIN_MIRRORS, /* D1 D2 D4: with F */
	BUILTIN_ONE,
	BUILTIN_FULL,
	BUILTIN_ROTATIONS,  /* determinant 1 */
	BUILTIN_TETRAHEDRAL /* determinant 1, even permutation */
} BuiltinKind;

static const struct {
	const char *name;
	uint32_t dim;
	BuiltinKind kind;
	uint32_t turns;
} builtins[] = {
	{"C1", 1, BUILTIN_ONE, 1},        {"D1", 1, BUILTIN_FULL, 1},     {"C1", 2, BUILTIN_TURNS, 1},
	{"C2", 2, BUILTIN_TURNS, 2},      {"C4", 2, BUILTIN_TURNS, 4},    {"D1", 2, BUILTIN_MIRRORS, 1},
	{"D2", 2, BUILTIN_MIRRORS, 2},    {"D4", 2, BUILTIN_MIRRORS, 4},  {"C1", 3, BUILTIN_ONE, 1},
	{"T", 3, BUILTIN_TETRAHEDRAL, 1}, {"O", 3, BUILTIN_ROTATIONS, 1}, {"Oh", 3, BUILTIN_FULL, 1},
};

static bool builtin_has(BuiltinKind kind, uint32_t turns, uint32_t index, GridElement g)
{
	switch (kind) {
	case BUILTIN_TURNS:
		return index < 4 && index % (4 / turns) == 0;
	case BUILTIN_MIRRORS:
		return index % 4 % (4 / turns) == 0;
	case BUILTIN_ONE:
		return index == 0;
	case BUILTIN_FULL:
		return true;
	case BUILTIN_ROTATIONS:
		return determinant(g) > 0;
	case BUILTIN_TETRAHEDRAL:
		return determinant(g) > 0 && perm_is_even(g);
	}
	ICE("unknown built-in group");
}

const Group *group_builtin(Arena *arena, const char *name, uint32_t dim)
{
	for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; i++) {
		if (builtins[i].dim != dim || strcmp(builtins[i].name, name) != 0)
			continue;
		GridElement full[FULL_MAX], elements[FULL_MAX];
		uint32_t order = 0, count = list_full(dim, full);
		for (uint32_t k = 0; k < count; k++)
			if (builtin_has(builtins[i].kind, builtins[i].turns, k, full[k]))
				elements[order++] = full[k];
		return make_group(arena, name, dim, elements, order);
	}
	return NULL;
}

const char *group_builtin_names(uint32_t dim)
{
	static const char *const names[] = {"", "C1, D1", "C1, C2, C4, D1, D2, D4", "C1, T, O, Oh"};
	ENTK_ASSERT(dim >= 1 && dim <= GRID_MAX_DIM);
	return names[dim];
}

/* ---- closure ------------------------------------------------------------------------------------------------- */

const Group *group_generate(Arena *arena, const char *name, uint32_t dim, const GridElement *generators, uint32_t count)
{
	GridElement full[FULL_MAX], elements[FULL_MAX];
	uint32_t full_count = list_full(dim, full);
	bool member[FULL_MAX] = {true}; /* by place in the full group; the identity is 0 */
	uint32_t queue[FULL_MAX] = {0}, queued = 1;
	for (uint32_t next = 0; next < queued; next++) {
		for (uint32_t i = 0; i < count; i++) { /* in a finite group products of generators suffice */
			GridElement product = grid_element_product(dim, full[queue[next]], generators[i]);
			uint32_t place = find_element(dim, full, full_count, product);
			if (!member[place]) {
				member[place] = true;
				queue[queued++] = place;
			}
		}
	}
	uint32_t order = 0;
	for (uint32_t i = 0; i < full_count; i++)
		if (member[i])
			elements[order++] = full[i];
	return make_group(arena, name, dim, elements, order);
}

/* ---- questions ----------------------------------------------------------------------------------------------- */

bool group_equal(const Group *a, const Group *b)
{
	if (a == b)
		return true;
	if (a->dim != b->dim || a->order != b->order)
		return false;
	for (uint32_t i = 0; i < a->order; i++)
		if (!grid_element_equal(a->dim, a->elements[i], b->elements[i]))
			return false;
	return true;
}

bool group_keeps_shape(const Group *group, const uint32_t *shape)
{
	for (uint32_t i = 0; i < group->order; i++)
		for (uint32_t a = 0; a < group->dim; a++)
			if (shape[group->elements[i].perm[a]] != shape[a])
				return false;
	return true;
}

bool group_exchanges(const Group *group, uint32_t a, uint32_t b)
{
	if (a == b)
		return false;
	for (uint32_t i = 0; i < group->order; i++)
		if (group->elements[i].perm[a] == b)
			return true;
	return false;
}

bool group_reflects(const Group *group, uint32_t axis)
{
	for (uint32_t i = 0; i < group->order; i++)
		if (group->elements[i].sign[axis] < 0)
			return true;
	return false;
}
