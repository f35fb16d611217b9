#include "reference/duals/dual.h"

ReferenceDual *const reference_duals[NONLINEARITY_COUNT] = {
#define FUNCTION(id, arguments, odd, factors, coefficients, operations, low, high) [NONLINEARITY_##id] = dual_##id,
#define LAYER_NAME(name, id, positional, required, arguments, values)
#include "network/nonlinearities.def"
#undef FUNCTION
#undef LAYER_NAME
};
