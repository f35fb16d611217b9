#include <math.h>

#include "finite/activations/activation.h"

/* u Phi(u), Phi the distribution of a standard normal number [KR-50] */
static double value(const double *args, uint32_t count, double u)
{
	(void)args, (void)count;
	return u * 0.5 * erfc(-u / sqrt(2));
}

static double slope(const double *args, uint32_t count, double u)
{
	(void)args, (void)count;
	const double one_over_root_2pi = 0.39894228040143267794;
	return 0.5 * erfc(-u / sqrt(2)) + u * one_over_root_2pi * exp(-u * u / 2);
}

const Activation activation_gelu = {value, slope};
