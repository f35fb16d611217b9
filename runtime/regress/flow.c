/* Gradient flow: see flow.h. */
#include "regress/flow.h"

#include <float.h>
#include <math.h>

void entk_flow_weights(const double *values, double shift, size_t n, size_t outputs, double time, double *weights)
{
	double zero = n ? (double)n * DBL_EPSILON * (values[n - 1] + shift) : 0, count = (double)n * (double)outputs;
	for (size_t k = 0; k < n; k++) {
		double w = values[k] + shift;
		/* An eigenvalue that is zero up to rounding has no component in any kernel row: it counts as in the pseudo-inverse, not as 1/0. */
		if (w <= zero)
			weights[k] = 0;
		else
			weights[k] = isinf(time) ? 1 / w : -expm1(-w * time / count) / w;
	}
}
