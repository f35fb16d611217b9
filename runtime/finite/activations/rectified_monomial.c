#include <math.h>

#include "finite/activations/activation.h"

/* u^n for u >= 0, otherwise 0 [KR-59] */
static double value(const double *args, uint32_t count, double u)
{
	(void)count;
	return u >= 0 ? pow(u, args[0]) : 0;
}

static double slope(const double *args, uint32_t count, double u)
{
	(void)count;
	return u > 0 && args[0] > 0 ? args[0] * pow(u, args[0] - 1) : 0;
}

const Activation activation_rectified_monomial = {value, slope};
