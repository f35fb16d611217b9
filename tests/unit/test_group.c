/* Point groups: element order, tables, closure, names (math.md 4.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the headers above first */
#include <cmocka.h>

#include "network/group.h"
#include "network/network.h"

static Arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_create();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_destroy(arena);
	return 0;
}

static const struct {
	const char *name;
	uint32_t dim, order;
} builtins[] = {
	{"C1", 1, 1}, {"D1", 1, 2}, {"C1", 2, 1}, {"C2", 2, 2}, {"C4", 2, 4}, {"D1", 2, 2},
	{"D2", 2, 4}, {"D4", 2, 8}, {"C1", 3, 1}, {"T", 3, 12}, {"O", 3, 24}, {"Oh", 3, 48},
};

/* (rho(h) t)_a as an integer matrix, independent of group.c's product. */
static void matrix_of(GridElement g, uint32_t dim, int m[3][3])
{
	memset(m, 0, 9 * sizeof(int));
	for (uint32_t a = 0; a < dim; a++)
		m[a][g.perm[a]] = g.sign[a];
}

static void check_axioms(const Group *group)
{
	uint32_t n = group->order, dim = group->dim;
	assert_true(grid_element_equal(dim, group->elements[0], grid_element_identity()));
	for (uint32_t g = 0; g < n; g++) {
		assert_int_equal(group->product[g * n + group->inverse[g]], 0);
		assert_int_equal(group->product[group->inverse[g] * n + g], 0);
		for (uint32_t h = 0; h < n; h++) {
			int a[3][3], b[3][3], c[3][3];
			matrix_of(group->elements[g], dim, a);
			matrix_of(group->elements[h], dim, b);
			matrix_of(group->elements[group->product[g * n + h]], dim, c);
			for (uint32_t i = 0; i < dim; i++)
				for (uint32_t j = 0; j < dim; j++) {
					int sum = 0;
					for (uint32_t k = 0; k < dim; k++)
						sum += a[i][k] * b[k][j];
					assert_int_equal(sum, c[i][j]);
				}
			if (g != h)
				assert_false(grid_element_equal(dim, group->elements[g], group->elements[h]));
		}
	}
}

static void builtin_groups_are_groups(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; i++) {
		const Group *group = group_builtin(arena, builtins[i].name, builtins[i].dim);
		assert_non_null(group);
		assert_int_equal(group->order, builtins[i].order);
		assert_int_equal(group->dim, builtins[i].dim);
		assert_string_equal(group->name, builtins[i].name);
		check_axioms(group);
	}
	assert_null(group_builtin(arena, "C4", 1));
	assert_null(group_builtin(arena, "C4", 3));
	assert_null(group_builtin(arena, "O", 2));
	assert_null(group_builtin(arena, "C3", 2));
}

/* C_n: A^(4r/n). D_n: r + n s with A^(4r/n) F^s. */
static void planar_order(void **state)
{
	(void)state;
	static const char *const cyclic[] = {"C1", "C2", "C4"};
	static const char *const dihedral[] = {"D1", "D2", "D4"};
	for (uint32_t k = 0; k < 3; k++) {
		uint32_t n = 1u << k;
		const Group *c = group_builtin(arena, cyclic[k], 2), *d = group_builtin(arena, dihedral[k], 2);
		for (uint32_t s = 0; s < 2; s++)
			for (uint32_t r = 0; r < n; r++) {
				GridElement want = s == 0 ? grid_element_identity() : grid_element_flip(1);
				for (uint32_t turn = 0; turn < 4 * r / n; turn++)
					want = grid_element_product(2, grid_element_rot90(), want);
				assert_true(grid_element_equal(2, d->elements[r + n * s], want));
				if (s == 0)
					assert_true(grid_element_equal(2, c->elements[r], want));
			}
	}
}

