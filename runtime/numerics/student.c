#include "numerics/student.h"

#include <float.h>
#include <math.h>

/* Continued fraction of the incomplete beta function I_x(a, b), by Lentz's method (Abramowitz and Stegun 26.5.8);
 * converges fast for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
	double c = 1, d = 1 / fmax(1 - (a + b) * x / (a + 1), DBL_MIN), value = d;
	for (int m = 1; m < 10000; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		d = 1 / (1 + even * d);
		c = 1 + even / c;
		value *= c * d;
		d = 1 / (1 + odd * d);
		c = 1 + odd / c;
		value *= c * d;
		if (fabs(c * d - 1) < 1e-14)
			break;
	}
	return value;
}

static double incomplete_beta(double a, double b, double x)
{
	if (!(x > 0))
		return 0;
	if (!(x < 1))
		return 1;
	double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double entk_student_tail(double t, double degrees)
{
	if (isinf(t))
		return 0;
	return incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t));
}

double entk_student_quantile(double level, double degrees)
{
	double low = 0, high = 1e6;
	for (int i = 0; i < 200; i++) {
		double middle = 0.5 * (low + high);
		*(entk_student_tail(middle, degrees) > 1 - level ? &low : &high) = middle;
	}
	return low;
}
