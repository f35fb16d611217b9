#include "finite/activations/activation.h"

const Activation *const finite_activations[NONLINEARITY_COUNT] = {
#define FUNCTION(id, arguments, odd, factors, coefficients, operations, low, high) \
	[NONLINEARITY_##id] = &activation_##id,
#define LAYER_NAME(name, id, positional, required, arguments, values)
#include "network/nonlinearities.def"
#undef FUNCTION
#undef LAYER_NAME
};
