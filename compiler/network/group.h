/* Finite groups of signed permutation matrices acting on a grid of dimension 1, 2 or 3 (math.md 4.1).
 *
 * Element h acts on centred coordinates: (rho(h) t)_a = sign[a] * t_{perm[a]}, i.e. the matrix has sign[a] at
 * (a, perm[a]). The product is the product of matrices. Element 0 is the identity. */
#ifndef ENTK_GROUP_H
#define ENTK_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

#define GRID_MAX_DIM    3
#define GROUP_MAX_ORDER 1024 /* limit of the language; groups on grids have at most 48 elements */

typedef struct GridElement {
	uint8_t perm[GRID_MAX_DIM];
	int8_t sign[GRID_MAX_DIM];
} GridElement;

typedef struct Group {
	const char *name; /* as the user knows it: "C4", "Q" */
	uint32_t dim;     /* of the grid */
	uint32_t order;
	const GridElement *elements;
	const uint16_t *product; /* order x order, row-major: product[g * order + h] = g h */
	const uint16_t *inverse;
} Group;

/* Built-in group by name (C1 D1 on signals; C1 C2 C4 D1 D2 D4 on images; C1 O Oh on volumes), or NULL. */
const Group *group_builtin(Arena *arena, const char *name, uint32_t dim);
/* Names of the built-in groups on grids of `dim`; for messages. */
const char *group_builtin_names(uint32_t dim);

/* The closure of generators, numbered in the order of D4 (images) or Oh (volumes) of math.md 4.1: the identity
 * first. */
const Group *group_generate(Arena *arena, const char *name, uint32_t dim, const GridElement *generators,
			    uint32_t count);

GridElement grid_element_identity(void);
GridElement grid_element_product(uint32_t dim, GridElement g, GridElement h);
GridElement grid_element_inverse(uint32_t dim, GridElement g);
GridElement grid_element_flip(uint32_t axis);
GridElement grid_element_swap(uint32_t axis_a, uint32_t axis_b);
GridElement grid_element_rot90(void); /* A = [[0,1],[-1,0]]: (i,j) -> (j,-i) */
bool grid_element_equal(uint32_t dim, GridElement g, GridElement h);
/* Readable name of an element: "identity", "rot90", "flip(1)", or its matrix; for --emit=network. */
char *grid_element_name(Arena *arena, uint32_t dim, GridElement g);

/* Same elements, whatever the names. */
bool group_equal(const Group *a, const Group *b);
/* Does every element map a grid of this shape onto itself? */
bool group_keeps_shape(const Group *group, const uint32_t *shape);

/* Is axis a mapped onto axis b / reversed by some element? [KR-23] */
bool group_exchanges(const Group *group, uint32_t a, uint32_t b);
bool group_reflects(const Group *group, uint32_t axis);

#endif
