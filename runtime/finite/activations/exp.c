#include <math.h>

#include "finite/activations/activation.h"

/* a exp(b u) [KR-53] */
static double value(const double *args, uint32_t count, double u)
{
	(void)count;
	return args[0] * exp(args[1] * u);
}

static double slope(const double *args, uint32_t count, double u)
{
	(void)count;
	return args[0] * args[1] * exp(args[1] * u);
}

const Activation activation_exp = {value, slope};
