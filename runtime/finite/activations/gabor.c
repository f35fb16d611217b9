#include <math.h>

#include "finite/activations/activation.h"

/* exp(-u^2) sin u [KR-56] */
static double value(const double *args, uint32_t count, double u)
{
	(void)args, (void)count;
	return exp(-u * u) * sin(u);
}

static double slope(const double *args, uint32_t count, double u)
{
	(void)args, (void)count;
	return exp(-u * u) * (cos(u) - 2 * u * sin(u));
}

const Activation activation_gabor = {value, slope};
