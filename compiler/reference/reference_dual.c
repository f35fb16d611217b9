/* Duals of the nonlinearities: expectations over a pair of Gaussian variables. */
#include <math.h>

#include "reference/reference_internal.h"

#define PI 3.14159265358979323846264338327950288

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
static double root_determinant(double a, double b, double c)
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

/* [KR-11], [KR-29] */
Dual dual_abrelu(double alpha, double beta, double a, double b, double c)
{
	double d = root_determinant(a, b, c);
	double theta = atan2(d, c); /* not acos: near correlation one it would lose half the digits */
	if (d == 0 && c == 0)
		theta = PI / 2; /* a variance vanishes; the value is 0 whatever the angle */
	double square = (alpha - beta) * (alpha - beta) / (2 * PI);
	double slope = (alpha * alpha + beta * beta) / 2 - square * theta;
	return (Dual){.value = square * d + slope * c, .slope = slope};
}

/* [KR-12] with r^2 = (1 + 2 B^2 a)(1 + 2 B^2 b) - (2 B^2 c)^2 written as a sum of terms that are not negative. */
Dual dual_erf(double scale, double slope, double shift, double a, double b, double c)
{
	double twice = 2 * slope * slope;
	double r = hypot(sqrt(1 + twice * (a + b)), twice * root_determinant(a, b, c));
	double square = scale * scale * 2 / PI;
	return (Dual){.value = square * atan2(twice * c, r) + shift * shift, .slope = square * twice / r};
}
