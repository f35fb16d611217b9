#include <math.h>

#include "reference/duals/dual.h"

/* exp(-x^2) sin x [KR-56]. With P = ab - c^2, Delta = 1 + 2 (a + b) + 4 P, S = (a + b + 4 P)/Delta and k = c/Delta:
 * value = exp(-S/2) sinh(k) / sqrt(Delta). */
Dual dual_gabor(const double *args, uint32_t count, double a, double b, double c)
{
	(void)args, (void)count;
	double root = dual_root_determinant(a, b, c), p4 = 4 * root * root;
	double delta = 1 + 2 * (a + b) + p4, s = (a + b + p4) / delta, k = c / delta;
	double ds = -8 * c / delta * ((1 + a + b) / delta), dk = 1 / delta + 8 * k * k;
	double scale = exp(-s / 2) / sqrt(delta);
	return (Dual){
		.value = scale * sinh(k),
		.slope = scale * (dk * cosh(k) + (4 * k - ds / 2) * sinh(k)),
	};
}
