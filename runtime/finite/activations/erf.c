#include <math.h>

#include "finite/activations/activation.h"

/* a erf(b u) + c [KR-12] */
static double value(const double *args, uint32_t count, double u)
{
	(void)count;
	return args[0] * erf(args[1] * u) + args[2];
}

static double slope(const double *args, uint32_t count, double u)
{
	(void)count;
	const double two_over_root_pi = 1.1283791670955126;
	return args[0] * args[1] * two_over_root_pi * exp(-args[1] * args[1] * u * u);
}

const Activation activation_erf = {value, slope};
