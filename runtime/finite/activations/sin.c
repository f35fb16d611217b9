#include <math.h>

#include "finite/activations/activation.h"

/* a sin(b u + c) [KR-51] */
static double value(const double *args, uint32_t count, double u)
{
	(void)count;
	return args[0] * sin(args[1] * u + args[2]);
}

static double slope(const double *args, uint32_t count, double u)
{
	(void)count;
	return args[0] * args[1] * cos(args[1] * u + args[2]);
}

const Activation activation_sin = {value, slope};
