/* Nonlinearities: rows of nonlinearities.def as data. A stage finds its own face of a nonlinearity through `id`. */
#ifndef ENTK_NONLINEARITY_H
#define ENTK_NONLINEARITY_H

#include "network/network.h"

typedef enum NonlinearityId {
#define FUNCTION(id, arguments, odd, factors, coefficients, operations, low, high) NONLINEARITY_##id,
#define LAYER_NAME(name, id, positional, required, arguments, ...)
#include "network/nonlinearities.def"
#undef FUNCTION
#undef LAYER_NAME
	NONLINEARITY_COUNT
} NonlinearityId;

struct Nonlinearity {
	NonlinearityId id;
	const char *name;
	const char *arguments[4]; /* names; the last one given counts on: "c" stands for c0, c1, .. */
	double operations;        /* of a pair of positions, for the cost model */
	double low, high;         /* variances between which it is tested */
	bool (*odd)(const Scalar *const *args, uint32_t count);
	uint32_t (*factors)(const Scalar *const *args, uint32_t count);
	/* Number of coefficients; writes them unless `list` is NULL. */
	uint32_t (*coefficients)(Arena *arena, const Scalar *const *args, uint32_t count, const Scalar **list);
};

extern const Nonlinearity nonlinearities[NONLINEARITY_COUNT];

/* Is the node's function odd? Then it keeps zero means. */
bool node_is_odd(const Node *node);
/* Numbers per sample and position that a node's dual takes from the variance. */
uint32_t node_factors(const Node *node);
/* The name of argument i of a pointwise node. */
const char *node_argument_name(Arena *arena, const Node *node, uint32_t i);

/* The degree that a row of one integer has as its argument: a constant, as the checker sees to. */
uint32_t nonlinearity_degree(const Scalar *const *args);
/* Is the coefficient of x^i zero for all values of the params? */
bool polynomial_lacks(const Scalar *const *args, uint32_t i);
/* [KR-58] Does the dual of sum p_i x^i have a term c^k? */
bool polynomial_has(const Scalar *const *args, uint32_t count, uint32_t k);

#endif
