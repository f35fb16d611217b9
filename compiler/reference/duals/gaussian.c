#include <math.h>

#include "reference/duals/dual.h"

/* A exp(B x^2) [KR-54]. Delta = (1 - 2 B a)(1 - 2 B b) - 4 B^2 c^2 = 1 - 2 B (a + b) + 4 B^2 D^2. Where 4 B a >= 1 the function
 * has no second moment: not a number. */
Dual dual_gaussian(const double *args, uint32_t count, double a, double b, double c)
{
	(void)count;
	double twice = 2 * args[1], square = args[0] * args[0];
	double d = twice * dual_root_determinant(a, b, c), delta = 1 - twice * (a + b) + d * d;
	if (2 * twice * a >= 1 || 2 * twice * b >= 1)
		return (Dual){NAN, NAN};
	double root = sqrt(delta);
	return (Dual){.value = square / root, .slope = square * twice * twice * c / delta / root};
}
