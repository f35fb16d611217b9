#include <math.h>

#include "reference/duals/dual.h"

/* E[u^m u'^n] by Isserlis' theorem [KR-58]: the terms with k pairs (u, u') among all pairings. */
static double moment(uint32_t m, uint32_t n, double a, double b, double c)
{
	double sum = 0;
	if ((m + n) % 2 == 1)
		return 0;
	for (uint32_t k = m % 2; k <= m && k <= n; k += 2) {
		double term = pow(c, k) * pow(a, (m - k) / 2) * pow(b, (n - k) / 2);
		for (uint32_t i = 1; i <= k; i++) /* binomial(m, k) binomial(n, k) k! */
			term *= (double)(m - k + i) * (n - k + i) / i;
		for (uint32_t i = m - k; i > 1; i -= 2) /* (m - k - 1)!! */
			term *= i - 1;
		for (uint32_t i = n - k; i > 1; i -= 2)
			term *= i - 1;
		sum += term;
	}
	return sum;
}

/* sum p_i x^i */
Dual dual_polynomial(const double *args, uint32_t count, double a, double b, double c)
{
	Dual d = {0, 0};
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t j = i % 2; j < count; j += 2) {
			double p = args[i] * args[j];
			if (p == 0)
				continue;
			d.value += p * moment(i, j, a, b, c);
			if (i > 0 && j > 0)
				d.slope += p * i * j * moment(i - 1, j - 1, a, b, c);
		}
	return d;
}
