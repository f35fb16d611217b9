/* Duals of the nonlinearities by definition: for Gaussian (u, u') of variances a, b and covariance c,
 *
 *   value = E[phi(u) phi(u')],     slope = E[phi'(u) phi'(u')],
 *
 * one function dual_id per row of network/nonlinearities.def, in a file of its own. `args` are the values of
 * Node.as.pointwise.args. Closed forms in double precision, written so that they keep their digits for small, large and
 * parallel arguments; they share nothing with what is emitted. */
#ifndef ENTK_DUAL_H
#define ENTK_DUAL_H

#include <stdint.h>

#include "network/nonlinearity.h"

#define PI 3.14159265358979323846264338327950288

typedef struct Dual {
	double value, slope;
} Dual;

typedef Dual ReferenceDual(const double *args, uint32_t count, double a, double b, double c);

extern ReferenceDual *const reference_duals[NONLINEARITY_COUNT];

#define FUNCTION(id, arguments, odd, factors, coefficients, operations, low, high) ReferenceDual dual_##id;
#define LAYER_NAME(name, id, positional, required, arguments, values)
#include "network/nonlinearities.def"
#undef FUNCTION
#undef LAYER_NAME

/* sqrt(ab - c^2), at least 0 [KR-11]. */
double dual_root_determinant(double a, double b, double c);
/* The angle in [0, pi] whose cosine is the correlation; pi/2 where a variance vanishes [KR-29]. */
double dual_angle(double a, double b, double c);

#endif
