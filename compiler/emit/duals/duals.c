#include "emit/duals/dual.h"

const CgFace *const cg_faces[NONLINEARITY_COUNT] = {
#define FUNCTION(id, arguments, odd, factors, coefficients, operations, low, high) [NONLINEARITY_##id] = &cg_dual_##id,
#define LAYER_NAME(name, id, positional, required, arguments, values)
#include "network/nonlinearities.def"
#undef FUNCTION
#undef LAYER_NAME
};
