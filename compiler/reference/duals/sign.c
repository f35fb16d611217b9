#include <math.h>

#include "reference/duals/dual.h"

/* sign(x) [KR-52]. The slope is that of the function almost everywhere. */
Dual dual_sign(const double *args, uint32_t count, double a, double b, double c)
{
	(void)args, (void)count;
	if (a == 0 || b == 0)
		return (Dual){0, 0};
	return (Dual){.value = 2 / PI * atan2(c, dual_root_determinant(a, b, c)), .slope = 0};
}
