/* Nonlinearities as functions of numbers, one row of network/nonlinearities.def in a file of its own: what a finite network
 * applies to its features, and its derivative almost everywhere. `args` are the values of Node.as.pointwise.args. */
#ifndef ENTK_ACTIVATION_H
#define ENTK_ACTIVATION_H

#include <stdint.h>

#include "network/nonlinearity.h"

typedef struct Activation {
	double (*value)(const double *args, uint32_t count, double u);
	double (*slope)(const double *args, uint32_t count, double u);
	/* both NULL: a kernel that no function has */
} Activation;

/* The coefficients of a polynomial of the highest degree. */
#define POINTWISE_MAX_ARGS 101

extern const Activation *const finite_activations[NONLINEARITY_COUNT];

#define FUNCTION(id, arguments, odd, factors, coefficients, operations, low, high) \
	extern const Activation activation_##id;
#define LAYER_NAME(name, id, positional, required, arguments, values)
#include "network/nonlinearities.def"
#undef FUNCTION
#undef LAYER_NAME

#endif
