#include <math.h>

#include "reference/duals/dual.h"

/* A exp(B x) [KR-53] */
Dual dual_exp(const double *args, uint32_t count, double a, double b, double c)
{
	(void)count;
	double b2 = args[1] * args[1];
	double value = args[0] * args[0] * exp(b2 * (a + b + 2 * c) / 2);
	return (Dual){.value = value, .slope = b2 * value};
}
