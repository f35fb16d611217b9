#include <math.h>

#include "finite/activations/activation.h"

/* sum c_i u^i [KR-58] */
static double value(const double *args, uint32_t count, double u)
{
	double sum = 0;
	for (uint32_t i = count; i-- > 0;)
		sum = sum * u + args[i];
	return sum;
}

static double slope(const double *args, uint32_t count, double u)
{
	double sum = 0;
	for (uint32_t i = count; i-- > 1;)
		sum = sum * u + i * args[i];
	return sum;
}

const Activation activation_polynomial = {value, slope};
