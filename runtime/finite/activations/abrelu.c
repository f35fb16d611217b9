#include <math.h>

#include "finite/activations/activation.h"

/* a min(u, 0) + b max(u, 0) [KR-11] */
static double value(const double *args, uint32_t count, double u)
{
	(void)count;
	return u > 0 ? args[1] * u : args[0] * u;
}

static double slope(const double *args, uint32_t count, double u)
{
	(void)count;
	return u > 0 ? args[1] : u < 0 ? args[0] : 0; /* at zero, as of a black image, Theta is 0 [KR-29] */
}

const Activation activation_abrelu = {value, slope};
