#include <math.h>

#include "reference/duals/dual.h"

/* A sin(B x + C) [KR-51]: E[cos B(u - u')] and E[cos(B(u + u') + 2 C)] are exponentials; their difference is written by expm1, as
 * for small variances it would cancel. */
Dual dual_sin(const double *args, uint32_t count, double a, double b, double c)
{
	(void)count;
	double square = args[0] * args[0], b2 = args[1] * args[1];
	double sine2 = sin(args[2]) * sin(args[2]), cosine2 = cos(args[2]) * cos(args[2]);
	double y = b2 * c, x = fabs(y);
	double most = exp(x - b2 * (a + b) / 2); /* the larger of the two exponentials */
	double even = most * (1 + exp(-2 * x)) / 2, odd = copysign(most * -expm1(-2 * x) / 2, y);
	return (Dual){
		.value = square * (sine2 * even + cosine2 * odd),
		.slope = square * b2 * (sine2 * odd + cosine2 * even),
	};
}
