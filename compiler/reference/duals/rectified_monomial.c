#include <math.h>

#include "reference/duals/dual.h"

/* E[z^k; z > 0] for z ~ N(0, sd^2] */
static double half_moment(uint32_t k, double sd)
{
	double moment = k % 2 == 0 ? 0.5 : 1 / sqrt(2 * PI);
	for (uint32_t i = k; i > 1; i -= 2)
		moment *= i - 1;
	return moment * pow(sd, k);
}

enum { MAX_DEGREE = 100 };

/* R(n, n) of R(m, n) = E[u^m u'^n; u, u' > 0] for unit variances, by integration by parts from the lowest powers [KR-59]:
 * c the correlation, s the sine. R is symmetric: only m >= n is kept. */
static double moment(uint32_t n, double c, double s)
{
	const double density = 1 / sqrt(2 * PI);
	double r[MAX_DEGREE + 1][MAX_DEGREE + 1];
	for (uint32_t j = 0; j <= n; j++)
		for (uint32_t i = j; i <= n; i++) {
			if (i == 0)
				r[0][0] = 0.5 - atan2(s, c) / (2 * PI);
			else if (j == 0 && i == 1)
				r[1][0] = density / 2 + c * density * half_moment(0, s);
			else if (j == 0)
				r[i][0] = (i - 1) * r[i - 2][0] + c * density * half_moment(i - 1, s);
			else if (i == 1)
				r[1][1] = density * half_moment(1, s) + c * r[0][0];
			else
				r[i][j] = (i - 1) * (i - 2 >= j ? r[i - 2][j] : r[j][i - 2]) + j * c * r[i - 1][j - 1];
		}
	return r[n][n];
}

static double value(uint32_t n, double a, double b, double c)
{
	double d = dual_root_determinant(a, b, c), length = hypot(c, d);
	bool vanishes = length == 0;
	return pow(sqrt(a) * sqrt(b), n) * moment(n, vanishes ? 0 : c / length, vanishes ? 1 : d / length);
}

/* max(x, 0)^n; n = 0: a step, whose slope is taken almost everywhere. */
Dual dual_rectified_monomial(const double *args, uint32_t count, double a, double b, double c)
{
	(void)count;
	uint32_t n = (uint32_t)args[0];
	return (Dual){.value = value(n, a, b, c), .slope = n > 0 ? (double)n * n * value(n - 1, a, b, c) : 0};
}
