#include <math.h>

#include "reference/duals/dual.h"

/* alpha min(x, 0) + beta max(x, 0) [KR-11], [KR-29] */
Dual dual_abrelu(const double *args, uint32_t count, double a, double b, double c)
{
	(void)count;
	double alpha = args[0], beta = args[1];
	double d = dual_root_determinant(a, b, c), theta = dual_angle(a, b, c);
	double square = (alpha - beta) * (alpha - beta) / (2 * PI);
	double slope = (alpha * alpha + beta * beta) / 2 - square * theta;
	return (Dual){.value = square * d + slope * c, .slope = slope};
}
