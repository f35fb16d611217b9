#include <math.h>

#include "reference/duals/dual.h"

/* A kernel without a function: sqrt(ab) exp(gamma (c / sqrt(ab) + shift)) [KR-55] */
Dual dual_exp_normalized(const double *args, uint32_t count, double a, double b, double c)
{
	(void)count;
	double root = sqrt(a) * sqrt(b), cosine = root > 0 ? fmax(-1, fmin(1, c / root)) : 0;
	double e = exp(args[0] * (cosine + args[1]));
	return (Dual){.value = root * e, .slope = args[0] * e};
}
