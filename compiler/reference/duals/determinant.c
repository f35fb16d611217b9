/* What a pair of Gaussian variables needs of its covariance matrix, without cancellation or overflow. */
#include <math.h>

#include "reference/duals/dual.h"

/* Products of two numbers within these bounds neither overflow nor lose bits to underflow. */
#define PRODUCT_LOW  1e-140
#define PRODUCT_HIGH 1e140

static double root(double a, double b, double c)
{
	double determinant = a * b - c * c;
	return determinant > 0 ? sqrt(determinant) : 0;
}

/* [KR-11] D = sqrt(ab - c^2), at least 0. Deep nets halve or double the variances at every layer: the product ab would
 * leave the range of doubles long before a and b do [KR-30], so they are scaled by powers of two, which is exact and
 * keeps a = b = c equal. */
double dual_root_determinant(double a, double b, double c)
{
	int shift_a, shift_b;
	if (a == 0 || b == 0)
		return 0;
	if (a > PRODUCT_LOW && b > PRODUCT_LOW && a < PRODUCT_HIGH && b < PRODUCT_HIGH)
		return root(a, b, c);
	(void)frexp(a, &shift_a);
	(void)frexp(b, &shift_b);
	shift_a -= shift_a % 2; /* even, so that their mean is whole */
	shift_b -= shift_b % 2;
	int shift = (shift_a + shift_b) / 2;
	return ldexp(root(ldexp(a, -shift_a), ldexp(b, -shift_b), ldexp(c, -shift)), shift);
}

double dual_angle(double a, double b, double c)
{
	double d = dual_root_determinant(a, b, c);
	return d == 0 && c == 0 ? PI / 2 : atan2(d, c); /* not acos: near correlation one it would lose half the digits */
}