/* Permutations in lexicographic order outside, signs +++, ++-, .. inside; determinant 1 first, then the negatives. */
static void cubic_order(void **state)
{
	(void)state;
	static const int perms[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	static const int parity[6] = {1, -1, -1, 1, 1, -1};
	const Group *o = group_builtin(arena, "O", 3), *oh = group_builtin(arena, "Oh", 3);
	const Group *t = group_builtin(arena, "T", 3);
	uint32_t next = 0, next_even = 0;
	for (int p = 0; p < 6; p++)
		for (int bits = 0; bits < 8; bits++) {
			GridElement g;
			int determinant = parity[p];
			for (int a = 0; a < 3; a++) {
				g.perm[a] = (uint8_t)perms[p][a];
				g.sign[a] = (bits >> (2 - a)) & 1 ? -1 : 1;
				determinant *= g.sign[a];
			}
			if (determinant != 1)
				continue;
			assert_true(grid_element_equal(3, o->elements[next], g));
			assert_true(grid_element_equal(3, oh->elements[next], g));
			GridElement negative = g;
			for (int a = 0; a < 3; a++)
				negative.sign[a] = (int8_t)-g.sign[a];
			assert_true(grid_element_equal(3, oh->elements[24 + next], negative));
			next++;
			if (parity[p] == 1)
				assert_true(grid_element_equal(3, t->elements[next_even++], g));
		}
	assert_int_equal(next, 24);
	assert_int_equal(next_even, 12);
}

static void rot90_acts_as_written(void **state)
{
	(void)state;
	/* A = [[0,1],[-1,0]]: (i,j) -> (j,-i) */
	GridElement a = grid_element_rot90();
	assert_int_equal(a.perm[0], 1);
	assert_int_equal(a.sign[0], 1);
	assert_int_equal(a.perm[1], 0);
	assert_int_equal(a.sign[1], -1);
	assert_true(
		grid_element_equal(2, grid_element_product(2, a, grid_element_inverse(2, a)), grid_element_identity()));
}

static void closure_keeps_the_built_in_order(void **state)
{
	(void)state;
	GridElement turn = grid_element_rot90(), flip = grid_element_flip(1);
	GridElement half = grid_element_product(2, turn, turn);
	GridElement both[2] = {turn, flip}, swapped[2] = {flip, turn}, d2[2] = {half, flip};
	assert_true(group_equal(group_generate(arena, "g", 2, &turn, 1), group_builtin(arena, "C4", 2)));
	assert_true(group_equal(group_generate(arena, "g", 2, both, 2), group_builtin(arena, "D4", 2)));
	assert_true(group_equal(group_generate(arena, "g", 2, swapped, 2), group_builtin(arena, "D4", 2)));
	assert_true(group_equal(group_generate(arena, "g", 2, d2, 2), group_builtin(arena, "D2", 2)));
	assert_true(group_equal(group_generate(arena, "g", 2, NULL, 0), group_builtin(arena, "C1", 2)));
	GridElement mirror = grid_element_flip(0);
	assert_true(group_equal(group_generate(arena, "g", 1, &mirror, 1), group_builtin(arena, "D1", 1)));
	/* rotations of the cube about two axes */
	GridElement cube[2] = {grid_element_product(3, grid_element_flip(1), grid_element_swap(0, 1)),
			       grid_element_product(3, grid_element_flip(2), grid_element_swap(1, 2))};
	assert_true(group_equal(group_generate(arena, "g", 3, cube, 2), group_builtin(arena, "O", 3)));
	GridElement all[3] = {cube[0], cube[1], grid_element_flip(0)};
	assert_true(group_equal(group_generate(arena, "g", 3, all, 3), group_builtin(arena, "Oh", 3)));
}

/* Every pair of elements of D4 and Oh closes to a subgroup whose order divides theirs, numbered in their order. */
static void closures_are_subgroups(void **state)
{
	(void)state;
	const Group *full[2] = {group_builtin(arena, "D4", 2), group_builtin(arena, "Oh", 3)};
	for (int k = 0; k < 2; k++)
		for (uint32_t g = 0; g < full[k]->order; g++)
			for (uint32_t h = g; h < full[k]->order; h++) {
				GridElement generators[2] = {full[k]->elements[g], full[k]->elements[h]};
				const Group *group = group_generate(arena, "g", full[k]->dim, generators, 2);
				assert_int_equal(full[k]->order % group->order, 0);
				if (g == h || h % 7 == 0)
					check_axioms(group);
				uint32_t place = 0;
				for (uint32_t i = 0; i < group->order; i++) {
					while (place < full[k]->order &&
					       !grid_element_equal(group->dim, full[k]->elements[place],
								   group->elements[i]))
						place++;
					assert_true(place < full[k]->order);
				}
			}
}

static void questions(void **state)
{
	(void)state;
	const Group *c2 = group_builtin(arena, "C2", 2), *c4 = group_builtin(arena, "C4", 2);
	const Group *d1 = group_builtin(arena, "D1", 2), *c1 = group_builtin(arena, "C1", 2);
	assert_false(group_exchanges(c2, 0, 1));
	assert_true(group_exchanges(c4, 0, 1));
	assert_true(group_reflects(c2, 0));
	assert_false(group_reflects(d1, 0));
	assert_true(group_reflects(d1, 1));
	assert_false(group_reflects(c1, 0));
	const uint32_t square[3] = {5, 5, 1}, oblong[3] = {5, 4, 1};
	assert_true(group_keeps_shape(c4, square));
	assert_false(group_keeps_shape(c4, oblong));
	assert_true(group_keeps_shape(c2, oblong));
	assert_false(group_equal(c2, d1));
	assert_true(group_equal(c2, group_builtin(arena, "C2", 2)));
}

static void names(void **state)
{
	(void)state;
	static const char *const d4[] = {"identity",         "rot90",   "rot180",    "rot270", "flip(1)",
					 "(i,j) -> (-j,-i)", "flip(0)", "swap(0, 1)"};
	const Group *group = group_builtin(arena, "D4", 2), *oh = group_builtin(arena, "Oh", 3);
	for (uint32_t i = 0; i < 8; i++)
		assert_string_equal(grid_element_name(arena, 2, group->elements[i]), d4[i]);
	for (uint32_t i = 0; i < 48; i++)
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(grid_element_name(arena, 3, oh->elements[i]),
						grid_element_name(arena, 3, oh->elements[k]));
}

/* Tables of math.md 3, by counting cells: brute force over all positions that a window may start at. */
static void windows(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= 9; n++)
		for (uint32_t f = 1; f <= 5; f++)
			for (uint32_t s = 1; s <= 4; s++)
				for (uint32_t dilation = 1; dilation <= 3; dilation++) {
					uint32_t extent = dilation * (f - 1) + 1, m = 0;
					int32_t low = -1;
					bool fits = window_axis(n, f, s, dilation, PADDING_VALID, &m, &low);
					uint32_t starts = 0;
					for (uint32_t t = 0; t + extent <= n; t += s)
						starts++;
					assert_int_equal(fits, starts > 0);
					if (fits) {
						assert_int_equal(m, starts);
						assert_int_equal(low, 0);
					}
					uint32_t all = 0, circular = 0;
					int32_t circular_low = 0;
					for (uint32_t t = 0; t < n; t += s)
						all++;
					assert_true(window_axis(n, f, s, dilation, PADDING_SAME, &m, &low));
					assert_true(window_axis(n, f, s, dilation, PADDING_CIRCULAR, &circular,
								&circular_low));
					assert_int_equal(m, all);
					assert_int_equal(m, circular);
					assert_int_equal(low, circular_low);
					int64_t total = (int64_t)(m - 1) * s + extent - n;
					assert_int_equal(low, total > 0 ? total / 2 : 0);
				}
	uint32_t m = 0;
	int32_t low = 0;
	assert_false(window_axis(5, 3, 0, 1, PADDING_SAME, &m, &low));
	assert_false(window_axis(5, 0xffffffffu, 1, 0xffffffffu, PADDING_SAME, &m, &low));
	assert_false(window_axis(5, 0xffffffffu, 1, 0xffffffffu, PADDING_VALID, &m, &low));
	assert_true(window_axis(2147483647u, 3, 2147483647u, 1, PADDING_SAME, &m, &low));
	assert_int_equal(m, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builtin_groups_are_groups),
		cmocka_unit_test(planar_order),
		cmocka_unit_test(cubic_order),
		cmocka_unit_test(rot90_acts_as_written),
		cmocka_unit_test(closure_keeps_the_built_in_order),
		cmocka_unit_test(closures_are_subgroups),
		cmocka_unit_test(questions),
		cmocka_unit_test(names),
		cmocka_unit_test(windows),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
