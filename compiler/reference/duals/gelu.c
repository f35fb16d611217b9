#include <math.h>

#include "reference/duals/dual.h"

/* x Phi(x) [KR-50] with d^2 = (1 + a)(1 + b) - c^2 = 1 + a + b + D^2, written without differences of products: (1 - ab)/p + 1 is
 * 1/(1 + a) + 1/(1 + b). */
Dual dual_gelu(const double *args, uint32_t count, double a, double b, double c)
{
	(void)args, (void)count;
	double determinant = dual_root_determinant(a, b, c);
	double d = hypot(sqrt(1 + a + b), determinant), angle = atan2(c, d);
	double from_c = c / (1 + a) * (c / (1 + b)), from_d = a / (1 + a) * d * (b / (1 + b)) * d;
	return (Dual){
		.value = c / 4 + (c * angle + (from_c + from_d) / d) / (2 * PI),
		.slope = 0.25 + (angle + c / d * (1 / (1 + a) + 1 / (1 + b) + 1 / d / d)) / (2 * PI),
	};
}
