#include <math.h>

#include "finite/activations/activation.h"

/* a exp(b u^2) [KR-54] */
static double value(const double *args, uint32_t count, double u)
{
	(void)count;
	return args[0] * exp(args[1] * u * u);
}

static double slope(const double *args, uint32_t count, double u)
{
	(void)count;
	return 2 * args[0] * args[1] * u * exp(args[1] * u * u);
}

const Activation activation_gaussian = {value, slope};
