#include <math.h>

#include "reference/duals/dual.h"

/* A erf(B x) + C [KR-12], with r^2 = (1 + 2 B^2 a)(1 + 2 B^2 b) - (2 B^2 c)^2 written as a sum of terms that are not
 * negative. */
Dual dual_erf(const double *args, uint32_t count, double a, double b, double c)
{
	(void)count;
	double scale = args[0], shift = args[2], twice = 2 * args[1] * args[1];
	double r = hypot(sqrt(1 + twice * (a + b)), twice * dual_root_determinant(a, b, c));
	double square = scale * scale * 2 / PI;
	return (Dual){.value = square * atan2(twice * c, r) + shift * shift, .slope = square * twice / r};
}
